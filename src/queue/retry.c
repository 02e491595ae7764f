/* SPDX-License-Identifier: ISC */
/* retry: see retry.h.  Pure: the caller brings the clock and the chance. */
#include "queue/retry.h"

/* The two bounds, also when they were set the wrong way round. */
static int64_t lowest(const struct queue_times *t)
{
	return t->minimal_backoff > 0 ? t->minimal_backoff : 0;
}

static int64_t highest(const struct queue_times *t)
{
	return t->maximal_backoff > lowest(t) ? t->maximal_backoff : lowest(t);
}

int64_t queue_backoff(const struct queue_times *t, unsigned attempts, uint32_t random)
{
	int64_t low = lowest(t), high = highest(t), wait = low;

	for (unsigned i = 1; i < attempts && wait > 0 && wait < high; i++) {
		wait = wait > high / 2 ? high : wait * 2;
	}
	/* An eighth to both sides, as far as the bounds let it. */
	int64_t from = wait - wait / 8, to = wait + wait / 8;
	from = from < low ? low : from;
	to = to > high ? high : to;
	return from + (int64_t)(random % ((uint64_t)(to - from) + 1));
}

bool queue_is_due(const struct queue_entry *v, const struct queue_times *t, int64_t now)
{
	return now >= v->next || now < v->last || v->next - now > highest(t);
}

bool queue_is_expired(const struct queue_entry *v, const struct queue_times *t, int64_t now)
{
	if (t->lifetime <= 0) {
		return true;
	}
	return now >= v->since && now - v->since >= t->lifetime;
}

bool queue_is_warning_due(const struct queue_entry *v, const struct queue_times *t, int64_t now)
{
	return t->delay_warning > 0 && !v->is_warned && now >= v->since &&
	       now - v->since >= t->delay_warning;
}
