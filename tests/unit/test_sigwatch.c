/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "sys/sigwatch.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static const int watched[] = { SIGTERM, SIGHUP, SIGCHLD };
enum { COUNT = sizeof(watched) / sizeof(watched[0]) };

static volatile sig_atomic_t handled;

static void handle(int number)
{
	handled = number;
}

static void set_action(int number, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	assert_int_equal(sigaction(number, &action, NULL), 0);
}

static void begin(struct sigwatch *w)
{
	struct err e;

	handled = 0;
	set_action(SIGTERM, handle);
	set_action(SIGHUP, SIG_IGN);
	assert_true(sigwatch_begin(w, watched, COUNT, &e));
}

static void end(struct sigwatch *w)
{
	sigwatch_end(w);
	set_action(SIGTERM, SIG_DFL);
	set_action(SIGHUP, SIG_DFL);
}

static bool is_readable(const struct sigwatch *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void a_signal_is_noted_and_taken_once(void **state)
{
	struct sigwatch w;
	sigset_t came;

	(void)state;
	begin(&w);
	assert_false(is_readable(&w));
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(raise(SIGTERM), 0);
	assert_true(is_readable(&w));
	assert_true(sigwatch_has(&w, SIGTERM));
	sigwatch_take(&w, &came);
	assert_true(sigismember(&came, SIGTERM));
	assert_false(sigismember(&came, SIGCHLD));
	assert_false(is_readable(&w));
	assert_false(sigwatch_has(&w, SIGTERM));
	sigwatch_take(&w, &came);
	assert_false(sigismember(&came, SIGTERM));
	end(&w);
	assert_int_equal(handled, 0);
}

static void what_was_not_taken_comes_again(void **state)
{
	struct sigwatch w;

	(void)state;
	begin(&w);
	assert_int_equal(raise(SIGTERM), 0);
	assert_int_equal(handled, 0);
	end(&w);
	assert_int_equal(handled, SIGTERM);
}

static void what_is_ignored_stays_ignored(void **state)
{
	struct sigwatch w;

	(void)state;
	begin(&w);
	assert_int_equal(w.count, COUNT - 1);
	assert_int_equal(raise(SIGHUP), 0);
	assert_false(is_readable(&w));
	assert_false(sigwatch_has(&w, SIGHUP));
	end(&w);
}

static void the_mask_is_as_before(void **state)
{
	struct sigwatch w;
	sigset_t mask, now;

	(void)state;
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	begin(&w);
	sigprocmask(SIG_BLOCK, NULL, &now);
	assert_false(sigismember(&now, SIGTERM));
	assert_true(sigismember(&now, SIGUSR1));
	assert_int_equal(raise(SIGTERM), 0);
	assert_true(sigwatch_has(&w, SIGTERM));
	sigwatch_end(&w);
	sigprocmask(SIG_BLOCK, NULL, &now);
	assert_true(sigismember(&now, SIGTERM));
	assert_true(sigismember(&now, SIGUSR1));
	/* It waits, as it would have waited without us. */
	assert_int_equal(handled, 0);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	assert_int_equal(handled, SIGTERM);
	end(&w);
}

/* fork() with all signals blocked; the child says how it would take a SIGTERM. */
static void a_child_has_the_default_action(void **state)
{
	struct sigwatch w;
	sigset_t all, before;
	int status;

	(void)state;
	begin(&w);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t child = fork();
	if (child == 0) {
		sigwatch_leave(&w);
		raise(SIGTERM);
		_exit(1);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
	assert_true(sigwatch_has(&w, SIGCHLD));
	assert_false(sigwatch_has(&w, SIGTERM));
	end(&w);
}

static void a_watch_that_never_began_can_end(void **state)
{
	struct sigwatch w = { .fd = -1, .write_end = -1 };

	(void)state;
	sigwatch_end(&w);
	assert_int_equal(w.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signal_is_noted_and_taken_once),
		cmocka_unit_test(what_was_not_taken_comes_again),
		cmocka_unit_test(what_is_ignored_stays_ignored),
		cmocka_unit_test(the_mask_is_as_before),
		cmocka_unit_test(a_child_has_the_default_action),
		cmocka_unit_test(a_watch_that_never_began_can_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
