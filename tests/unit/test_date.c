/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/date.h"

#include <time.h>

static void dates_read_as_in_rfc_5322(void **state)
{
	static const struct {
		int64_t seconds;
		int zone;
		const char *text;
	} rows[] = {
		{ 0, 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
		{ -1, 0, "Wed, 31 Dec 1969 23:59:59 +0000" },
		{ 1795270043, 540, "Sat, 21 Nov 2026 23:07:23 +0900" },
		{ 951782400, 0, "Tue, 29 Feb 2000 00:00:00 +0000" },
		{ 951868800, 0, "Wed, 1 Mar 2000 00:00:00 +0000" },
		{ 4107542400, 0, "Mon, 1 Mar 2100 00:00:00 +0000" },
		{ 0, -210, "Wed, 31 Dec 1969 20:30:00 -0330" },
		{ 0, -30, "Wed, 31 Dec 1969 23:30:00 -0030" },
		{ 0, 345, "Thu, 1 Jan 1970 05:45:00 +0545" },
		{ 2147483648, 0, "Tue, 19 Jan 2038 03:14:08 +0000" },
		{ INT64_MIN, 0, "Mon, 1 Jan 0001 00:00:00 +0000" },
		{ INT64_MAX, 0, "Fri, 31 Dec 9999 23:59:59 +0000" },
		{ 0, 1000000, "Mon, 5 Jan 1970 03:59:00 +9959" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b BUF_AUTO;
		buf_init(&b, 100);
		assert_true(date_add(&b, rows[i].seconds, rows[i].zone));
		assert_string_equal(b.data, rows[i].text);
	}
	struct buf full BUF_AUTO;
	buf_init(&full, 10);
	assert_false(date_add(&full, 0, 0));
}

/* One time of day on each day of 3000 years, against the C library. */
static void the_calendar_is_right(void **state)
{
	(void)state;
	for (int64_t day = -500000; day < 600000; day++) {
		time_t t = (time_t)(day * 86400 + (day & 0xffff) % 86400);
		struct civil c = date_civil(t);
		struct tm tm;
		gmtime_r(&t, &tm);
		if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 ||
		    c.day != tm.tm_mday || c.weekday != tm.tm_wday ||
		    c.hour != tm.tm_hour ||
		    c.minute != tm.tm_min || c.second != tm.tm_sec) {
			fail_msg("%lld", (long long)t);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dates_read_as_in_rfc_5322),
		cmocka_unit_test(the_calendar_is_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
