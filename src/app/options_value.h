/* SPDX-License-Identifier: ISC */
/*
 * options_value: the small languages behind -b, -e, -o, -O and -q.  For options.c alone;
 * everybody else uses options.h.
 */
#ifndef APP_OPTIONS_VALUE_H
#define APP_OPTIONS_VALUE_H

#include "app/options.h"

void option_add_setting(struct options *o, enum key key, const char *value);

/* What follows -b; NULL: nothing. */
bool option_mode(struct options *o, const char *value, struct err *e) RELAY_CHECKED;

/* -o: "i", "dq", "em"; what is not known is ignored. */
bool option_letter(struct options *o, const char *value, struct err *e) RELAY_CHECKED;

/* -O: "DeliveryMode=q"; what is not known is ignored. */
bool option_named(struct options *o, const char *value, struct err *e) RELAY_CHECKED;

/* -e: "m"; what is not known is ignored. */
void option_errors(struct options *o, const char *value);

/* -q with what is attached to it; NULL: nothing. */
bool option_flush(struct options *o, const char *value, struct err *e) RELAY_CHECKED;

/* Does -q with this value need the next word?  Then option_flush_word has its letter. */
bool option_flush_wants_word(const char *value);
bool option_flush_word(struct options *o, char letter, const char *word,
		       struct err *e) RELAY_CHECKED;

#endif
