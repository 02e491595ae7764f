/* SPDX-License-Identifier: ISC */
/* The rules of client.h that never break, by number. */
#include "unit.h"

#include "talk.h"

static void rule_1_no_command_before_the_greeting(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	begin(&t);
	wants(&t, SMTP_READ);
	say(&t, "220-hello\r\n");
	wants(&t, SMTP_READ);
	say(&t, "220 wor");
	wants(&t, SMTP_READ);
	say(&t, "ld\r\n");
	writes(&t, EHLO);
	smtp_client_free(t.c);
}

static void rule_2_a_reply_nobody_asked_for_is_fatal(void **state)
{
	static const struct {
		const char *reply;
		enum cause cause;
	} cases[] = {
		{ "250 hello\r\n", CAUSE_PROTOCOL },
		{ "450 hello\r\n", CAUSE_PROTOCOL },
		{ "hello\r\n", CAUSE_PROTOCOL },
		{ "421 goodbye\r\n", CAUSE_TEMP },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk t;
		start(&t, SMTP_NO_TLS);
		t.is_last = false;
		up_to_ehlo(&t, PIPED);
		writes(&t, ENVELOPE CHUNK);
		say(&t, "250 a\r\n250 b\r\n250 c\r\n");
		wants(&t, SMTP_IDLE);
		say(&t, cases[i].reply);
		fails(&t, cases[i].cause, i == 3 ? "goodbye" : "hello");
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
		smtp_client_free(t.c);
	}
}

static void rule_3_bytes_before_tls_are_fatal(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_IMPLICIT_TLS);
	begin(&t);
	wants(&t, SMTP_TLS);
	say(&t, "2");
	fails(&t, CAUSE_TLS, "tampers");
	smtp_client_free(t.c);

	/* Behind the 220 of STARTTLS, at once or while the handshake is being made. */
	for (int i = 0; i < 2; i++) {
		start(&t, SMTP_STARTTLS);
		up_to_ehlo(&t, "250-a\r\n250 STARTTLS\r\n");
		writes(&t, "STARTTLS\r\n");
		say(&t, i == 0 ? "220 go\r\n250 AUTH PLAIN\r\n" : "220 go\r\n");
		if (i == 1) {
			wants(&t, SMTP_TLS);
			say(&t, "\n");
			smtp_client_tls_done(t.c);
		}
		fails(&t, CAUSE_TLS, "tampers");
		assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
		smtp_client_free(t.c);
	}
}

static void rule_4_what_ehlo_said_before_tls_is_forgotten(void **state)
{
	static const struct smtp_caps none;
	struct talk t;

	(void)state;
	start(&t, SMTP_STARTTLS);
	up_to_ehlo(&t, "250-a\r\n250-SIZE 5\r\n250-AUTH PLAIN\r\n250 STARTTLS\r\n");
	writes(&t, "STARTTLS\r\n");
	assert_true(smtp_client_caps(t.c)->auth);
	say(&t, "220 go\r\n");
	wants(&t, SMTP_TLS);
	smtp_client_tls_done(t.c);
	assert_memory_equal(smtp_client_caps(t.c), &none, sizeof(none));
	writes(&t, EHLO);
	say(&t, "250 a\r\n");
	writes(&t, "MAIL FROM:<joe@client.test>\r\n");
	smtp_client_free(t.c);
}

static void rule_5_no_login_without_tls(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.options.use_auth = true;
	up_to_ehlo(&t, "250-a\r\n250 AUTH PLAIN\r\n");
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_AUTH, "no TLS");
	smtp_client_free(t.c);

	start(&t, SMTP_NO_TLS);
	t.options.use_auth = t.options.allow_cleartext_auth = true;
	up_to_ehlo(&t, "250-a\r\n250 AUTH PLAIN\r\n");
	struct smtp_action a = wants(&t, SMTP_AUTH);
	assert_false(a.is_tls);
	assert_string_equal(a.caps->mechanisms, "PLAIN");
	smtp_client_free(t.c);
}

static void rule_6_every_reply_of_a_group_is_read(void **state)
{
	static const char *const replies[] = { "535 no\r\n", "530 no\r\n", "503 no\r\n" };
	struct talk t;

	(void)state;
	up_to_login(&t, ALL);
	writes(&t, LOGIN ENVELOPE CHUNK "QUIT\r\n");
	for (int i = 0; i < 3; i++) {
		wants(&t, SMTP_READ);
		say(&t, replies[i]);
	}
	wants(&t, SMTP_READ);
	say(&t, "503 no\r\n");
	fails(&t, CAUSE_AUTH, "AUTH: 535 no");
	smtp_client_free(t.c);
}

static void rule_7_a_lone_dot_when_nobody_was_accepted(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_data(&t, "250 a\r\n450 later\r\n354 go\r\n");
	writes(&t, ".\r\nQUIT\r\n");
	say(&t, "250 delivered\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
	assert_int_equal(t.rcpts[0].outcome.code, 450);
	smtp_client_free(t.c);
}

static void rule_8_a_loss_after_end_of_data_is_unknown(void **state)
{
	static const struct {
		const char *replies;
		bool is_written;
		enum verdict verdict;
	} cases[] = {
		{ "", true, VERDICT_UNKNOWN },
		{ "250 a\r\n250 b\r\n", true, VERDICT_UNKNOWN },
		{ "250 a\r\n250 b\r\n25", true, VERDICT_UNKNOWN },
		/* Perhaps the write got through before it failed. */
		{ "", false, VERDICT_UNKNOWN },
		{ "250 a\r\n250 b\r\n", false, VERDICT_UNKNOWN },
		/* Said before the message was read, it is no acceptance. */
		{ "250 a\r\n250 b\r\n250 c\r\n", false, VERDICT_UNKNOWN },
		/* These say that it was not delivered. */
		{ "550 a\r\n", true, VERDICT_PERMANENT },
		{ "250 a\r\n550 b\r\n", true, VERDICT_PERMANENT },
		{ "250 a\r\n250 b\r\n451 c\r\n", true, VERDICT_TEMPORARY },
		{ "250 a\r\n550 b\r\n", false, VERDICT_PERMANENT },
		{ "250 a\r\n250 b\r\n451 c\r\n", false, VERDICT_TEMPORARY },
		{ "250 a\r\n250 b\r\n552 c\r\n", false, VERDICT_PERMANENT },
		{ "250 a\r\n421 b\r\n", false, VERDICT_TEMPORARY },
		{ "250 a\r\n250 b\r\n250 c\r\n", true, VERDICT_ACCEPTED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct talk t;
		start(&t, SMTP_NO_TLS);
		up_to_ehlo(&t, PIPED);
		wants(&t, SMTP_WRITE);
		if (cases[i].is_written) {
			smtp_client_wrote(t.c);
		}
		say(&t, cases[i].replies);
		lose(&t);
		struct smtp_action a = wants_any(&t);
		assert_int_equal(t.rcpts[0].outcome.verdict, cases[i].verdict);
		if (cases[i].verdict == VERDICT_UNKNOWN) {
			assert_int_equal(t.rcpts[0].outcome.cause, CAUSE_UNKNOWN);
			assert_int_equal(a.kind, SMTP_FAIL);
			assert_int_equal(a.avoid, 0);
		}
		smtp_client_free(t.c);
	}
}

static void rule_8_a_loss_before_end_of_data_is_temporary(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_data(&t, "250 a\r\n250 b\r\n354 go\r\n");
	wants(&t, SMTP_BODY);
	smtp_client_body(t.c, span_str("Subj"));
	wants(&t, SMTP_BODY);
	lose(&t);
	fails(&t, CAUSE_LOST, "connection reset");
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
	smtp_client_free(t.c);
}

/* The write of MAIL failed, and the server had said why. */
static void a_refusal_may_come_before_a_write_that_fails(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	up_to_ehlo(&t, "250 a\r\n");
	wants(&t, SMTP_WRITE);
	say(&t, "550 5.7.1 go away\r\n");
	lose(&t);
	(void)smtp_client_next(t.c);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_PERMANENT);
	assert_int_equal(t.rcpts[0].outcome.code, 550);
	smtp_client_free(t.c);
}

static void rule_9_secrets_stand_where_they_are_announced(void **state)
{
	struct talk t;

	(void)state;
	up_to_login(&t, ALL);
	struct smtp_action a = wants(&t, SMTP_WRITE);
	assert_int_equal(a.secret_from, strlen("AUTH PLAIN "));
	assert_int_equal(a.secret_size, strlen("AGpvZQBzZWNyZXQ="));
	const char *where = a.data.data;
	smtp_client_wrote(t.c);
	for (size_t i = 0; i < 40; i++) {
		assert_int_equal(where[i], 0);	/* wiped as soon as it is written */
	}
	/* A server that repeats what it got must not bring it into our log. */
	say(&t, "535 AGpvZQBzZWNyZXQ= is wrong\r\n530 no\r\n503 no\r\n503 no\r\n");
	fails(&t, CAUSE_AUTH, "AUTH: 535 ***************= is wrong");
	assert_null(strstr(t.rcpts[0].outcome.text, "AGpv"));
	smtp_client_free(t.c);
}

static void rule_9_login_responses_are_secret(void **state)
{
	struct talk t;

	(void)state;
	up_to_long_login(&t);
	struct smtp_action a = wants(&t, SMTP_WRITE);
	assert_int_equal(a.secret_size, 0);
	smtp_client_wrote(t.c);
	say(&t, "334 UGFzc3dvcmQ6\r\n");
	a = wants(&t, SMTP_STEP);
	assert_memory_equal(a.data.data, "Password:", 9);
	smtp_client_auth_reply(t.c, span_str("hunter2"), false);
	a = wants(&t, SMTP_WRITE);
	assert_int_equal(a.secret_from, 0);
	assert_int_equal(a.secret_size, a.data.size - 2);
	smtp_client_free(t.c);
}

static void rule_10_no_line_break_from_outside_reaches_a_command(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 2;
	t.rcpts[0].addr = "ann@server.test>\r\nRSET\r\nMAIL FROM:<x@y";
	t.txn.envid = "1\r\nRSET";
	t.rcpts[1].orcpt = "rfc822\r\n;a";
	up_to_ehlo(&t, "250-a\r\n250-PIPELINING\r\n250-DSN\r\n250 CHUNKING\r\n");
	writes(&t, "MAIL FROM:<joe@client.test> ENVID=1+0D+0ARSET\r\n"
		   "RCPT TO:<bob@server.test> ORCPT=rfc822+0D+0A;a\r\n" CHUNK "QUIT\r\n");
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_PERMANENT);
	smtp_client_free(t.c);

	/* A mechanism's name comes from the server in the end. */
	up_to_choice(&t, "250-a\r\n250 AUTH LOGIN\r\n");
	smtp_client_auth(t.c, "LOGIN\r\nRSET", NULL, false);
	writes(&t, "QUIT\r\n");
	fails(&t, CAUSE_AUTH, "");
	smtp_client_free(t.c);
}

/* Rule 11 is what tests/transcripts is about; here one session with many cuts. */
static void rule_11_how_the_input_is_cut_does_not_matter(void **state)
{
	static const char replies[] =
		"250 a\r\n250-b\r\n250 b\r\n550-5.1.1 c\r\n550 5.1.1 d\r\n250 e\r\n";
	size_t size = sizeof(replies) - 1;

	(void)state;
	for (size_t i = 0; i < size; i++) {
		for (size_t k = i; k < size; k++) {
			struct talk t;
			start(&t, SMTP_NO_TLS);
			t.txn.rcpt_count = 2;
			up_to_ehlo(&t, PIPED);
			writes(&t,
			       ENVELOPE "RCPT TO:<bob@server.test>\r\n" CHUNK "QUIT\r\n");
			smtp_client_feed(t.c, span_of(replies, i));
			wants(&t, SMTP_READ);
			smtp_client_feed(t.c, span_of(replies + i, k - i));
			wants(&t, SMTP_READ);
			smtp_client_feed(t.c, span_of(replies + k, size - k));
			wants(&t, SMTP_DONE);
			assert_string_equal(t.rcpts[0].outcome.text, "250 e");
			assert_string_equal(t.rcpts[1].outcome.text, "550 5.1.1 c d");
			smtp_client_free(t.c);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rule_1_no_command_before_the_greeting),
		cmocka_unit_test(rule_2_a_reply_nobody_asked_for_is_fatal),
		cmocka_unit_test(rule_3_bytes_before_tls_are_fatal),
		cmocka_unit_test(rule_4_what_ehlo_said_before_tls_is_forgotten),
		cmocka_unit_test(rule_5_no_login_without_tls),
		cmocka_unit_test(rule_6_every_reply_of_a_group_is_read),
		cmocka_unit_test(rule_7_a_lone_dot_when_nobody_was_accepted),
		cmocka_unit_test(rule_8_a_loss_after_end_of_data_is_unknown),
		cmocka_unit_test(rule_8_a_loss_before_end_of_data_is_temporary),
		cmocka_unit_test(a_refusal_may_come_before_a_write_that_fails),
		cmocka_unit_test(rule_9_secrets_stand_where_they_are_announced),
		cmocka_unit_test(rule_9_login_responses_are_secret),
		cmocka_unit_test(rule_10_no_line_break_from_outside_reaches_a_command),
		cmocka_unit_test(rule_11_how_the_input_is_cut_does_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
