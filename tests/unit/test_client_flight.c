/* SPDX-License-Identifier: ISC */
/*
 * Several messages on one session: what transcripts (in-flight*.smtp) cannot say: losses at
 * every byte, bounds, and when the caller is asked for what.
 */
#include "unit.h"

#include "crowd.h"

#define NAME "somebody.with.a.rather.long.name."
#define LONG NAME NAME NAME NAME "@some.server.test"

/* -- bounds ---------------------------------------------------------------------------- */

static void as_many_as_allowed_are_in_flight(void **state)
{
	static const struct {
		unsigned in_flight;
		size_t most, writes;	/* of 61 messages; EHLO and the first are alone */
	} cases[] = {
		{ 0, 1, 62 }, { 1, 1, 62 }, { 2, 2, 2 + 59 }, { 5, 5, 2 + 1 + 19 },
		{ 20, 20, 2 + 1 + 4 }, { 100, 60, 3 },
		/* More than there can be. */
		{ 1000000, 60, 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static struct crowd w;
		crowd_open(&w, cases[i].in_flight);
		crowd_run(&w, 61);
		assert_int_equal(w.most_in_flight, cases[i].most);
		assert_int_equal(w.writes, cases[i].writes);
		crowd_close(&w);
	}
}

static void what_is_in_flight_is_bounded(void **state)
{
	static struct crowd w;

	(void)state;
	/* In bytes of messages: six of 64 KiB. */
	crowd_open(&w, 100);
	w.size = 65536;
	crowd_run(&w, 100);
	assert_int_equal(w.most_in_flight, 6);
	assert_in_range(w.most_bytes, 6 * 65536, 512 * 1024);
	crowd_close(&w);

	/* Larger ones are alone, and those that are not risked on a refusal. */
	for (int i = 0; i < 2; i++) {
		crowd_open(&w, 100);
		w.size = i == 0 ? 65537 : 2000;
		w.options.eager_max = i == 0 ? 100000 : 1999;
		crowd_run(&w, 10);
		assert_int_equal(w.most_in_flight, 1);
		assert_int_equal(w.writes, i == 0 ? 1 + 10 : 1 + 2 * 10);
		crowd_close(&w);
	}

	/* In bytes of commands, and in commands. */
	for (int i = 0; i < 2; i++) {
		crowd_open(&w, 100);
		w.rcpt_count = 100;
		for (size_t k = 0; k < CROWD_MANY * 100; k++) {
			w.many[k / 100][k % 100].addr = i == 0 ? LONG : "ann@s.test";
		}
		crowd_run(&w, CROWD_MANY);
		assert_int_equal(w.most_in_flight, i == 0 ? 3 : 9);
		assert_in_range(w.most_bytes, 20000, 60000);
		/* What is answered makes room. */
		assert_int_equal(w.writes, i == 0 ? 19 : 13);
		crowd_close(&w);
	}
}

/* -- losses ---------------------------------------------------------------------------- */

#define NEXT_OK "250 reset\r\n250 a\r\n250 b\r\n250 queued\r\n"

/* Four messages; the first is accepted, three are in one flight. */
static void up_to_three(struct crowd *w)
{
	struct smtp_action a;

	crowd_open(w, 3);
	w->count = 5;
	w->c = smtp_client_new(&w->options);
	crowd_submit(w);
	crowd_hear(w, "220 hi\r\n");
	crowd_writes(w);
	crowd_hear(w, PIPED);
	a = crowd_go_on(w);
	assert_int_equal(a.kind, SMTP_WRITE);
	assert_memory_equal(a.data.data + a.data.size - 6, "RSET\r\n", 6);
	smtp_client_wrote(w->c);
	crowd_hear(w, "250 a\r\n250 b\r\n250 queued\r\n250 reset\r\n");
	assert_int_equal(crowd_go_on(w).kind, SMTP_WRITE);
	assert_int_equal(w->settled, 1);
	assert_int_equal(w->submitted, 5);
}

static size_t lines_in(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++) {
		count += text[i] == '\n';
	}
	return count;
}

/* The third is refused, so that each is different. */
static void a_loss_at_every_byte(void **state)
{
	static const char replies[] =
		"250 a\r\n250 b\r\n250 queued\r\n"
		"250 reset\r\n250 a\r\n250 b\r\n554 no\r\n"
		"250 reset\r\n250 a\r\n250 b\r\n250 queued\r\n";
	/* After so many lines the verdict is that, before it is UNKNOWN. */
	static const struct {
		size_t lines;
		enum verdict verdict;
	} ends[] = {
		{ 3, VERDICT_ACCEPTED }, { 7, VERDICT_PERMANENT }, { 11, VERDICT_ACCEPTED },
	};
	static struct crowd w;

	(void)state;
	for (size_t size = 0; size <= strlen(replies); size++) {
		up_to_three(&w);
		smtp_client_wrote(w.c);
		smtp_client_feed(w.c, span_of(replies, size));
		crowd_lose(&w);
		struct smtp_action a = crowd_go_on(&w);
		assert_int_equal(a.kind, SMTP_FAIL);
		assert_int_equal(a.avoid, 0);
		for (size_t i = 0; i < 3; i++) {
			bool is_known = lines_in(replies, size) >= ends[i].lines;
			assert_int_equal(w.rcpts[1 + i].outcome.verdict,
					 is_known ? ends[i].verdict : VERDICT_UNKNOWN);
			assert_true(w.txns[1 + i].was_begun);
		}
		/* This one was held. */
		assert_int_equal(w.rcpts[4].outcome.verdict, VERDICT_TEMPORARY);
		assert_false(w.txns[4].was_begun);
		assert_int_equal(w.settled, 5);
		crowd_close(&w);
	}
}

/* Perhaps all of the write got through before it failed. */
static void a_loss_while_they_are_written(void **state)
{
	static struct crowd w;

	(void)state;
	up_to_three(&w);
	crowd_lose(&w);
	assert_int_equal(crowd_go_on(&w).kind, SMTP_FAIL);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(w.rcpts[i].outcome.verdict, VERDICT_UNKNOWN);
		assert_int_equal(w.rcpts[i].outcome.cause, CAUSE_UNKNOWN);
	}
	assert_false(w.txns[4].was_begun);
	crowd_close(&w);
}

/* A reply that had come before a flight was written is not the answer to it (rule 2). */
static void an_answer_before_its_flight(void **state)
{
	static struct crowd w;

	(void)state;
	up_to_three(&w);
	w.count = 6;
	smtp_client_wrote(w.c);
	/* Two are answered, and the fifth is written; then the third's answers come. */
	crowd_hear(&w, "250 a\r\n250 b\r\n250 queued\r\n" NEXT_OK NEXT_OK
				       "250 one more\r\n");
	assert_int_equal(crowd_go_on(&w).kind, SMTP_WRITE);
	assert_int_equal(w.settled, 3);
	smtp_client_wrote(w.c);
	struct smtp_action a = crowd_go_on(&w);
	assert_int_equal(a.kind, SMTP_FAIL);
	assert_int_equal(a.avoid, SMTP_AVOID_OVERLAP);
	assert_non_null(strstr(a.err->text, "one more"));
	assert_int_equal(w.rcpts[3].outcome.verdict, VERDICT_ACCEPTED);
	assert_int_equal(w.rcpts[4].outcome.verdict, VERDICT_UNKNOWN);
	crowd_close(&w);
}

/* -- the interface --------------------------------------------------------------------- */

static void next_comes_before_the_end_of_data_is_written(void **state)
{
	enum { SIZE = 700 * 1024 };
	static struct crowd w;
	size_t bodies = 0;

	(void)state;
	crowd_open(&w, 1);
	w.size = SIZE;
	w.c = smtp_client_new(&w.options);
	crowd_submit(&w);
	crowd_hear(&w, "220 hi\r\n");
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_WRITE);
	smtp_client_wrote(w.c);
	crowd_hear(&w, PIPED);
	for (;;) {
		struct smtp_action a = smtp_client_next(w.c);
		if (a.kind == SMTP_NEXT) {
			break;
		}
		if (a.kind == SMTP_WRITE) {
			smtp_client_wrote(w.c);
			continue;
		}
		assert_int_equal(a.kind, SMTP_BODY);
		assert_ptr_equal(a.txn, &w.txns[0]);
		bodies += a.max;
		crowd_give_body(&w, &a);
	}
	assert_int_equal(bodies, SIZE);
	/* Unanswered it is not asked again, and IDLE comes. */
	struct smtp_action a = smtp_client_next(w.c);
	assert_int_equal(a.kind, SMTP_WRITE);
	assert_true(a.data.size < SIZE);
	smtp_client_wrote(w.c);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_READ);
	crowd_hear(&w, "250 a\r\n250 b\r\n250 queued\r\n");
	a = smtp_client_next(w.c);
	assert_int_equal(a.kind, SMTP_SETTLED);
	assert_ptr_equal(a.txn, &w.txns[0]);
	assert_int_equal(w.rcpts[0].outcome.verdict, VERDICT_ACCEPTED);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_IDLE);
	smtp_client_quit(w.c);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_WRITE);
	smtp_client_wrote(w.c);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_DONE);
	crowd_close(&w);
}

/* Too late for the flight of the message, QUIT waits for its answer. */
static void quit_is_not_a_flight_of_its_own_before_the_answer(void **state)
{
	static struct crowd w;

	(void)state;
	crowd_open(&w, 1);
	w.c = smtp_client_new(&w.options);
	crowd_submit(&w);
	crowd_hear(&w, "220 hi\r\n");
	crowd_writes(&w);
	crowd_hear(&w, PIPED);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_BODY);
	crowd_give_body(&w, &(struct smtp_action){ .max = strlen(BODY) });
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_NEXT);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_WRITE);
	smtp_client_wrote(w.c);
	smtp_client_quit(w.c);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_READ);
	crowd_hear(&w, "250 a\r\n250 b\r\n250 queued\r\n");
	crowd_writes(&w);
	assert_int_equal(w.settled, 1);
	assert_int_equal(smtp_client_next(w.c).kind, SMTP_DONE);
	crowd_close(&w);
}

/* All was refused, then the server hangs up: fine, unless there is another message. */
static void a_dead_session_is_only_a_failure_for_the_next_message(void **state)
{
	(void)state;
	for (int has_more = 0; has_more < 2; has_more++) {
		static struct crowd w;
		crowd_open(&w, 5);
		w.c = smtp_client_new(&w.options);
		crowd_submit(&w);
		crowd_hear(&w, "220 hi\r\n");
		crowd_writes(&w);
		crowd_hear(&w, "250-a\r\n250 PIPELINING\r\n");
		crowd_writes(&w);
		crowd_hear(&w, "250 a\r\n550 no\r\n");
		assert_int_equal(crowd_go_on(&w).kind, SMTP_READ);
		crowd_lose(&w);
		assert_int_equal(crowd_go_on(&w).kind, SMTP_IDLE);
		assert_int_equal(w.settled, 1);
		assert_int_equal(w.rcpts[0].outcome.verdict, VERDICT_PERMANENT);
		if (!has_more) {
			smtp_client_quit(w.c);
			assert_int_equal(crowd_go_on(&w).kind, SMTP_DONE);
		} else {
			crowd_submit(&w);
			struct smtp_action a = crowd_go_on(&w);
			assert_int_equal(a.kind, SMTP_FAIL);
			assert_non_null(strstr(a.err->text, "connection reset"));
			assert_int_equal(w.settled, 2);
			assert_int_equal(w.rcpts[1].outcome.verdict, VERDICT_TEMPORARY);
			assert_false(w.txns[1].was_begun);
		}
		crowd_close(&w);
	}
}

/* What cannot be sent here needs no login; the next message may. */
static void the_login_waits_for_a_message_that_needs_it(void **state)
{
	static struct crowd w;

	(void)state;
	crowd_open(&w, 5);
	w.options.use_auth = w.options.allow_cleartext_auth = true;
	w.size = 1000;
	w.c = smtp_client_new(&w.options);
	crowd_submit(&w);
	crowd_hear(&w, "220 hi\r\n");
	crowd_writes(&w);
	crowd_hear(&w, "250-a\r\n250-SIZE 500\r\n250 AUTH PLAIN\r\n");
	assert_int_equal(crowd_go_on(&w).kind, SMTP_IDLE);
	assert_int_equal(w.rcpts[0].outcome.verdict, VERDICT_PERMANENT);
	assert_false(w.txns[0].was_begun);
	w.size = 100;
	crowd_submit(&w);
	assert_int_equal(crowd_go_on(&w).kind, SMTP_AUTH);
	crowd_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_as_allowed_are_in_flight),
		cmocka_unit_test(what_is_in_flight_is_bounded),
		cmocka_unit_test(a_loss_at_every_byte),
		cmocka_unit_test(a_loss_while_they_are_written),
		cmocka_unit_test(an_answer_before_its_flight),
		cmocka_unit_test(next_comes_before_the_end_of_data_is_written),
		cmocka_unit_test(quit_is_not_a_flight_of_its_own_before_the_answer),
		cmocka_unit_test(a_dead_session_is_only_a_failure_for_the_next_message),
		cmocka_unit_test(the_login_waits_for_a_message_that_needs_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
