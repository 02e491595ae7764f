/* SPDX-License-Identifier: ISC */
/* flush_scan: which messages a choice is for. */
#include "unit.h"

#include "app/flush_scan.h"

static void choice_by_address(void **state)
{
	static const struct {
		struct flush_choice choice;
		bool is_chosen;
	} cases[] = {
		{ { 0 }, true },
		{ { .recipient = "waiting@" }, true },
		{ { .recipient = "WAITING@Example" }, true },
		{ { .recipient = "sent@" }, false },	/* has got it: not the message's any more */
		{ { .recipient = "refused@" }, false },
		{ { .recipient = "nobody" }, false },
		{ { .sender = "me@HOME" }, true },
		{ { .sender = "you" }, false },
		{ { .recipient = "waiting", .sender = "me" }, true },
		{ { .recipient = "waiting", .sender = "you" }, false },
		{ { .recipient = "nobody", .sender = "me" }, false },
		{ { .account = "work" }, true },
		{ { .account = "home" }, false },
	};
	struct queue_entry v;
	struct err e;

	(void)state;
	queue_entry_init(&v);
	v.account = strdup("work");
	v.sender = strdup("me@home.test");
	assert_true(queue_entry_add_rcpt(&v, "sent@example.org", NULL, &e));
	assert_true(queue_entry_add_rcpt(&v, "refused@example.org", NULL, &e));
	assert_true(queue_entry_add_rcpt(&v, "waiting@example.org", NULL, &e));
	v.rcpts[0].status = QUEUE_SENT;
	v.rcpts[1].status = QUEUE_REFUSED;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(flush_chooses(&cases[i].choice, &v), cases[i].is_chosen);
	}
	queue_entry_clear(&v);
}

static void item_is_small(void **state)
{
	(void)state;
	/* 50,000 of them. */
	assert_true(sizeof(struct flush_item) <= 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(choice_by_address),
		cmocka_unit_test(item_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
