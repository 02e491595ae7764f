/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/mem.h"
#include "queue/entry.h"

#define ID "1R4XKQ700000000"
#define TIMES "since: 5\nlast: 6\nnext: 7\n"
#define LEAST "relay-state 1\nid: " ID "\nattempts: 2\n" TIMES

static const char whole[] =
	"relay-state 1\n"
	"id: " ID "\n"
	"attempts: 3\n"
	"since: 1763776000 (2025-11-22 01:46:40 UTC)\n"
	"last: 1763779600 (2025-11-22 02:46:40 UTC)\n"
	"next: 0 (none)\n"
	"warned: yes\n"
	"report: 1R4XKQ800000000\n"
	"report: 1R4XKQ900000001\n"
	"recipient: 1 sent told reply dsn=2.1.5 server=mx.example.net 250 2.1.5 Ok\n"
	"recipient: 2 waiting reply dsn=4.2.2 452 4.2.2 Full\n"
	"recipient: 3 waiting maybe-sent dsn=4.4.2 the connection was lost\n"
	"recipient: 4 refused dsn=\n"
	"recipient: 5 waiting dsn= server=none of ours\n"
	"end\n";

/* Five recipients, nothing known of them. */
static void fill(struct queue_entry *v)
{
	struct err e;

	queue_entry_init(v);
	memcpy(v->id, ID, sizeof(v->id));
	v->arrival = v->since = 1763770000;
	for (int i = 0; i < 5; i++) {
		assert_true(queue_entry_add_rcpt(v, "a@b", i == 2 ? "rfc822;x" : NULL, &e));
	}
	assert_true(queue_entry_add_via(v, "other", "o@x", &e));
	v->rcpts[2].via = 1;
	v->rcpts[2].notify = 4;
}

static void written_as_read(void **state)
{
	struct queue_entry v;
	struct buf text BUF_AUTO;
	struct err e = { 0 };

	(void)state;
	buf_init(&text, 1 << 20);
	fill(&v);
	for (int i = 0; i < 2; i++) {
		assert_true(queue_state_parse(&v, span_str(whole), &e));
		assert_true(v.has_state && v.is_warned);
		assert_int_equal(v.attempts, 3);
		assert_int_equal(v.since, 1763776000);
		assert_int_equal(v.last, 1763779600);
		assert_int_equal(v.next, 0);
		assert_int_equal(queue_entry_waiting(&v), 3);
		assert_int_equal(v.report_count, 2);
		assert_string_equal(v.reports[1], "1R4XKQ900000001");
		assert_true(v.rcpts[0].is_told && v.rcpts[0].is_reply && !v.rcpts[0].maybe_sent);
		assert_string_equal(v.rcpts[0].text, "250 2.1.5 Ok");
		assert_string_equal(v.rcpts[0].server, "mx.example.net");
		/* As an earlier version wrote it. */
		assert_string_equal(v.rcpts[1].text, "452 4.2.2 Full");
		assert_null(v.rcpts[1].server);
		assert_null(v.rcpts[3].text);
		/* Not a reply: all of it is text. */
		assert_string_equal(v.rcpts[4].text, "server=none of ours");
		assert_null(v.rcpts[4].server);
		/* What the head says stays. */
		assert_string_equal(v.rcpts[2].orcpt, "rfc822;x");
		assert_int_equal(v.rcpts[2].via, 1);
		assert_int_equal(v.rcpts[2].notify, 4);
		assert_true(v.rcpts[2].maybe_sent);
		assert_int_equal(v.rcpts[3].status, QUEUE_REFUSED);
	}
	assert_true(queue_state_write(&v, &text, &e));
	assert_string_equal(text.data, whole);
	queue_entry_clear(&v);
}

/* Nothing of a state that is not whole may stay in the entry. */
static void assert_untouched(const struct queue_entry *v)
{
	assert_false(v->has_state || v->is_warned);
	assert_int_equal(v->attempts, 0);
	assert_int_equal(v->report_count, 0);
	assert_int_equal(v->since, v->arrival);
	assert_int_equal(v->last, 0);
	assert_int_equal(v->next, 0);
	assert_int_equal(queue_entry_waiting(v), 5);
	for (size_t i = 0; i < 5; i++) {
		const struct queue_rcpt *r = &v->rcpts[i];
		assert_false(r->is_told || r->maybe_sent || r->is_reply || r->text || r->server ||
			     r->dsn[0]);
	}
}

static void cut_at_any_byte_is_as_none(void **state)
{
	struct queue_entry v;
	struct err e;

	(void)state;
	fill(&v);
	for (size_t size = 0; size < strlen(whole); size++) {
		char *exact = mem_copy(whole, size);
		assert_false(queue_state_parse(&v, span_of(exact, size), &e));
		assert_int_equal(e.cause, CAUSE_DATA);
		assert_untouched(&v);
		free(exact);
	}
	queue_entry_clear(&v);
}

static void damage_is_as_none(void **state)
{
	static const char *const cases[] = {
		"",
		"end\n",
		"relay-state 2\nid: " ID "\nattempts: 2\n" TIMES "end\n",
		"relay-state 1 \nid: " ID "\nattempts: 2\n" TIMES "end\n",
		"relay-state 1\nid: 1R4XKQ700000001\nattempts: 2\n" TIMES "end\n",
		"relay-state 1\nattempts: 2\n" TIMES "end\n",
		"relay-state 1\nid: " ID "\n" TIMES "end\n",
		"relay-state 1\nid: " ID "\nattempts: 2\nsince: 5\nlast: 6\nend\n",
		"relay-state 1\nid: " ID "\nattempts: -2\n" TIMES "end\n",
		"relay-state 1\nid: " ID "\nattempts: 2147483648\n" TIMES "end\n",
		LEAST "end\nmore\n",
		LEAST "end\n\n",
		LEAST "end \n",
		LEAST "report: \nend\n",
		LEAST "report: 1R4XKQ80000000\nend\n",
		LEAST "report: ../../etc/hosts\nend\n",
		LEAST "attempts: 2\nend\n",
		LEAST "since: 2\nend\n",
		LEAST "id: " ID "\nend\n",
		LEAST "\nend\n",
		LEAST "warned: no\nend\n",
		LEAST "warned: yes\nwarned: yes\nend\n",
		LEAST "recipient: 0 sent dsn=2.0.0 x\nend\n",
		LEAST "recipient: 6 sent dsn=2.0.0 x\nend\n",
		LEAST "recipient: -1 sent dsn=2.0.0 x\nend\n",
		LEAST "recipient: 18446744073709551617 sent dsn=2.0.0 x\nend\n",
		LEAST "recipient: x sent dsn=2.0.0 x\nend\n",
		LEAST "recipient:  1 sent dsn=2.0.0 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0.0 x\nrecipient: 1 sent dsn=2.0.0 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0.0 x\nrecipient: 1 waiting dsn=\nend\n",
		LEAST "recipient: 1 waiting dsn=\nend\n",
		LEAST "recipient: 1\nend\n",
		LEAST "recipient: 1 sent\nend\n",
		LEAST "recipient: 1 lost dsn=2.0.0 x\nend\n",
		LEAST "recipient: 1 sent told told dsn=2.0.0 x\nend\n",
		LEAST "recipient: 1 sent reply told dsn=2.0.0 x\nend\n",
		LEAST "recipient: 1 sent 2.0.0 x\nend\n",
		LEAST "recipient: 1 sent dsn=3.0.0 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0.0.0 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0.1234 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.123.1234567890123456 x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0. x\nend\n",
		LEAST "recipient: 1 sent dsn=2.0.0 \x1b[0m\nend\n",
		LEAST "recipient: 1 sent dsn=2.0.0 x\r\nend\n",
	};
	struct queue_entry v;

	(void)state;
	fill(&v);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		if (queue_state_parse(&v, span_str(cases[i]), &e) || e.cause != CAUSE_DATA) {
			fail_msg("case %zu was accepted: %s", i, cases[i]);
		}
		assert_untouched(&v);
	}
	queue_entry_clear(&v);
}

static void later_names_are_passed_over(void **state)
{
	struct queue_entry v;
	struct err e;

	(void)state;
	fill(&v);
	assert_true(queue_state_parse(&v, span_str(LEAST "mood: good\nend\n"), &e));
	assert_int_equal(v.attempts, 2);
	queue_entry_clear(&v);
}

static void texts_are_made_one_printable_line(void **state)
{
	struct queue_entry v;
	struct buf text BUF_AUTO;
	struct err e = { 0 };
	char *longer = mem_alloc(5001, 1);

	(void)state;
	buf_init(&text, 1 << 20);
	fill(&v);
	v.rcpts[0].text = mem_str("450 a\r\nrecipient: 2 sent dsn=2.0.0 \x1b[31m");
	v.rcpts[1].status = QUEUE_SENT;
	v.rcpts[1].text = mem_str("");
	memcpy(v.rcpts[1].dsn, "nonsense", 9);
	/* é is cut in its middle. */
	for (size_t i = 0; i < 5000; i += 2) {
		memcpy(longer + i, i == 0 ? "xx" : "\xc3\xa9", 2);
	}
	memmove(longer, longer + 1, 5000);
	v.rcpts[2].text = longer;
	assert_true(queue_state_write(&v, &text, &e));
	assert_true(queue_state_parse(&v, buf_span(&text), &e));
	assert_string_equal(v.rcpts[0].text, "450 a??recipient: 2 sent dsn=2.0.0 ?[31m");
	assert_null(v.rcpts[1].text);
	assert_string_equal(v.rcpts[1].dsn, "");
	assert_int_equal(v.rcpts[1].status, QUEUE_SENT);
	assert_int_equal(strlen(v.rcpts[2].text), 1000);
	assert_int_equal(v.rcpts[2].text[999], '?');
	queue_entry_clear(&v);
}

static void full_buffer_is_an_error(void **state)
{
	struct queue_entry v;
	struct err e;

	(void)state;
	fill(&v);
	assert_true(queue_state_parse(&v, span_str(whole), &e));
	for (size_t max = 0; max < strlen(whole); max++) {
		struct buf text BUF_AUTO;
		e = (struct err){ 0 };
		buf_init(&text, max);
		assert_false(queue_state_write(&v, &text, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
	queue_entry_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_as_read),
		cmocka_unit_test(cut_at_any_byte_is_as_none),
		cmocka_unit_test(damage_is_as_none),
		cmocka_unit_test(later_names_are_passed_over),
		cmocka_unit_test(texts_are_made_one_printable_line),
		cmocka_unit_test(full_buffer_is_an_error),
	};
	return cmocka_run_group_tests_name("queue/state", tests, NULL, NULL);
}
