/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "pty.h"

#include "sys/spawn.h"

#include <errno.h>
#include <signal.h>
#include <sys/stat.h>

static void the_first_line_is_the_answer(void **state)
{
	static const struct {
		const char *command;
		const char *want; /* "!…" = this error */
	} cases[] = {
		{ "echo secret", "secret" },
		{ "printf secret", "secret" },
		{ "printf 'two words\\nmore\\nlines\\n'", "two words" },
		{ "printf 'secret\\r\\n'", "secret" },
		{ "printf ' a\\rb \\n'", " a\rb " },
		{ "printf a; printf b; echo c; echo d", "abc" },
		{ "cat; echo nothing to read", "nothing to read" },
		{ "printf 'good\\nNUL after \\000\\n'", "good" },
		{ "seq 1 10000", "1" },
		{ "printf %0100d 0",
		  "00000000000000000000000000000000000000000000000000"
		  "00000000000000000000000000000000000000000000000000" },
		{ "printf %0101d 0", "!the command printed too much" },
		{ "echo hunter2; exit 3", "!the command ended with status 3" },
		{ "exec /no/such/hunter2 2>/dev/null",
		  "!the command ended with status 127 (not found)" },
		{ "echo hunter2; kill -KILL $$",
		  "!the command was ended by signal 9 (Killed)" },
		{ ":", "!the command printed nothing" },
		{ "echo; echo hunter2", "!the first line the command printed is empty" },
		{ "printf 'hunter\\0002\\n'", "!the command printed a NUL byte" },
		{ "yes hunter2", "!the command printed too much" },
		{ "yes hunter2 | tr -d '\\n'", "!the command printed too much" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want;
		struct buf line;
		struct err e = { 0 };
		buf_init_secret(&line, 100);
		bool is_good = spawn_first_line(cases[i].command, clock_ms() + 10000,
						&line, CAUSE_SECRET, &e);
		assert_string_equal(is_good ? "" : e.text,
				    want[0] == '!' ? want + 1 : "");
		assert_string_equal(line.data, want[0] == '!' ? "" : want);
		assert_int_equal(e.cause, is_good ? CAUSE_NONE : CAUSE_SECRET);
		buf_clear(&line);
	}
}

static void assert_gives(const char *command, const char *want)
{
	struct buf line;
	struct err e;

	buf_init(&line, 1000);
	if (!spawn_first_line(command, clock_ms() + 10000, &line, CAUSE_CONFIG, &e)) {
		fail_msg("%s: %s", command, e.text);
	}
	assert_string_equal(line.data, want);
	buf_clear(&line);
}

static void the_deadline_kills_the_whole_group(void **state)
{
	char folder[] = "/tmp/relay-test-XXXXXX", path[60], command[200];
	struct buf line;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/alive", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	struct pollfd alive = { .fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) };
	assert_true(alive.fd >= 0);
	snprintf(command, sizeof(command),
		 "exec 3>%s; trap '' TERM; sleep 100 & echo hunter2; wait", path);
	buf_init(&line, 100);
	int64_t start = clock_ms();
	assert_false(spawn_first_line(command, start + 200, &line, CAUSE_SECRET, &e));
	assert_in_range(clock_ms() - start, 198, 2000);
	assert_string_equal(e.text, "the command took too long");
	assert_int_equal(line.size, 0);
	/* The sleep held the pipe open as long as it lived. */
	assert_int_equal(poll(&alive, 1, 5000), 1);
	assert_true(alive.revents & POLLHUP);
	close(alive.fd);
	unlink(path);
	rmdir(folder);
	buf_clear(&line);
}

static void a_helper_left_in_the_background_is_not_waited_for(void **state)
{
	int64_t start = clock_ms();

	(void)state;
	assert_gives("echo secret; sleep 0.5 2>/dev/null &", "secret");
	assert_true(clock_ms() - start < 400);
}

static void the_command_starts_from_a_clean_state(void **state)
{
	sigset_t blocked, before;
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old_pipe, old_child, now;
	/* Not close-on-exec: as if we had inherited it from our own caller. */
	int inherited = dup2(STDERR_FILENO, 9);

	(void)state;
	assert_int_equal(inherited, 9);
	sigfillset(&blocked);
	sigprocmask(SIG_SETMASK, &blocked, &before);
	sigaction(SIGPIPE, &ignore, &old_pipe);
	/* With SIGCHLD ignored the kernel would throw the status away. */
	sigaction(SIGCHLD, &ignore, &old_child);
	/* 32 and 33 are glibc's own: nobody can set them, and GNU make leaves them ignored. */
	assert_gives("sed -nE '/^SigIgn/s/[01]80000000$/000000000/;/^Sig(Blk|Ign)/p' "
		     "/proc/self/status | tr -d '\\n\\t '",
		     "SigBlk:0000000000000000SigIgn:0000000000000000");
	assert_gives("ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 "); /* 3 is ls's own */
	assert_gives("readlink /proc/self/fd/0", "/dev/null");
	assert_gives("test $(ps -o pgid= -p $$) = $$ && echo own group", "own group");
	sigaction(SIGCHLD, NULL, &now);
	assert_true(now.sa_handler == SIG_IGN);
	sigaction(SIGCHLD, &old_child, NULL);
	sigaction(SIGPIPE, &old_pipe, NULL);
	sigset_t mask;
	sigprocmask(SIG_SETMASK, &before, &mask);
	assert_true(sigismember(&mask, SIGINT));
	close(inherited);
	setenv("RELAY_TEST", "from outside", 1);
	assert_gives("echo \"$RELAY_TEST\"", "from outside");
}

static int without_0_1_2(void)
{
	struct buf line;
	struct err e;

	close(0);
	close(1);
	close(2);
	buf_init(&line, 100);
	bool is_good = spawn_first_line("echo error >&2; cat; echo secret",
					clock_ms() + 5000, &line, CAUSE_SECRET, &e) &&
		       strcmp(line.data, "secret") == 0;
	buf_clear(&line);
	return !is_good;
}

/* With a pipe as stderr: is there anything in it? */
static bool says(bool is_quiet)
{
	int ends[2], own = dup(STDERR_FILENO);
	struct buf line;
	struct err e;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	dup2(ends[1], STDERR_FILENO);
	buf_init(&line, 100);
	bool is_good = (is_quiet ? spawn_quietly : spawn_first_line)(
		"echo hunter2 >&2; echo x", clock_ms() + 5000, &line, CAUSE_SECRET, &e);
	dup2(own, STDERR_FILENO);
	close(own);
	close(ends[1]);
	struct pollfd p = { .fd = ends[0], .events = POLLIN };
	bool has_said = poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
	close(ends[0]);
	assert_true(is_good);
	assert_string_equal(line.data, "x");
	buf_clear(&line);
	return has_said;
}

static void a_quiet_command_is_not_heard(void **state)
{
	(void)state;
	assert_true(says(false));
	assert_false(says(true));
}

static void closed_standard_descriptors_do_no_harm(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		_exit(without_0_1_2());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int lend_the_terminal(void)
{
	struct buf line;
	struct err e;

	buf_init(&line, 100);
	bool is_good =
		spawn_first_line("printf 'PIN: ' >/dev/tty; read x </dev/tty; echo $x",
				 clock_ms() + 5000, &line, CAUSE_SECRET, &e) &&
		strcmp(line.data, "1234") == 0;
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	is_good = is_good && tcgetpgrp(tty) == getpgrp();
	close(tty);
	buf_clear(&line);
	return !is_good;
}

static void the_command_may_ask_at_the_terminal(void **state)
{
	struct pty p;

	(void)state;
	pty_start(&p, lend_the_terminal);
	pty_expect(&p, "PIN: ");
	pty_type(&p, "1234\n");
	assert_int_equal(pty_end(&p), 0);
}

/* What the function shall do; it cannot reach our own descriptors. */
struct told {
	const char *text;
	int status;
	bool hangs;
};

static int tell(void *context, int out)
{
	const struct told *t = context;
	ssize_t n = write(out, t->text, strlen(t->text));

	if (fcntl(9, F_GETFD) >= 0) {
		return 77;
	}
	/* Lost: the caller's stderr is for one line of ours. */
	n += write(STDERR_FILENO, "noise\n", 6);
	while (t->hangs) {
		pause();
	}
	return n > 0 ? t->status : 1;
}

static void a_function_answers_from_a_process_of_its_own(void **state)
{
	static const struct {
		struct told told;
		const char *want; /* "!…" = this error */
	} cases[] = {
		{ { "answer\n", 0, false }, "answer" },
		{ { "two words\nmore\n", 0, false }, "two words" },
		{ { "hunter2\n", 3, false }, "!it ended with status 3" },
		{ { "", 0, false }, "!it printed nothing" },
		{ { "hunter2\n", 0, true }, "!it took too long" },
	};
	int inherited = dup2(STDERR_FILENO, 9);

	(void)state;
	assert_int_equal(inherited, 9);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want;
		struct told told = cases[i].told;
		struct buf line;
		struct err e = { 0 };
		buf_init_secret(&line, 100);
		int64_t deadline = clock_ms() + (told.hangs ? 200 : 10000);
		bool is_good = spawn_call("it", tell, &told, deadline, &line, CAUSE_SECRET, &e);
		assert_string_equal(is_good ? "" : e.text, want[0] == '!' ? want + 1 : "");
		assert_string_equal(line.data, want[0] == '!' ? "" : want);
		buf_clear(&line);
	}
	close(inherited);
}

static void the_command_does_not_see_our_password(void **state)
{
	(void)state;
	setenv("RELAY_PASSWORD", "hunter2", 1);
	setenv("RELAY_PASSWORD_FILE", "/run/secrets/x", 1);
	assert_gives("echo \"$RELAY_PASSWORD<$RELAY_PASSWORD_FILE\"", "</run/secrets/x");
	unsetenv("RELAY_PASSWORD");
	unsetenv("RELAY_PASSWORD_FILE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_line_is_the_answer),
		cmocka_unit_test(the_deadline_kills_the_whole_group),
		cmocka_unit_test(a_helper_left_in_the_background_is_not_waited_for),
		cmocka_unit_test(the_command_starts_from_a_clean_state),
		cmocka_unit_test(a_function_answers_from_a_process_of_its_own),
		cmocka_unit_test(the_command_does_not_see_our_password),
		cmocka_unit_test(a_quiet_command_is_not_heard),
		cmocka_unit_test(closed_standard_descriptors_do_no_harm),
		cmocka_unit_test(the_command_may_ask_at_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
