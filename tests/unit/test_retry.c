/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "queue/retry.h"

enum { YEAR = 365 * 24 * 3600, DAY = 24 * 3600, NOW = 1800000000 };

static const struct queue_times usual = {
	.minimal_backoff = 300, .maximal_backoff = 4000, .lifetime = 5 * DAY,
	.delay_warning = 4 * 3600,
};

/* The next number of a plain generator. */
static uint32_t chance(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*seed >> 32);
}

static void backoff_doubles_within_its_bounds(void **state)
{
	static const struct {
		int64_t minimal, maximal;
		unsigned attempts;
		int64_t from, to;	/* what every wait lies between */
	} cases[] = {
		{ 300, 4000, 0, 300, 337 },	    { 300, 4000, 1, 300, 337 },
		{ 300, 4000, 2, 525, 675 },	    { 300, 4000, 3, 1050, 1350 },
		{ 300, 4000, 4, 2100, 2700 },	    { 300, 4000, 5, 3500, 4000 },
		{ 300, 4000, 6, 3500, 4000 },	    { 300, 4000, UINT32_MAX, 3500, 4000 },
		{ 300, 300, 7, 300, 300 },	    { 1, 2, 1, 1, 1 },
		{ 1, 2, 9, 2, 2 },		    { 0, 4000, 5, 0, 0 },
		{ 0, 0, 5, 0, 0 },		    { -5, -9, 5, 0, 0 },
		{ 4000, 300, 1, 4000, 4000 },	    { 4000, 300, 3, 4000, 4000 },
		{ 1, 1 << 30, 200, (1 << 30) / 8 * 7, 1 << 30 },
	};
	uint64_t seed = 1;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct queue_times t = { .minimal_backoff = cases[i].minimal,
					       .maximal_backoff = cases[i].maximal };
		int64_t least = INT64_MAX, most = -1;
		for (int k = 0; k < 20000; k++) {
			int64_t wait = queue_backoff(&t, cases[i].attempts, chance(&seed));
			assert_true(wait >= cases[i].from && wait <= cases[i].to);
			least = wait < least ? wait : least;
			most = wait > most ? wait : most;
		}
		/* The chance is used, nearly to both ends. */
		int64_t room = (cases[i].to - cases[i].from) / 16;
		assert_true(least <= cases[i].from + room && most >= cases[i].to - room);
	}
}

static void due_by_the_clock_and_when_it_jumped(void **state)
{
	static const struct {
		int64_t last, next, now;
		bool is_due;
	} cases[] = {
		{ 0, 0, NOW, true },			/* never tried */
		{ 0, 0, 0, true },
		{ NOW, NOW + 300, NOW, false },
		{ NOW, NOW + 300, NOW + 299, false },
		{ NOW, NOW + 300, NOW + 300, true },
		{ NOW, NOW + 300, NOW + YEAR, true },
		{ NOW, NOW + 4000, NOW, false },
		{ NOW, NOW + 4001, NOW, true },		/* cannot have been meant */
		{ NOW, NOW + 300, NOW - 1, true },	/* the clock went back */
		{ NOW, NOW + 300, NOW - YEAR, true },
		{ NOW, NOW + 300, 0, true },
		{ NOW, 0, NOW, true },			/* `retry` by hand */
		{ 0, 253402300799, NOW, true },		/* a damaged state */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct queue_entry v = { .last = cases[i].last, .next = cases[i].next };
		assert_int_equal(queue_is_due(&v, &usual, cases[i].now), cases[i].is_due);
	}
}

/* Mail is tried again at most maximal_backoff after the jump, whatever the jump. */
static void jump_stops_no_mail(void **state)
{
	static const int64_t jumps[] = { -YEAR, -DAY, -4001, -4000, -300, -1, 0, 1, 300, 4000,
					 DAY, YEAR };
	uint64_t seed = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		for (unsigned attempts = 1; attempts < 12; attempts++) {
			struct queue_entry v = { .attempts = attempts, .last = NOW };
			v.next = NOW + queue_backoff(&usual, attempts, chance(&seed));
			int64_t after = NOW + jumps[i], waited = 0;
			while (!queue_is_due(&v, &usual, after + waited)) {
				waited++;
			}
			assert_true(waited <= usual.maximal_backoff);
		}
	}
}

static void expires_after_its_lifetime(void **state)
{
	static const struct {
		int64_t lifetime, now;
		bool is_expired;
	} cases[] = {
		{ 5 * DAY, NOW, false },	{ 5 * DAY, NOW + 5 * DAY - 1, false },
		{ 5 * DAY, NOW + 5 * DAY, true }, { 5 * DAY, NOW + YEAR, true },
		{ 5 * DAY, NOW - 1, false },	{ 5 * DAY, NOW - YEAR, false },
		{ 5 * DAY, 0, false },		{ 0, NOW, true },
		{ 0, NOW - YEAR, true },	{ -1, NOW, true },
		{ INT64_MAX, NOW + YEAR, false },
	};
	const struct queue_entry v = { .since = NOW };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct queue_times t = { .lifetime = cases[i].lifetime };
		assert_int_equal(queue_is_expired(&v, &t, cases[i].now), cases[i].is_expired);
	}
}

static void warns_once(void **state)
{
	static const struct {
		int64_t delay, now;
		bool is_warned, is_due;
	} cases[] = {
		{ 0, NOW + YEAR, false, false },
		{ 3600, NOW + 3599, false, false },
		{ 3600, NOW + 3600, false, true },
		{ 3600, NOW + 3600, true, false },
		{ 3600, NOW - YEAR, false, false },
		{ 3600, NOW + YEAR, false, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct queue_times t = { .delay_warning = cases[i].delay };
		const struct queue_entry v = { .since = NOW, .is_warned = cases[i].is_warned };
		assert_int_equal(queue_is_warning_due(&v, &t, cases[i].now), cases[i].is_due);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backoff_doubles_within_its_bounds),
		cmocka_unit_test(due_by_the_clock_and_when_it_jumped),
		cmocka_unit_test(jump_stops_no_mail),
		cmocka_unit_test(expires_after_its_lifetime),
		cmocka_unit_test(warns_once),
	};
	return cmocka_run_group_tests_name("queue/retry", tests, NULL, NULL);
}
