/* SPDX-License-Identifier: ISC */
/* substitute: %U, %H, %C and %M in a value. */
#ifndef CONF_SUBSTITUTE_H
#define CONF_SUBSTITUTE_H

#include "conf/conf.h"

/*
 * Appends text with what %U and so on stand for.  *ret_open: some were left, because nobody
 * knows what they stand for.
 */
bool substitute(struct span text, const struct conf_env *env, struct buf *to, bool *ret_open,
		struct err *e) RELAY_CHECKED;

#endif
