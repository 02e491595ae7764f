/* SPDX-License-Identifier: ISC */
/* parse: the text of one relayrc → accounts.  Knows `account`, `defaults`, `eval`. */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "conf/conf.h"

/*
 * Appends the accounts of text to *c.  secret_refusal: why this file may not hold a
 * password; NULL: it may.
 */
bool parse_text(struct conf *c, struct span text, const char *file,
		const char *secret_refusal, const struct conf_env *env,
		struct err *e) RELAY_CHECKED;

#endif
