/* SPDX-License-Identifier: ISC */
/*
 * aliases: an aliases file, as sendmail and msmtp read it (aliases(5)).  Pure: what it
 * needs from outside comes through struct alias_env.
 *
 * `name: target, target…`; names without '@', case ignored; # comments (also behind a
 * blank); a line that begins with a blank, or follows a `\` at the end of a line,
 * continues the one before, also across comments and empty lines; `default:` takes every
 * local name that has no alias of its own.  A name that stands in the file twice is an
 * error.
 *
 * Targets are addresses, aliases again, `\name` (the local name, not looked up again) and
 * `:include:/path`.  `|command` and `/file` parse, but nothing is ever delivered there.
 */
#ifndef MAIL_ALIASES_H
#define MAIL_ALIASES_H

#include "mail/addr.h"

struct aliases;

struct alias_env {
	void *context;
	/* Is this address, which has a domain, a name of this machine?  NULL: none is. */
	bool (*is_own)(void *context, const char *spec);
	/* Appends the text of a file that :include: names. */
	bool (*read)(void *context, const char *path, struct buf *to, struct err *e);
	/* A target that gets no mail, or what is wrong: "FILE:LINE: NAME: …". */
	void (*tell)(void *context, const char *text);
};

/* Parses text; `file` names it in errors (FILE:LINE: …, CAUSE_CONFIG).  NULL on error. */
struct aliases *aliases_parse(struct span text, const char *file,
			      struct err *e) RELAY_CHECKED;
void aliases_free(struct aliases *a);
size_t aliases_count(const struct aliases *a);

/*
 * Replaces every local address of the list (without '@', or is_own) by its targets, again
 * and again; removes duplicates (addr_equal), keeps the order, fills `origin`.  Addresses
 * elsewhere stay, and so does a name without an alias, or that is its own target
 * (`root: root, me@example.org`); a longer loop is an error.  Targets that get no mail
 * are told and left out: commands, files, what is wrong with an included file.  Without
 * aliases (NULL) only duplicates go.  False when aliases loop, nest too deep or give more
 * than ADDR_LIST_MAX addresses (CAUSE_CONFIG or CAUSE_DATA).
 */
bool aliases_expand(const struct aliases *a, const struct alias_env *env,
		    struct addr_list *list, struct err *e) RELAY_CHECKED;

/*
 * Tells everything that is wrong with a file, and with those it includes, and what gets
 * no mail.  Returns how much that is; *ret_count: the aliases that could be read.
 */
size_t aliases_check(struct span text, const char *file, const struct alias_env *env,
		     size_t *ret_count);

#endif
