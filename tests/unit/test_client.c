/* SPDX-License-Identifier: ISC */
/*
 * What transcripts cannot say about the client engine: its bounds, its timeouts, its
 * interface.  The eleven rules of client.h are in test_client_rules.c.
 */
#include "unit.h"

#include "talk.h"

/* -- bounds ---------------------------------------------------------------------------- */

static void timeouts_belong_to_the_reply_that_is_awaited(void **state)
{
	struct talk t;

	(void)state;
	for (unsigned cap = 0; cap <= 400; cap += 200) {
		start(&t, SMTP_NO_TLS);
		t.options.timeout_s = cap;
		begin(&t);
		struct smtp_action a = wants(&t, SMTP_READ), b;
		assert_int_equal(a.timeout_s, cap == 200 ? 200 : 300);
		say(&t, "220-drip\r\n");
		b = wants(&t, SMTP_READ);
		assert_true(a.reply_no == b.reply_no);
		say(&t, "220 drop\r\n");
		writes(&t, EHLO);
		b = wants(&t, SMTP_READ);
		assert_true(a.reply_no != b.reply_no);
		say(&t, "250-a\r\n250 PIPELINING\r\n");
		writes(&t, ENVELOPE "DATA\r\n");
		say(&t, "250 a\r\n250 b\r\n");
		assert_int_equal(wants(&t, SMTP_READ).timeout_s, 120);
		say(&t, "354 go\r\n");
		a = wants(&t, SMTP_WRITE);
		assert_int_equal(a.timeout_s, 180);
		smtp_client_wrote(t.c);
		a = wants(&t, SMTP_READ);
		assert_int_equal(a.timeout_s, cap == 0 ? 600 : cap);
		smtp_client_free(t.c);
	}
}

/* Half a megabyte, a third more with its dots: three minutes for each 128 KiB of that. */
static void a_large_write_may_take_longer(void **state)
{
	enum { PIECE = 512 * 1024 };
	struct talk t;
	char *body = malloc(PIECE);

	(void)state;
	assert_non_null(body);
	for (size_t i = 0; i < PIECE; i++) {
		body[i] = ".\r\n"[i % 3];
	}
	start(&t, SMTP_NO_TLS);
	t.txn.size = 2 * PIECE;
	t.options.eager_max = t.txn.size;
	up_to_data(&t, "250 a\r\n250 b\r\n354 go\r\n");
	for (int i = 0; i < 2; i++) {
		struct smtp_action a = wants(&t, SMTP_BODY);
		assert_int_equal(a.max, PIECE);
		smtp_client_body(t.c, span_of(body, a.max));
		a = wants_any(&t);
		assert_int_equal(a.kind, SMTP_WRITE);
		assert_int_equal(a.timeout_s, 6 * 180);
		smtp_client_wrote(t.c);
	}
	smtp_client_free(t.c);
	free(body);
}

static void a_flood_ends_the_session(void **state)
{
	char *lines = malloc(70000);
	struct talk t;
	size_t fed = 0;

	(void)state;
	assert_non_null(lines);
	for (size_t i = 0; i < 70000; i += 7) {
		memcpy(lines + i, "250-x\r\n", 7);
	}
	start(&t, SMTP_NO_TLS);
	begin(&t);
	smtp_client_feed(t.c, span_of(lines, 70000));
	fails(&t, CAUSE_PROTOCOL, "too many lines");
	smtp_client_free(t.c);

	/* One that never ends its line, while nobody listens. */
	memset(lines, 'x', 70000);
	start(&t, SMTP_NO_TLS);
	begin(&t);
	while (fed < 100 * 70000) {
		smtp_client_feed(t.c, span_of(lines, 70000));
		fed += 70000;
	}
	fails(&t, CAUSE_PROTOCOL, "floods");
	smtp_client_free(t.c);
	free(lines);
}

/* 20 KB for each of many recipients: a dialogue that is never wrong, but too long. */
static void the_whole_dialogue_is_bounded(void **state)
{
	enum { COUNT = 60 };
	struct smtp_rcpt rcpts[COUNT] = { { 0 } };
	char *reply = malloc(20000);
	struct talk t;

	(void)state;
	assert_non_null(reply);
	for (size_t i = 0; i < COUNT; i++) {
		rcpts[i].addr = "ann@server.test";
	}
	start(&t, SMTP_NO_TLS);
	t.txn.rcpts = rcpts;
	t.txn.rcpt_count = COUNT;
	up_to_ehlo(&t, PIPED);
	wants(&t, SMTP_WRITE);
	smtp_client_wrote(t.c);
	for (size_t i = 0; i < 20000; i += 100) {
		memset(reply + i, 'x', 100);
		memcpy(reply + i, "250-", 4);
		memcpy(reply + i + 98, "\r\n", 2);
	}
	memcpy(reply + 19900, "250 ", 4);
	struct smtp_action a = { .kind = SMTP_READ };
	for (size_t i = 0; i < COUNT + 2 && a.kind == SMTP_READ; i++) {
		smtp_client_feed(t.c, span_of(reply, 20000));
		a = wants_any(&t);
	}
	assert_int_equal(a.kind, SMTP_FAIL);
	assert_non_null(strstr(a.err->text, "too long"));
	smtp_client_free(t.c);
	free(reply);
}

static void a_login_that_is_too_long_is_not_sent(void **state)
{
	char *token = calloc(1, 20000);
	struct talk t;

	(void)state;
	assert_non_null(token);
	up_to_choice(&t, ALL);
	struct span initial = span_of(token, 20000);
	smtp_client_auth(t.c, "PLAIN", &initial, true);
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_AUTH, "too long");
	smtp_client_free(t.c);
	free(token);
}

static void a_login_without_end_is_given_up(void **state)
{
	struct talk t;

	(void)state;
	up_to_long_login(&t);
	writes(&t, "AUTH LOGIN\r\n");
	for (int i = 0; i < 32; i++) {
		say(&t, "334 eA==\r\n");
		wants(&t, SMTP_STEP);
		smtp_client_auth_reply(t.c, span_str("y"), false);
		writes(&t, "eQ==\r\n");
	}
	say(&t, "334 eA==\r\n");
	writes(&t, "*\r\n");
	say(&t, "501 cancelled\r\n");
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_PROTOCOL, "never stops");
	smtp_client_free(t.c);
}

/* A server in memory that accepts everything, and the most that was in flight. */
struct yes {
	struct buf in, out;
	size_t skip;		/* of a BDAT */
	size_t messages, rcpts, flights, most;
};

static void answer(struct yes *s, const char *reply)
{
	assert_true(buf_add_str(&s->out, reply));
}

static void serve(struct yes *s, struct span bytes)
{
	size_t at = 0;

	assert_true(buf_add_span(&s->in, bytes));
	for (;;) {
		size_t skip = s->skip < s->in.size - at ? s->skip : s->in.size - at;
		at += skip;
		s->skip -= skip;
		const char *line = s->in.data + at;
		const char *end = memchr(line, '\n', s->in.size - at);
		if (!end) {
			break;
		}
		at += (size_t)(end - line) + 1;
		if (strncmp(line, "EHLO", 4) == 0) {
			answer(s, PIPED);
		} else if (strncmp(line, "BDAT", 4) == 0) {
			s->skip = strtoul(line + 5, NULL, 10);
			s->messages++;
			answer(s, "250 2.0.0 queued\r\n");
		} else {
			s->rcpts += strncmp(line, "RCPT", 4) == 0;
			answer(s, "250 ok\r\n");
		}
	}
	s->most = bytes.size > s->most ? bytes.size : s->most;
	s->flights++;
	buf_drop(&s->in, at);
}

static void a_hundred_thousand_recipients_in_bounded_memory(void **state)
{
	enum { COUNT = 100000 };
	struct smtp_rcpt *rcpts = calloc(COUNT, sizeof(*rcpts));
	struct smtp_action a;
	struct talk t;
	struct yes s = { 0 };

	(void)state;
	assert_non_null(rcpts);
	buf_init(&s.in, 1 << 20);
	buf_init(&s.out, 1 << 20);
	for (size_t i = 0; i < COUNT; i++) {
		rcpts[i].addr = "somebody.with.a.name@some.server.test";
	}
	start(&t, SMTP_NO_TLS);
	t.txn.rcpts = rcpts;
	t.txn.rcpt_count = COUNT;
	begin(&t);
	answer(&s, "220 hi\r\n");
	while ((a = wants_any(&t)).kind != SMTP_DONE) {
		if (a.kind == SMTP_WRITE) {
			serve(&s, a.data);
			smtp_client_wrote(t.c);
		} else if (a.kind == SMTP_BODY) {
			smtp_client_body(t.c, span_first(span_str(BODY), a.max));
		} else {
			assert_int_equal(a.kind, SMTP_READ);
			struct span some = span_first(buf_span(&s.out), 65536);
			assert_true(some.size > 0);
			smtp_client_feed(t.c, some);
			buf_drop(&s.out, some.size);
		}
	}
	assert_int_equal(s.rcpts, COUNT);
	assert_int_equal(s.messages, 1);
	assert_in_range(s.most, 40000, 65000);
	assert_in_range(s.flights, 50, 120);
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(rcpts[i].outcome.verdict, VERDICT_ACCEPTED);
	}
	smtp_client_free(t.c);
	buf_clear(&s.in);
	buf_clear(&s.out);
	free(rcpts);
}

/* -- the interface --------------------------------------------------------------------- */

static void recipients_that_are_settled_are_left_alone(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 3;
	t.rcpts[0].outcome.verdict = VERDICT_ACCEPTED;
	t.rcpts[1].outcome.verdict = VERDICT_UNKNOWN;
	t.rcpts[2].outcome.verdict = VERDICT_PERMANENT;
	up_to_ehlo(&t, PIPED);
	writes(&t, "MAIL FROM:<joe@client.test>\r\nRCPT TO:<bob@server.test>\r\n" CHUNK
		   "QUIT\r\n");
	say(&t, "250 a\r\n250 b\r\n451 c\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	assert_int_equal(t.rcpts[1].outcome.verdict, VERDICT_TEMPORARY);
	assert_int_equal(t.rcpts[2].outcome.verdict, VERDICT_PERMANENT);
	smtp_client_free(t.c);

	start(&t, SMTP_NO_TLS);
	t.rcpts[0].outcome.verdict = VERDICT_ACCEPTED;
	up_to_ehlo(&t, "250 a\r\n");
	writes(&t, "QUIT\r\n");
	wants(&t, SMTP_DONE);
	smtp_client_free(t.c);
}

static void replies_that_come_during_a_write_are_not_lost(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_ehlo(&t, PIPED);
	wants(&t, SMTP_WRITE);
	say(&t, "250 a\r\n25");
	wants(&t, SMTP_WRITE);	/* still the same */
	say(&t, "0 b\r\n");
	smtp_client_wrote(t.c);
	wants(&t, SMTP_READ);
	say(&t, "250 c\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	smtp_client_free(t.c);
}

static void an_empty_message(void **state)
{
	static const char *const data[] = { ".\r\n", "BDAT 0 LAST\r\n" };
	struct talk t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		start(&t, SMTP_NO_TLS);
		t.txn.size = 0;
		t.is_last = false;
		up_to_ehlo(&t, i == 0 ? "250 a\r\n" : "250-a\r\n250 CHUNKING\r\n");
		writes(&t, "MAIL FROM:<joe@client.test>\r\n");
		say(&t, "250 a\r\n");
		writes(&t, "RCPT TO:<ann@server.test>\r\n");
		say(&t, "250 a\r\n");
		if (i == 0) {
			writes(&t, "DATA\r\n");
			say(&t, "354 go\r\n");
		}
		writes(&t, data[i]);
		say(&t, "250 a\r\n");
		wants(&t, SMTP_IDLE);
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
		smtp_client_free(t.c);
	}
}

static void after_the_end_nothing_happens(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	begin(&t);
	lose(&t);
	fails(&t, CAUSE_LOST, "connection reset");
	say(&t, "220 hi\r\n");
	lose(&t);
	smtp_client_quit(t.c);
	fails(&t, CAUSE_LOST, "connection reset");
	smtp_client_free(t.c);

	/* The connection breaks while our QUIT is under way: that is no failure. */
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 0;
	up_to_ehlo(&t, "250 a\r\n");
	wants(&t, SMTP_WRITE);
	lose(&t);
	wants(&t, SMTP_DONE);
	smtp_client_free(t.c);
	smtp_client_free(NULL);
}

static void a_signal_is_not_the_servers_fault(void **state)
{
	struct talk t;
	struct err e;

	(void)state;
	up_to_login(&t, ALL);
	wants(&t, SMTP_WRITE);
	smtp_client_wrote(t.c);
	err_set(&e, CAUSE_SIGNAL, "terminated");
	smtp_client_lost(t.c, &e);
	struct smtp_action a = wants(&t, SMTP_FAIL);
	assert_int_equal(a.err->cause, CAUSE_SIGNAL);
	assert_int_equal(a.avoid, 0);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_UNKNOWN);
	smtp_client_free(t.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeouts_belong_to_the_reply_that_is_awaited),
		cmocka_unit_test(a_large_write_may_take_longer),
		cmocka_unit_test(a_flood_ends_the_session),
		cmocka_unit_test(the_whole_dialogue_is_bounded),
		cmocka_unit_test(a_login_that_is_too_long_is_not_sent),
		cmocka_unit_test(a_login_without_end_is_given_up),
		cmocka_unit_test(a_hundred_thousand_recipients_in_bounded_memory),
		cmocka_unit_test(recipients_that_are_settled_are_left_alone),
		cmocka_unit_test(replies_that_come_during_a_write_are_not_lost),
		cmocka_unit_test(an_empty_message),
		cmocka_unit_test(after_the_end_nothing_happens),
		cmocka_unit_test(a_signal_is_not_the_servers_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
