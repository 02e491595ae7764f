/* SPDX-License-Identifier: ISC */
/* Who is at the other end of a descriptor. */
#include "unit.h"

#include "app/peer.h"
#include "base/fs.h"
#include "platform.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Our end of a connection to such a listener, or -1 when the system has no such address. */
static int accept_from(struct sockaddr *to, socklen_t size)
{
	int listener FS_AUTO = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client FS_AUTO = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t own = size;

	if (listener < 0 || bind(listener, to, size) != 0 || listen(listener, 1) != 0 ||
	    getsockname(listener, to, &own) != 0 || connect(client, to, own) != 0) {
		return -1;
	}
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void check(int fd, enum peer_kind kind, int64_t uid)
{
	struct peer p = peer_of(fd);

	assert_int_equal(p.kind, kind);
	assert_int_equal(p.uid, uid);
}

static void a_pipe_or_file_is_no_peer(void **state)
{
	int ends[2], file FS_AUTO = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	check(ends[0], PEER_NONE, -1);
	check(file, PEER_NONE, -1);
	check(-1, PEER_NONE, -1);
	fs_close(&ends[0]);
	fs_close(&ends[1]);
}

static void who_connects_by_a_name_is_known(void **state)
{
	/* An abstract one; the size says where its name ends. */
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 30);

	(void)state;
	snprintf(to.sun_path + 1, 29, "relay-test-peer-%ld", (long)getpid());
	int fd FS_AUTO = accept_from((struct sockaddr *)&to, size);
	assert_true(fd >= 0);
	/* Some systems do not say who it is. */
	check(fd, PEER_UNIX, HAVE_SO_PEERCRED || HAVE_GETPEEREID ? (int64_t)geteuid() : -1);
}

static void the_end_of_a_pair_is_nobody(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	check(ends[0], PEER_UNIX, -1);
	fs_close(&ends[0]);
	fs_close(&ends[1]);
}

static void loopback_is_this_machine(void **state)
{
	static const char *const addresses[] = { "127.0.0.1", "127.8.9.10" };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sockaddr_in to = { .sin_family = AF_INET };
		assert_int_equal(inet_pton(AF_INET, addresses[i], &to.sin_addr), 1);
		int fd FS_AUTO = accept_from((struct sockaddr *)&to, sizeof(to));
		assert_true(fd >= 0);
		/* The client has gone already. */
		check(fd, PEER_LOOPBACK, -1);
	}
	int fd FS_AUTO = accept_from((struct sockaddr *)&six, sizeof(six));
	if (fd >= 0) {
		assert_int_equal(peer_of(fd).kind, PEER_LOOPBACK);
	}
}

static void a_connection_that_is_open_has_a_user(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
	int client FS_AUTO = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int listener FS_AUTO = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int four FS_AUTO = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(six);

	(void)state;
	if (access("/proc/self/net/tcp", R_OK) != 0) {
		skip();
	}
	if (listener >= 0 && bind(listener, (struct sockaddr *)&six, size) == 0) {
		/* Both kinds: the server sees 127.0.0.1 as ::ffff:127.0.0.1. */
		assert_int_equal(listen(listener, 1), 0);
		assert_int_equal(getsockname(listener, (struct sockaddr *)&six, &size), 0);
		to.sin_port = six.sin6_port;
		assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof(to)), 0);
		int fd FS_AUTO = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		check(fd, PEER_LOOPBACK, geteuid());
		assert_int_equal(shutdown(client, SHUT_WR), 0);
		check(fd, PEER_LOOPBACK, geteuid());
		fs_close(&client);
		check(fd, PEER_LOOPBACK, -1);
	}
	to.sin_port = 0;
	size = sizeof(to);
	fs_close(&listener);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(four, (struct sockaddr *)&to, size), 0);
	assert_int_equal(listen(four, 1), 0);
	assert_int_equal(getsockname(four, (struct sockaddr *)&to, &size), 0);
	assert_int_equal(connect(client, (struct sockaddr *)&to, size), 0);
	int fd FS_AUTO = accept4(four, NULL, NULL, SOCK_CLOEXEC);
	check(fd, PEER_LOOPBACK, geteuid());
}

static void only_a_socket_that_somebody_has_counts(void **state)
{
#define LINE(state, uid, inode) "  sl  local_address rem_address   st …\n" \
	"   0: 0100007F:0019 0100007F:A000 01 00000000:00000000 00:00000000 00000000     0        " \
	"0 11 1 0\n" \
	"   1: 0100007F:A000 0100007F:0019 " state " 00000000:00000000 00:00000000 00000000  " uid \
	"        0 " inode " 1 0000000000000000 20 4 30 10 -1\n"
	static const struct {
		const char *table;
		int64_t uid;
	} rows[] = {
		{ LINE("01", "1000", "11"), 1000 },
		{ LINE("01", "0", "11"), 0 },
		{ LINE("01", "0", "0"), -1 },
		{ LINE("04", "1000", "11"), 1000 },
		{ LINE("05", "1000", "11"), 1000 },
		{ LINE("05", "0", "0"), -1 },
		{ LINE("01", "4294967295", "11"), -1 },
		{ LINE("01", "x", "11"), -1 },
		{ "   1: 0100007F:A000 0100007F:0019 01", -1 },
		{ "", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(peer_uid_in(span_str(rows[i].table), "0100007F:A000",
					     "0100007F:0019"),
				 rows[i].uid);
	}
}

/* Not connected, or of a kind that we do not know. */
static void every_other_socket_is_remote(void **state)
{
	int tcp FS_AUTO = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	check(tcp, PEER_REMOTE, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pipe_or_file_is_no_peer),
		cmocka_unit_test(who_connects_by_a_name_is_known),
		cmocka_unit_test(the_end_of_a_pair_is_nobody),
		cmocka_unit_test(loopback_is_this_machine),
		cmocka_unit_test(a_connection_that_is_open_has_a_user),
		cmocka_unit_test(only_a_socket_that_somebody_has_counts),
		cmocka_unit_test(every_other_socket_is_remote),
	};

	return cmocka_run_group_tests_name("peer", tests, NULL, NULL);
}
