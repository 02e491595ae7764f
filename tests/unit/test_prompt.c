/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "pty.h"

#include "sys/prompt.h"

#include <signal.h>

/* Statuses of the children. */
enum { RIGHT = 10, WRONG, NOT_ASKED, EMPTY, LATE, TOO_LONG, SIGNALLED };

static int outcome(bool is_good, bool was_asked, struct buf *secret, const struct err *e)
{
	int status = WRONG;

	if (is_good && !was_asked) {
		status = NOT_ASKED;
	} else if (is_good) {
		status = strcmp(secret->data, "hunter2") == 0 ? RIGHT : WRONG;
	} else if (secret->size == 0) {
		status = e->cause == CAUSE_SIGNAL			   ? SIGNALLED
			 : strcmp(e->text, "no password was typed") == 0   ? EMPTY
			 : strcmp(e->text, "nobody typed it in time") == 0 ? LATE
			 : strcmp(e->text, "that is too long to be typed") == 0 ? TOO_LONG
										: WRONG;
	}
	buf_clear(secret);
	return status;
}

static int ask_within(int64_t ms)
{
	struct buf secret;
	struct err e;
	bool was_asked = false;

	buf_init_secret(&secret, 16384);
	bool is_good = prompt_secret("password for \033[2J joe: ", clock_ms() + ms,
				     &secret, &was_asked, &e);
	return outcome(is_good, was_asked, &secret, &e);
}

static int ask_patiently(void)
{
	return ask_within(5000);
}

static int ask_shortly(void)
{
	return ask_within(50);
}

static void on_signal(int number)
{
	(void)number;
}

static int ask_with_a_handler(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	return ask_within(5000);
}

static int ask_in_the_background(void)
{
	int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	pid_t child = fork();

	if (child == 0) {
		setpgid(0, 0);
		_exit(ask_within(5000));
	}
	int status = 0;
	waitpid(child, &status, 0);
	close(tty);
	return WIFEXITED(status) ? WEXITSTATUS(status) : WRONG;
}

static void a_password_is_read_without_echo(void **state)
{
	struct pty p;

	(void)state;
	pty_start(&p, ask_patiently);
	pty_expect(&p, "password for ?[2J joe: ");
	assert_false(pty_has_echo(&p));
	pty_type(&p, "hunter3\1772\n");
	pty_expect(&p, "joe: \r\n");
	assert_null(strstr(p.seen, "hunter"));
	pty_expect(&p, "[ended, echo on]");
	assert_int_equal(pty_end(&p), RIGHT);
}

static void an_empty_answer_or_none_is_an_error(void **state)
{
	static const struct {
		int (*play)(void);
		const char *keys;
		int want;
	} cases[] = {
		{ ask_patiently, "\n", EMPTY },
		{ ask_patiently, "\004", EMPTY },
		{ ask_shortly, "", LATE },
		{ ask_shortly, "hunter2", LATE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pty p;
		pty_start(&p, cases[i].play);
		pty_expect(&p, "joe: ");
		pty_type(&p, cases[i].keys);
		assert_int_equal(pty_end(&p), cases[i].want);
	}
}

static void what_the_terminal_would_cut_is_refused(void **state)
{
	struct pty p;
	char keys[5002];

	(void)state;
	memset(keys, 'x', sizeof(keys));
	keys[5000] = '\n';
	keys[5001] = '\0';
	pty_start(&p, ask_patiently);
	pty_expect(&p, "joe: ");
	pty_type(&p, keys);
	assert_int_equal(pty_end(&p), TOO_LONG);
}

static void a_signal_ends_it_with_the_echo_on_again(void **state)
{
	static const int signals[] = { 0 /* typed */, SIGINT, SIGTERM, SIGHUP, SIGQUIT };

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		struct pty p;
		pty_start(&p, ask_patiently);
		pty_expect(&p, "joe: ");
		assert_false(pty_has_echo(&p));
		if (signals[i]) {
			pty_kill(&p, signals[i]);
		} else {
			pty_type(&p, "\003");
		}
		pty_expect(&p, "[ended, echo on]");
		assert_int_equal(pty_end(&p), 128 + (signals[i] ? signals[i] : SIGINT));
	}
}

static void a_handled_signal_is_an_error_of_its_own(void **state)
{
	struct pty p;

	(void)state;
	pty_start(&p, ask_with_a_handler);
	pty_expect(&p, "joe: ");
	pty_kill(&p, SIGTERM);
	assert_int_equal(pty_end(&p), SIGNALLED);
}

static void after_a_stop_it_asks_again(void **state)
{
	struct pty p;

	(void)state;
	pty_start(&p, ask_patiently);
	pty_expect(&p, "joe: ");
	pty_type(&p, "half a pass\032");
	pty_expect(&p, "joe: \r\n[stopped, echo on]\r\npassword for ?[2J joe: ");
	assert_false(pty_has_echo(&p));
	pty_type(&p, "hunter2\n");
	pty_expect(&p, "[ended, echo on]");
	assert_int_equal(pty_end(&p), RIGHT);
}

static void without_a_terminal_of_our_own_nobody_is_asked(void **state)
{
	struct pty p;

	(void)state;
	pty_start(&p, ask_in_the_background);
	assert_int_equal(pty_end(&p), NOT_ASKED);

	pid_t child = fork();
	if (child == 0) {
		setsid();
		_exit(ask_within(5000));
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), NOT_ASKED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_password_is_read_without_echo),
		cmocka_unit_test(an_empty_answer_or_none_is_an_error),
		cmocka_unit_test(what_the_terminal_would_cut_is_refused),
		cmocka_unit_test(a_signal_ends_it_with_the_echo_on_again),
		cmocka_unit_test(a_handled_signal_is_an_error_of_its_own),
		cmocka_unit_test(after_a_stop_it_asks_again),
		cmocka_unit_test(without_a_terminal_of_our_own_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
