/* SPDX-License-Identifier: ISC */
/* value: one value of one setting: checks it by its type, makes text and number of it. */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "conf/conf.h"

/*
 * Fills text, number and is_set of *ret (the rest is the caller's); value_clear frees it.
 * An error has no file, line and key: "must be on or off".
 */
bool value_parse(enum key key, struct span text, const struct conf_env *env,
		 struct conf_value *ret, struct err *e) RELAY_CHECKED;

/* The number of a default, or of a value that was parsed before. */
long value_number(enum key key, const char *text);

void value_clear(enum key key, struct conf_value *v);

#endif
