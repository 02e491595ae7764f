/* SPDX-License-Identifier: ISC */
/* The client's ADAPT, where a transcript cannot show it: what else happens meanwhile. */
#include "unit.h"

#include "talk.h"

/* Up to ADAPT, at a server without 8BITMIME. */
static void up_to_adapt(struct talk *t)
{
	start(t, SMTP_NO_TLS);
	t->txn.is_8bit = true;
	up_to_ehlo(t, PIPED);
	struct smtp_action a = wants(t, SMTP_ADAPT);
	assert_ptr_equal(a.txn, &t->txn);
	assert_int_equal(a.adapt, SMTP_ADAPT_7BIT);
}

static void it_is_asked_until_it_is_answered(void **state)
{
	struct talk t;

	(void)state;
	up_to_adapt(&t);
	for (int i = 0; i < 3; i++) {
		struct smtp_action a = smtp_client_next(t.c);
		assert_int_equal(a.kind, SMTP_ADAPT);
		assert_ptr_equal(a.txn, &t.txn);
	}
	smtp_client_adapted(t.c);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	smtp_client_free(t.c);
}

static void an_answer_that_nobody_asked_for_does_nothing(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	begin(&t);
	smtp_client_adapted(t.c);
	say(&t, "220 hi\r\n");
	smtp_client_adapted(t.c);
	writes(&t, EHLO);
	say(&t, PIPED);
	smtp_client_adapted(t.c);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	smtp_client_adapted(t.c);
	say(&t, "250 a\r\n250 b\r\n250 queued\r\n");
	wants(&t, SMTP_DONE);
	smtp_client_adapted(t.c);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	smtp_client_free(t.c);
}

static void a_loss_meanwhile_leaves_it_untouched(void **state)
{
	struct talk t;

	(void)state;
	up_to_adapt(&t);
	lose(&t);
	smtp_client_adapted(t.c);
	fails(&t, CAUSE_LOST, "connection reset");
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_TEMPORARY);
	assert_false(t.txn.was_begun);
	smtp_client_free(t.c);
}

static void a_farewell_of_the_server_counts_first(void **state)
{
	struct talk t;

	(void)state;
	up_to_adapt(&t);
	say(&t, "421 4.3.2 too slow\r\n");
	smtp_client_adapted(t.c);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	fails(&t, CAUSE_TEMP, "421 4.3.2 too slow");
	assert_int_equal(t.rcpts[0].outcome.code, 421);
	smtp_client_free(t.c);
}

static void quit_may_be_said_meanwhile(void **state)
{
	struct talk t;

	(void)state;
	up_to_adapt(&t);
	t.is_last = false;
	smtp_client_quit(t.c);
	smtp_client_adapted(t.c);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	smtp_client_free(t.c);
}

static void what_was_decided_for_a_recipient_stands(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.txn.is_8bit = true;
	t.txn.rcpt_count = 3;
	up_to_ehlo(&t, PIPED);
	wants(&t, SMTP_ADAPT);
	outcome_set(&t.rcpts[1].outcome, VERDICT_TEMPORARY, CAUSE_OS, VERB_NONE, "", "no room");
	outcome_set(&t.rcpts[2].outcome, VERDICT_PERMANENT, CAUSE_DATA, VERB_NONE, "5.6.7", "no");
	smtp_client_adapted(t.c);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	say(&t, "250 a\r\n250 b\r\n250 queued\r\n");
	wants(&t, SMTP_DONE);
	assert_int_equal(t.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	assert_int_equal(t.rcpts[1].outcome.verdict, VERDICT_TEMPORARY);
	assert_string_equal(t.rcpts[1].outcome.text, "no room");
	assert_int_equal(t.rcpts[2].outcome.verdict, VERDICT_PERMANENT);
	smtp_client_free(t.c);
}

static void it_is_asked_again_in_another_session(void **state)
{
	struct talk t;

	(void)state;
	up_to_adapt(&t);
	lose(&t);
	fails(&t, CAUSE_LOST, "connection reset");
	smtp_client_free(t.c);
	up_to_ehlo(&t, PIPED);
	wants(&t, SMTP_ADAPT);
	smtp_client_adapted(t.c);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	smtp_client_free(t.c);
}

static void only_recipients_that_are_tried_count(void **state)
{
	struct talk t;

	(void)state;
	start(&t, SMTP_NO_TLS);
	t.txn.rcpt_count = 2;
	t.rcpts[1].addr = "j\xc3\xb6rg@server.test";
	t.rcpts[1].outcome.verdict = VERDICT_PERMANENT;
	up_to_ehlo(&t, PIPED);
	writes(&t, ENVELOPE CHUNK "QUIT\r\n");
	smtp_client_free(t.c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_asked_until_it_is_answered),
		cmocka_unit_test(an_answer_that_nobody_asked_for_does_nothing),
		cmocka_unit_test(a_loss_meanwhile_leaves_it_untouched),
		cmocka_unit_test(a_farewell_of_the_server_counts_first),
		cmocka_unit_test(quit_may_be_said_meanwhile),
		cmocka_unit_test(what_was_decided_for_a_recipient_stands),
		cmocka_unit_test(it_is_asked_again_in_another_session),
		cmocka_unit_test(only_recipients_that_are_tried_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
