/* SPDX-License-Identifier: ISC */
/*
 * options_value: what the options do, and the small languages behind -d, -e, -o, -O and
 * -q. For options.c alone; everybody else uses options.h.
 */
#ifndef APP_OPTIONS_VALUE_H
#define APP_OPTIONS_VALUE_H

#include "app/options.h"
#include "app/options_table.h"

void option_add_setting(struct options *o, enum key key, const char *value);

/*
 * letter and word: how it was written ("-qRx": 'q', "Rx"), for errors; 0 and NULL when
 * that is not known.  value: the argument, which may be the next word of the call; NULL:
 * none.
 */
struct option_use {
	char letter;
	const char *word;
	const char *value;
};
bool option_apply(struct options *o, enum option_effect effect,
		  const struct option_use *use, struct err *e) RELAY_CHECKED;

#endif
