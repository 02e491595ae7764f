/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/duration.h"

#include <limits.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void a_number_and_a_unit_are_seconds(void **state)
{
	static const struct {
		const char *text;
		char unit;
		long seconds;
	} rows[] = {
		{ "0", 'd', 0 },	  { "1", 's', 1 },	 { "1", 'm', 60 },
		{ "1", 'h', 3600 },	  { "5", 'd', 432000 },	 { "5d", 's', 432000 },
		{ "300s", 'd', 300 },	  { "90m", 's', 5400 },	 { "2w", 's', 1209600 },
		{ "2W", 's', 1209600 },	  { "3H", 's', 10800 },	 { "0007s", 's', 7 },
		{ "1000000s", 's', 1000000 },
		{ "00000000000000000000000000000001s", 's', 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		long one = -1, sum = -1;
		assert_int_equal(duration_parse(span_str(rows[i].text), rows[i].unit,
						1209600, &one),
				 DURATION_GOOD);
		assert_int_equal(one, rows[i].seconds);
		assert_int_equal(duration_parse_sum(span_str(rows[i].text), rows[i].unit,
						    1209600, &sum),
				 DURATION_GOOD);
		assert_int_equal(sum, rows[i].seconds);
	}
}

static void anything_else_is_malformed(void **state)
{
	static const char *const rows[] = {
		"",   "s",   "-1",  "+1",   "1.5h", "5 d", " 5d", "5d ", "5y", "5dd",
		"5x", "0x5", "5ds", "d5",   "1h-",  "5\xc3\xbc", "off",
		"99999999999999999999x", "1h30x",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		long seconds = -1;
		assert_int_equal(duration_parse(span_str(rows[i]), 's', 100, &seconds),
				 DURATION_MALFORMED);
		assert_int_equal(duration_parse_sum(span_str(rows[i]), 's', 100, &seconds),
				 DURATION_MALFORMED);
		assert_int_equal(seconds, -1);
	}
}

static void only_a_sum_has_parts(void **state)
{
	static const struct {
		const char *text;
		long seconds;
	} rows[] = {
		{ "1h30m", 5400 }, { "1h30", 5400 },	{ "30m1h", 5400 },
		{ "1m1m", 120 },   { "1d2h3m4s", 93784 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		long seconds = -1;
		assert_int_equal(duration_parse(span_str(rows[i].text), 'm', LONG_MAX,
						&seconds),
				 DURATION_MALFORMED);
		assert_int_equal(duration_parse_sum(span_str(rows[i].text), 'm', LONG_MAX,
						    &seconds),
				 DURATION_GOOD);
		assert_int_equal(seconds, rows[i].seconds);
	}
}

static void too_long_is_never_cut_nor_wrapped(void **state)
{
	static const struct {
		const char *text;
		long max;
	} rows[] = {
		{ "61s", 60 },
		{ "61", 60 },
		{ "1h", 3599 },
		{ "9223372036854775808s", LONG_MAX },
		{ "18446744073709551616s", LONG_MAX },
		{ "18446744073709551617s", LONG_MAX },
		{ "15250284452472w", LONG_MAX },
		{ "99999999999999999999999999999999w", LONG_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		long seconds = -1;
		assert_int_equal(duration_parse(span_str(rows[i].text), 's', rows[i].max,
						&seconds),
				 DURATION_TOO_LONG);
		assert_int_equal(seconds, -1);
	}
	long seconds = -1;
	assert_int_equal(duration_parse_sum(span_str("40s21s"), 's', 60, &seconds),
			 DURATION_TOO_LONG);
	assert_int_equal(duration_parse_sum(span_str("61s1s"), 's', 60, &seconds),
			 DURATION_TOO_LONG);
	assert_int_equal(seconds, -1);
	assert_int_equal(duration_parse_sum(span_str("40s20s"), 's', 60, &seconds),
			 DURATION_GOOD);
	assert_int_equal(seconds, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_and_a_unit_are_seconds),
		cmocka_unit_test(anything_else_is_malformed),
		cmocka_unit_test(only_a_sum_has_parts),
		cmocka_unit_test(too_long_is_never_cut_nor_wrapped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
