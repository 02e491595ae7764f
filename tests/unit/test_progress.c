/* SPDX-License-Identifier: ISC */
/* progress: what the bar and the summary say, and that the bar fits the terminal. */
#include "unit.h"

#include "app/progress.h"

static void summary_counts_and_rate(void **state)
{
	static const struct {
		struct progress_counts counts;
		int64_t ms;
		const char *text;
	} cases[] = {
		{ { .sent = 12, .deferred = 3 }, 1200,
		  "12 sent, 3 deferred, 0 failed, in 1.2 s (12/s)" },
		{ { .sent = 10 }, 1000, "10 sent, 0 deferred, 0 failed, in 1.0 s (10/s)" },
		{ { .sent = 1 }, 0, "1 sent, 0 deferred, 0 failed, in 0.0 s (1000/s)" },
		{ { .failed = 2 }, 61999, "0 sent, 0 deferred, 2 failed, in 61.9 s (0/s)" },
		{ { .sent = 1, .left = 4 }, 1000,
		  "1 sent, 0 deferred, 0 failed, 4 left (all sessions are in use), "
		  "in 1.0 s (1/s)" },
		{ { .unsaved = 2, .left = 4 }, 1000,
		  "0 sent, 0 deferred, 0 failed, 2 with an error, "
		  "4 left (all sessions are in use), in 1.0 s (2/s)" },
	};
	char text[PROGRESS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		progress_summary(&cases[i].counts, cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void bar_shows_how_far(void **state)
{
	static const struct {
		struct progress_counts counts;
		unsigned width;
		const char *text;
	} cases[] = {
		{ { .total = 10, .taken = 5, .sent = 4, .deferred = 1 }, 80,
		  "[####################--------------------] 5/10  1 deferred  0 failed  5/s" },
		{ { .total = 10, .taken = 10, .sent = 10 }, 56,
		  "[##################] 10/10  0 deferred  0 failed  10/s" },
		{ { .total = 10 }, 48, "[------------] 0/10  0 deferred  0 failed  0/s" },
		/* No room for a bar. */
		{ { .total = 10 }, 40, "0/10  0 deferred  0 failed  0/s" },
		/* Nothing in the list, more taken than there were. */
		{ { .total = 0, .taken = 3 }, 40, "1/0  0 deferred  0 failed  0/s" },
	};
	char text[PROGRESS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		progress_bar(&cases[i].counts, 1000, cases[i].width, text);
		assert_true(strlen(text) < cases[i].width);
		assert_string_equal(text, cases[i].text);
	}
}

static void bar_fits_every_width(void **state)
{
	const struct progress_counts large = {
		.total = SIZE_MAX, .taken = SIZE_MAX, .sent = SIZE_MAX / 2,
		.deferred = SIZE_MAX, .failed = SIZE_MAX,
	};
	char text[PROGRESS_MAX];

	(void)state;
	for (unsigned width = 1; width < 1200; width++) {
		progress_bar(&large, 1, width, text);
		assert_true(strlen(text) < width);
	}
	progress_bar(&large, 1, 0, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summary_counts_and_rate),
		cmocka_unit_test(bar_shows_how_far),
		cmocka_unit_test(bar_fits_every_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
