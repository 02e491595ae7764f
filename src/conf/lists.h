/* SPDX-License-Identifier: ISC */
/*
 * lists: the values that are lists: `host`, `to` and `fallback`.  Blanks or commas separate
 * the words; what is kept has one blank between.
 */
#ifndef CONF_LISTS_H
#define CONF_LISTS_H

#include "conf/conf.h"

/*
 * Checks the words and appends them to *to.  Errors say what is wrong, without quoting the
 * text.
 */
bool lists_read(enum key_type type, struct span text, struct buf *to,
		struct err *e) RELAY_CHECKED;

/* What a list is made of, as lists_read keeps it: the next word; empty at the end. */
struct span lists_next(struct span *rest);

#endif
