/* SPDX-License-Identifier: ISC */
/*
 * address: the values of `from` and `system_mail`: mail addresses, and patterns for them.
 * Errors say what is wrong, without quoting the text.
 */
#ifndef CONF_ADDRESS_H
#define CONF_ADDRESS_H

#include "base/err.h"

/*
 * Checks *text, and brings an address to the form that it has on the wire: *text is freed
 * and replaced then.  A pattern, and CONF_FROM_AUTHOR, stay as they are.
 */
bool address_check_from(char **text, struct err *e) RELAY_CHECKED;

/* The same without patterns, and the address must have a domain. */
bool address_check_full(char **text, struct err *e) RELAY_CHECKED;

/* Does `from` hold a pattern, not an address? */
bool address_is_pattern(const char *from);

#endif
