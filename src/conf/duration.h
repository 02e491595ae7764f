/* SPDX-License-Identifier: ISC */
/*
 * duration: lengths of time as Postfix and sendmail write them: a whole number and a unit,
 * s m h d w in either case, without a blank.  Pure.
 */
#ifndef CONF_DURATION_H
#define CONF_DURATION_H

#include "base/span.h"

enum duration {
	DURATION_GOOD,
	DURATION_MALFORMED,
	DURATION_TOO_LONG,	/* more than max, or than any number can say */
};

/*
 * "5d" → 432000.  unit: that of a number without one.  max: in seconds.  *ret_seconds is
 * set only with DURATION_GOOD.
 */
enum duration duration_parse(struct span text, char unit, long max, long *ret_seconds);

/* The same for -q, where several of them add up: "1h30m". */
enum duration duration_parse_sum(struct span text, char unit, long max,
				 long *ret_seconds);

#endif
