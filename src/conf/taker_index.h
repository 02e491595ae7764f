/* SPDX-License-Identifier: ISC */
/* taker_index: many takers, so that an address meets at once those that take it. */
#ifndef CONF_TAKER_INDEX_H
#define CONF_TAKER_INDEX_H

#include "conf/taker.h"

struct taker_index;

struct taker_index *taker_index_new(void);
void taker_index_free(struct taker_index *x);

/* In the order of the accounts; the texts stay theirs. */
void taker_index_add(struct taker_index *x, const struct taker *t);
/* Every word of the account's `to`. */
void taker_index_add_recipients(struct taker_index *x, const struct conf *c, size_t account);
/* Does one take everything?  Then all that come later are for nothing. */
bool taker_index_takes_all(const struct taker_index *x);

/* The one that takes the address, of the first account that has one.  NULL: none. */
const struct taker *taker_index_find(const struct taker_index *x, struct span address);

/*
 * One of the first account that has one which takes everything that t takes.  NULL: none, or
 * two patterns are too hard to compare, or no work is left.  work: as pattern_covers has it.
 */
const struct taker *taker_index_cover(struct taker_index *x, const struct taker *t,
				      size_t *work);

#endif
