/* SPDX-License-Identifier: ISC */
/* The server engine when its caller breaks off, or refuses. */
#include "unit.h"

#include "served.h"

static const struct smtp_server_options on_pipe = { .host = "host.test" };

#define ENVELOPE "MAIL FROM:<joe@a.test>\r\nRCPT TO:<ann@b.test>\r\n"

static struct smtp_answer refusal(void)
{
	struct smtp_answer a;

	smtp_answer_set(&a, VERDICT_TEMPORARY, 452, "4.3.1", "no room");
	return a;
}

enum stop { STOP_LOST, STOP_TIMEOUT, STOP_SHUTDOWN };

static void stop(struct smtp_server *s, enum stop how)
{
	if (how == STOP_LOST) {
		smtp_server_lost(s);
	} else if (how == STOP_TIMEOUT) {
		smtp_server_timeout(s);
	} else {
		smtp_server_shutdown(s);
	}
}

/* Goes up to the nth action of this kind. */
static struct smtp_server_action go_to(struct smtp_server *s,
				       enum smtp_server_action_kind kind)
{
	struct smtp_server_action a;

	while ((a = smtp_server_next(s)).kind != kind) {
		assert_true(a.kind != SERVER_DONE);
		if (a.kind == SERVER_WRITE) {
			smtp_server_wrote(s);
		} else if (a.kind == SERVER_READ) {
			smtp_server_feed(s, span_str(ENVELOPE "DATA\r\nx\r\n.\r\n"));
		}
	}
	return a;
}

/* Rule 1, at every place where it can be broken off. */
static void a_stop_at_any_action_aborts_what_is_begun(void **state)
{
	static const enum smtp_server_action_kind kinds[] = { SERVER_BEGIN, SERVER_DATA,
							      SERVER_END };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		for (enum stop how = STOP_LOST; how <= STOP_SHUTDOWN; how++) {
			struct smtp_server *s = smtp_server_new(&on_pipe);
			go_to(s, kinds[i]);
			stop(s, how);
			assert_int_equal(smtp_server_next(s).kind, SERVER_ABORT);
			struct smtp_server_action a = smtp_server_next(s);
			if (how != STOP_LOST) {
				assert_int_equal(a.kind, SERVER_WRITE);
				assert_non_null(memmem(a.data.data, a.data.size, "421 4.", 6));
				smtp_server_wrote(s);
				a = smtp_server_next(s);
			}
			assert_int_equal(a.kind, SERVER_DONE);
			assert_int_equal(a.how, how == STOP_LOST      ? SERVER_LOST
						: how == STOP_TIMEOUT ? SERVER_TIMEOUT
								      : SERVER_SHUTDOWN);
			assert_int_equal(smtp_server_next(s).kind, SERVER_DONE);
			smtp_server_free(s);
		}
	}
}

static void a_stop_at_a_write_lets_it_end(void **state)
{
	struct smtp_server *s = smtp_server_new(&on_pipe);
	struct smtp_server_action a = smtp_server_next(s);

	(void)state;
	assert_int_equal(a.kind, SERVER_WRITE);
	smtp_server_shutdown(s);
	struct smtp_server_action again = smtp_server_next(s);
	assert_int_equal(again.kind, SERVER_WRITE);
	assert_ptr_equal(again.data.data, a.data.data);
	assert_int_equal(again.data.size, a.data.size);
	smtp_server_wrote(s);
	a = smtp_server_next(s);
	assert_int_equal(a.kind, SERVER_WRITE);
	assert_memory_equal(a.data.data, "421 4.3.2", 9);
	smtp_server_wrote(s);
	assert_int_equal(smtp_server_next(s).kind, SERVER_DONE);
	smtp_server_free(s);

	s = smtp_server_new(&on_pipe);
	assert_int_equal(smtp_server_next(s).kind, SERVER_WRITE);
	smtp_server_lost(s);
	a = smtp_server_next(s);
	assert_int_equal(a.kind, SERVER_DONE);
	assert_int_equal(a.how, SERVER_LOST);
	smtp_server_free(s);
}

static void a_stop_after_quit_changes_nothing(void **state)
{
	struct smtp_server *s = smtp_server_new(&on_pipe);
	struct smtp_server_action a;

	(void)state;
	assert_int_equal(smtp_server_next(s).kind, SERVER_WRITE);
	smtp_server_wrote(s);
	assert_int_equal(smtp_server_next(s).kind, SERVER_READ);
	smtp_server_feed(s, span_str("QUIT\n"));
	assert_int_equal(smtp_server_next(s).kind, SERVER_WRITE);
	smtp_server_timeout(s);
	smtp_server_lost(s);
	a = smtp_server_next(s);
	assert_int_equal(a.kind, SERVER_DONE);
	assert_int_equal(a.how, SERVER_QUIT);
	smtp_server_free(s);
}

/* No ABORT comes for a message that the caller has refused. */
static void refused_by_the_caller_it_is_not_aborted(void **state)
{
	(void)state;
	for (int at_data = 0; at_data < 2; at_data++) {
		struct smtp_server *s = smtp_server_new(&on_pipe);
		struct smtp_answer no = refusal();
		struct smtp_server_action a;
		go_to(s, at_data ? SERVER_DATA : SERVER_BEGIN);
		smtp_server_verdict(s, &no);
		smtp_server_shutdown(s);
		a = smtp_server_next(s);
		assert_int_equal(a.kind, SERVER_WRITE);
		smtp_server_wrote(s);
		assert_int_equal(smtp_server_next(s).kind, SERVER_DONE);
		smtp_server_free(s);
	}
}

static void a_session_that_is_refused_says_only_that(void **state)
{
	struct smtp_server_options options = { .host = "host.test" };
	struct smtp_answer why;
	struct served d;

	(void)state;
	smtp_answer_set(&why, VERDICT_TEMPORARY, 421, "4.3.2", "too many");
	options.refusal = &why;
	served_init(&d, &options);
	served_run(&d);
	assert_true(d.is_done);
	assert_int_equal(d.last.how, SERVER_HUNG_UP);
	assert_string_equal(d.out.data, "421 4.3.2 too many\r\n");
	served_clear(&d);
}

static bool takes_no_joe(void *context, const char *sender, struct smtp_answer *why)
{
	unsigned *asked = context;

	++*asked;
	smtp_answer_set(why, VERDICT_PERMANENT, 553, "5.7.1", "not <%s>", sender);
	return strcmp(sender, "joe@a.test") != 0;
}

static void a_sender_that_is_not_taken_ends_nothing(void **state)
{
	unsigned asked = 0;
	const struct smtp_server_options options = {
		.host = "host.test", .takes_sender = takes_no_joe, .context = &asked,
	};
	struct served d;

	(void)state;
	served_init(&d, &options);
	served_say(&d, "MAIL FROM:<joe@a.test>\r\nRCPT TO:<a@b.test>\r\nMAIL FROM:<>\r\n"
		   "RSET\r\nMAIL FROM:<joe@\r\nQUIT\r\n");
	assert_int_equal(asked, 2);
	assert_non_null(strstr(d.out.data, "\r\n553 5.7.1 not <joe@a.test>\r\n503 5.5.1 MAIL comes "
					   "first\r\n250 2.1.0 Ok\r\n250 2.0.0 Ok\r\n501 "));
	assert_int_equal(d.begins, 0);
	served_clear(&d);
}

static void the_queue_is_the_callers_business(void **state)
{
	struct smtp_server_options options = { .host = "host.test" };
	struct served d;

	(void)state;
	served_init(&d, &options);
	served_say(&d, "XQUEUE list\r\nQUIT\r\n");
	assert_non_null(strstr(d.out.data, "\r\n500 5.5.2 unknown command\r\n221 "));
	served_clear(&d);
	options.has_own = true;
	served_init(&d, &options);
	served_say(&d, "EHLO me\r\nQUIT\r\n");
	assert_non_null(strstr(d.out.data, "\r\n250-XSUBMIT\r\n"));
	served_clear(&d);
	served_init(&d, &options);
	served_say(&d, "MAIL FROM:<>\r\nxqueue list\r\nRSET\r\nxqueue  list x \r\nNOOP\r\n");
	assert_true(d.is_done);
	assert_int_equal(d.last.how, SERVER_QUIT);
	assert_non_null(strstr(d.log.data, "list x"));
	assert_non_null(strstr(d.out.data, "\r\n503 5.5.1 XQUEUE within"));
	assert_string_equal(d.out.data + d.out.size - strlen("250 2.0.0 Ok\r\n"), "250 2.0.0 Ok\r\n");
	served_clear(&d);
}

/* What the client hears of a message that failed so. */
static void hear(const char *parameters, const struct smtp_result *result, struct served *d)
{
	static const struct smtp_server_options options = { .host = "host.test",
							    .has_own = true };
	struct reaction no = { .at = REACT_END, .nth = 1 };
	char command[200];

	smtp_answer_set(&no.answer, VERDICT_PERMANENT, 550, "5.1.1", "no \xc3\xa4");
	no.answer.result = *result;
	served_init(d, &options);
	d->reactions = &no;
	d->reaction_count = 1;
	snprintf(command, sizeof(command),
		 "MAIL FROM:<a@b.test>%s\r\nRCPT TO:<c@d.test>\r\nBDAT 3 LAST\r\nx\r\n",
		 parameters);
	served_say(d, command);
	const char *end = strstr(d->out.data, "250 2.1.5 Ok\r\n");
	assert_non_null(end);
	buf_drop(&d->out, (size_t)(end - d->out.data) + strlen("250 2.1.5 Ok\r\n"));
}

static void who_asks_hears_the_result(void **state)
{
	static const struct smtp_result none = { 0 };
	const struct smtp_result result = { true, 67, true, span_str("a: no \xc3\xa4\n\nb\n") };
	struct served d;

	(void)state;
	hear("", &result, &d);
	assert_string_equal(d.out.data, "550 5.1.1 no ??\r\n");
	served_clear(&d);
	hear(" XRESULT", &none, &d);
	assert_string_equal(d.out.data, "550 5.1.1 no \xc3\xa4\r\n");
	served_clear(&d);
	hear(" XRESULT", &result, &d);
	assert_string_equal(d.out.data, "550-5.1.1 no \xc3\xa4\r\n550-5.1.1 |a: no \xc3\xa4\r\n"
					"550-5.1.1 |\r\n550-5.1.1 |b\r\n550 5.1.1 67 1\r\n");
	served_clear(&d);
}

static void a_result_is_bounded(void **state)
{
	struct buf said BUF_AUTO;
	struct served d;

	(void)state;
	buf_init(&said, 1 << 20);
	/* Two bytes a character: one of them lies across the end of a piece. */
	assert_true(buf_add_byte(&said, 'x'));
	for (int i = 0; i < 300; i++) {
		assert_true(buf_add_str(&said, "\xc3\xa4"));
	}
	for (int i = 0; i < 1000; i++) {
		assert_true(buf_add_str(&said, i % 100 ? "\nline" : "\nend"));
	}
	assert_true(buf_add_byte(&said, '\n'));
	const struct smtp_result result = { true, 75, false, buf_span(&said) };
	hear(" XRESULT", &result, &d);
	assert_non_null(strstr(d.out.data, "\xa4\r\n550-5.1.1 +\xc3\xa4"));
	assert_null(strchr(d.out.data, '?'));
	assert_non_null(strstr(d.out.data, "|line\r\n550-5.1.1 |752 more lines are left out here"
					   "\r\n550 5.1.1 75 0\r\n"));
	served_clear(&d);
}

/* What a program says for us (passwordeval) is not always UTF-8. */
static void a_result_that_is_no_text_is_bounded(void **state)
{
	struct buf said BUF_AUTO;
	struct served d;
	size_t lines = 0;

	(void)state;
	buf_init(&said, 1 << 14);
	for (int i = 0; i < 8000; i++) {
		assert_true(buf_add_byte(&said, '\x80'));
	}
	assert_true(buf_add_byte(&said, '\n'));
	const struct smtp_result result = { true, 75, false, buf_span(&said) };
	hear(" XRESULT", &result, &d);
	for (const char *at = d.out.data; (at = strchr(at, '\n')); at++) {
		lines++;
	}
	assert_int_equal(lines, 1 + 8000 / 477 + 1 + 1);
	served_clear(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stop_at_any_action_aborts_what_is_begun),
		cmocka_unit_test(a_stop_at_a_write_lets_it_end),
		cmocka_unit_test(a_stop_after_quit_changes_nothing),
		cmocka_unit_test(refused_by_the_caller_it_is_not_aborted),
		cmocka_unit_test(a_session_that_is_refused_says_only_that),
		cmocka_unit_test(a_sender_that_is_not_taken_ends_nothing),
		cmocka_unit_test(the_queue_is_the_callers_business),
		cmocka_unit_test(who_asks_hears_the_result),
		cmocka_unit_test(a_result_is_bounded),
		cmocka_unit_test(a_result_that_is_no_text_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
