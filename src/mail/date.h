/* SPDX-License-Identifier: ISC */
/* date: RFC 5322 §3.3 dates.  Pure: the caller brings the time and the zone. */
#ifndef MAIL_DATE_H
#define MAIL_DATE_H

#include "base/buf.h"

#include <stdint.h>

struct civil {
	int year, month, day;	/* month and day from 1 */
	int hour, minute, second;
	int weekday;		/* 0 = Sunday */
};

/* Calendar date of seconds since 1970, UTC; beyond the years 1 to 9999 their ends. */
struct civil date_civil(int64_t seconds);

/* "Sat, 21 Nov 2026 23:07:23 +0900"; seconds since 1970 UTC, zone in minutes east. */
bool date_add(struct buf *to, int64_t seconds, int zone_minutes) RELAY_CHECKED;

#endif
