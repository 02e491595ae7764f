/* SPDX-License-Identifier: ISC */
/* keys: what conf's other files need of the table beside conf.h. */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include "conf/conf.h"

/* What became of one of msmtp's old words. */
struct key_heir {
	enum key old, now;
	const char *when_on, *when_off;	/* values of `now`; NULL: the same value */
};

/* NULL: the old word is ignored. */
const struct key_heir *key_heir(enum key key);

/*
 * True when `known` is near enough to `wanted` to be meant, and nearer than *best, which
 * is updated then (start with UINT_MAX).
 */
bool key_is_near(const char *wanted, const char *known, unsigned *best);

#endif
