/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/compat.h"
#include "base/fs.h"
#include "sys/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void descriptors_from_a_number_on_are_closed(void **state)
{
	int ends[2], status;

	(void)state;
	assert_true(fs_pipe(ends, 0));
	pid_t child = fork();
	if (child == 0) {
		int high = fcntl(ends[0], F_DUPFD, 200);
		process_close_from(ends[1]);
		_exit(fcntl(ends[0], F_GETFD) >= 0 && fcntl(ends[1], F_GETFD) < 0 && high >= 200 &&
		      fcntl(high, F_GETFD) < 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

static void what_is_inherited_is_closed(void **state)
{
	int ends[2], status;

	(void)state;
	assert_true(fs_pipe(ends, 0));
	pid_t child = fork();
	if (child == 0) {
		int open_one = fcntl(ends[0], F_DUPFD, 100);
		process_close_inherited();
		_exit(open_one >= 100 && fcntl(open_one, F_GETFD) < 0 &&
		      fcntl(ends[0], F_GETFD) >= 0 && fcntl(2, F_GETFD) >= 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(ends[0]);
	close(ends[1]);
}

/* What process_open returns tells of the end; or there is none, as the header says. */
static void the_end_of_a_child_can_be_waited_for(void **state)
{
	int ends[2], status;

	(void)state;
	assert_true(fs_pipe(ends, 0));
	pid_t child = fork();
	if (child == 0) {
		char byte;
		close(ends[1]);
		_exit(fs_read(ends[0], &byte, 1) == 0 ? 0 : 1);
	}
	struct pollfd p = { .fd = process_open(child), .events = POLLIN };
	if (p.fd >= 0) {
		assert_int_equal(poll(&p, 1, 0), 0);
	}
	close(ends[0]);
	close(ends[1]);
	if (p.fd >= 0) {
		assert_int_equal(poll(&p, 1, 10000), 1);
		close(p.fd);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

#if HAVE_PRCTL
/* The child's child says that it is there, and holds the pipe until it ends. */
static void a_child_ends_with_its_parent(void **state)
{
	int ends[2], status;
	char byte;

	(void)state;
	assert_true(fs_pipe(ends, 0));
	pid_t parent = fork();
	if (parent == 0) {
		if (fork() == 0) {
			process_end_with_parent();
			if (!fs_write_all(ends[1], "x", 1)) {
				_exit(1);
			}
			for (;;) {
				pause();
			}
		}
		_exit(fs_read(ends[0], &byte, 1) == 1 ? 0 : 1);
	}
	close(ends[1]);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	struct pollfd p = { .fd = ends[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(fs_read(ends[0], &byte, 1), 0);
	close(ends[0]);
}
#endif

/* No core file: by a limit, or because the process cannot be dumped. */
static void a_process_leaves_no_core(void **state)
{
	int status;

	(void)state;
	pid_t child = fork();
	if (child == 0) {
		struct rlimit limit;
		process_hide();
		bool is_limited = getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0;
		_exit(HAVE_PRCTL || is_limited ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void the_user_of_a_unix_socket_is_known(void **state)
{
	int pair[2], ends[2];
	uid_t uid = (uid_t)-1;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_true(fs_pipe(ends, 0));
	bool is_known = process_of_peer(pair[0], &uid);
	assert_int_equal(is_known, HAVE_SO_PEERCRED || HAVE_GETPEEREID);
	if (is_known) {
		assert_int_equal(uid, getuid());
	}
	assert_false(process_of_peer(ends[0], &uid));
	int tcp = socket(AF_INET, SOCK_STREAM, 0);
	assert_false(process_of_peer(tcp, &uid));
	close(tcp);
	for (int i = 0; i < 2; i++) {
		close(pair[i]);
		close(ends[i]);
	}
}

static void pipes_and_sockets_are_not_inherited(void **state)
{
	static const int flags[] = { 0, O_NONBLOCK };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		int fds[3];
		assert_true(fs_pipe(fds, flags[i]));
		fds[2] = fs_socket(AF_UNIX, flags[i]);
		for (size_t k = 0; k < 3; k++) {
			assert_true(fds[k] >= 0);
			assert_int_equal(fcntl(fds[k], F_GETFD), FD_CLOEXEC);
			assert_int_equal(fcntl(fds[k], F_GETFL) & O_NONBLOCK, flags[i]);
			close(fds[k]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_from_a_number_on_are_closed),
		cmocka_unit_test(what_is_inherited_is_closed),
		cmocka_unit_test(the_end_of_a_child_can_be_waited_for),
#if HAVE_PRCTL
		cmocka_unit_test(a_child_ends_with_its_parent),
#endif
		cmocka_unit_test(a_process_leaves_no_core),
		cmocka_unit_test(the_user_of_a_unix_socket_is_known),
		cmocka_unit_test(pipes_and_sockets_are_not_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
