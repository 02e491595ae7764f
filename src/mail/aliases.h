/* SPDX-License-Identifier: ISC */
/*
 * aliases: an aliases file, as msmtp and sendmail read it (aliases(5)).  Pure.
 *
 * `name: target, target…`; names without '@', case ignored; # comments (also behind a
 * blank); a line that begins with a blank continues the one before, also across comments
 * and empty lines; `default:` takes every local name that has no alias of its own.
 * Targets may be aliases again, but not `\name`.  |command, /file and :include: are
 * refused with file and line, and so is a name that stands in the file twice.
 */
#ifndef MAIL_ALIASES_H
#define MAIL_ALIASES_H

#include "mail/addr.h"

struct aliases;

/* Parses text; `file` names it in errors (FILE:LINE: …, CAUSE_CONFIG).  NULL on error. */
struct aliases *aliases_parse(struct span text, const char *file, struct err *e) RELAY_CHECKED;
void aliases_free(struct aliases *a);
size_t aliases_count(const struct aliases *a);

/*
 * Replaces every local address (no '@') of the list by its targets, again and again;
 * removes duplicates (addr_equal), keeps the order.  Addresses with a domain stay, and so
 * does a name that is its own target (`root: root, me@example.org`); a longer loop is an
 * error.  Without aliases (NULL) only duplicates go.  False when aliases nest
 * too deep or give more than ADDR_LIST_MAX addresses (CAUSE_CONFIG or CAUSE_DATA).
 */
bool aliases_expand(const struct aliases *a, struct addr_list *list, struct err *e)
	RELAY_CHECKED;

#endif
