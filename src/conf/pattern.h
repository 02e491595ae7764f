/* SPDX-License-Identifier: ISC */
/* pattern: does one `from` take every sender that another one takes? */
#ifndef CONF_PATTERN_H
#define CONF_PATTERN_H

#include "base/span.h"

#include <stdint.h>

/* Pieces of a pattern: characters, ?, * and sets. */
#define PATTERN_MAX 63

struct pattern {
	struct pattern_piece {
		bool is_star;
		uint64_t set[4];	/* the bytes that fit, in lower case */
	} at[PATTERN_MAX];
	size_t count;
	bool is_literal;
};

/*
 * Reads what text_match understands; is_literal: no character means more than itself.  False
 * when there are too many pieces.
 */
bool pattern_read(struct pattern *p, const char *text, bool is_literal);

/*
 * Is everything that `inner` matches also matched by `outer`?  Exact, but for two patterns
 * that are too hard to compare it says no, and so it does for all when no work is left.
 * work: in steps; what was done is taken off.
 */
bool pattern_covers(const struct pattern *outer, const struct pattern *inner, size_t *work);

#endif
