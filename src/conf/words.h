/* SPDX-License-Identifier: ISC */
/* words: lists of words, as the rows of keys.def have them and as values are written. */
#ifndef CONF_WORDS_H
#define CONF_WORDS_H

#include "base/err.h"
#include "base/span.h"

/* Takes the next word off the list, which `between` separates.  Empty at the end. */
struct span words_next(struct span *list, const char *between);

/*
 * The place of word, case ignored, in "off headers|hdrs full"; -1 when it is not there.
 * *ret_first is the first spelling of what was found.
 */
long words_find(const char *words, struct span word, struct span *ret_first);

/* The error "what: off, headers, full". */
bool words_fail(struct err *e, const char *what, const char *words);

#endif
