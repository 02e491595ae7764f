/* SPDX-License-Identifier: ISC */
/*
 * retry: when is a message tried again, and when is it given up?  Pure; all times are
 * seconds.  A clock that jumps must neither stop mail for a year nor give up what was
 * never tried.
 */
#ifndef QUEUE_RETRY_H
#define QUEUE_RETRY_H

#include "queue/entry.h"

struct queue_times {
	int64_t minimal_backoff, maximal_backoff;
	int64_t lifetime;	/* maximal_queue_lifetime, or bounce_queue_lifetime for the null
				   sender; 0 = one attempt */
	int64_t delay_warning;	/* 0 = off */
};

/*
 * The wait after the attempt number `attempts` (1 = the first): minimal_backoff, doubled
 * for each further one, up to maximal_backoff; with jitter from `random`, an eighth of it at
 * most, never outside the two bounds.
 */
int64_t queue_backoff(const struct queue_times *t, unsigned attempts, uint32_t random);

/*
 * Is it time?  Also when the clock went back before the last attempt, or when the next one
 * is further away than maximal_backoff: then the clock has jumped.
 */
bool queue_is_due(const struct queue_entry *v, const struct queue_times *t, int64_t now);

/*
 * After an attempt that failed at `now`: has it been in the queue for its lifetime?  A clock
 * before `since` counts as no time at all.
 */
bool queue_is_expired(const struct queue_entry *v, const struct queue_times *t, int64_t now);

/* After an attempt that failed: is a delay warning due that was not sent yet? */
bool queue_is_warning_due(const struct queue_entry *v, const struct queue_times *t, int64_t now);

#endif
