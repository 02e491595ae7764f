/* SPDX-License-Identifier: ISC */
/*
 * date: RFC 5322 §3.3.  The calendar is computed here: gmtime_r reads the environment
 * and files in common C libraries.
 */
#include "mail/date.h"

#include <stdlib.h>

enum { DAY = 24 * 60 * 60, DAYS_IN_400_YEARS = 146097 };

/* Days from 1970 to 0000-03-01, where the count of leap years is simplest. */
#define DAYS_TO_1970 719468

/* 0001-01-01 and the last second of 9999: four digits are all the format has. */
#define SECONDS_MIN (-62135596800)
#define SECONDS_MAX 253402300799

struct civil date_civil(int64_t seconds)
{
	struct civil c;

	seconds = seconds < SECONDS_MIN ? SECONDS_MIN
		: seconds > SECONDS_MAX ? SECONDS_MAX
					: seconds;
	int64_t days = seconds / DAY - (seconds % DAY < 0);
	int second = (int)(seconds - days * DAY);
	/* Years here begin in March, so the leap day is the last day of its year. */
	int from_start = (int)(days + DAYS_TO_1970);
	int era = from_start / DAYS_IN_400_YEARS;
	int day_of_era = from_start % DAYS_IN_400_YEARS;
	int year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 -
			   day_of_era / (DAYS_IN_400_YEARS - 1)) / 365;
	int day_of_year = day_of_era - 365 * year_of_era - year_of_era / 4 + year_of_era / 100;
	int month = (5 * day_of_year + 2) / 153;	/* 0 = March */

	c.day = day_of_year - (153 * month + 2) / 5 + 1;
	c.month = month < 10 ? month + 3 : month - 9;
	c.year = era * 400 + year_of_era + (c.month <= 2);
	c.weekday = (from_start + 3) % 7;		/* 0000-03-01 was a Wednesday */
	c.hour = second / 3600;
	c.minute = second / 60 % 60;
	c.second = second % 60;
	return c;
}

bool date_add(struct buf *to, int64_t seconds, int zone_minutes)
{
	static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	enum { ZONE_MAX = 99 * 60 + 59 };
	int zone = zone_minutes < -ZONE_MAX ? -ZONE_MAX
		 : zone_minutes > ZONE_MAX  ? ZONE_MAX
					    : zone_minutes;
	seconds = seconds < SECONDS_MIN ? SECONDS_MIN
		: seconds > SECONDS_MAX ? SECONDS_MAX
					: seconds;
	struct civil c = date_civil(seconds + zone * 60);

	return buf_printf(to, "%s, %d %s %04d %02d:%02d:%02d %c%02d%02d", days[c.weekday],
			  c.day, months[c.month - 1], c.year, c.hour, c.minute, c.second,
			  zone < 0 ? '-' : '+', abs(zone) / 60, abs(zone) % 60);
}
