/* SPDX-License-Identifier: ISC */
/*
 * aliases: an aliases file, as sendmail, Postfix and msmtp read it (aliases(5)).  Pure: what
 * it needs from outside comes through struct alias_env.
 *
 * `name: target, target…`; names without '@', case ignored; # comments (also behind a
 * blank); a line that begins with a blank, or follows a `\` at the end of a line,
 * continues the one before, also across comments and empty lines; `default:` takes every
 * local name that has no alias of its own.  Of two aliases with one name the first counts.
 *
 * Targets are addresses, aliases again, `\name` (the local name, not looked up again),
 * `:include:/path`, and /dev/null or `:blackhole:`, which throw the mail away.  `|command`
 * and `/file` parse, but nothing is ever delivered there.
 *
 * No mistake stops any mail but that of its own line: a target that cannot be read or
 * followed is told, and the mail that was for it goes where that of a name without an alias
 * goes: to `default:`, or to the local name itself.
 */
#ifndef MAIL_ALIASES_H
#define MAIL_ALIASES_H

#include "mail/addr.h"

struct aliases;

enum alias_trouble {
	ALIAS_MISTAKE,		/* in the file; the mail goes another way */
	ALIAS_REFUSED,		/* a target gets no mail */
	ALIAS_DISCARDED,	/* mail is thrown away, as the file says */
	ALIAS_TROUBLES,
};

struct alias_env {
	void *context;
	/* Is this address, which has a domain, a name of this machine?  NULL: none is. */
	bool (*is_own)(void *context, const char *spec);
	/* Appends the text of a file that :include: names. */
	bool (*read)(void *context, const char *path, struct buf *to, struct err *e);
	/*
	 * text: "FILE:LINE: NAME: what, and what to do".  recipient: the one of the list whose
	 * mail it is; NULL while a file is read or checked.
	 */
	void (*tell)(void *context, enum alias_trouble trouble, const char *recipient,
		     const char *text);
};

/* Parses text; `file` names it.  What is wrong is told. */
struct aliases *aliases_parse(struct span text, const char *file,
			      const struct alias_env *env) RELAY_CHECKED;
void aliases_free(struct aliases *a);
size_t aliases_count(const struct aliases *a);

/*
 * Replaces every local address of the list (without '@', or is_own) by its targets, again
 * and again; removes duplicates (addr_equal), keeps the order, fills `origin`.  Addresses
 * elsewhere stay, and so does a name without an alias, or that is its own target
 * (`root: root, me@example.org`).  Without aliases (NULL) only duplicates go.  False when
 * there are more than ADDR_LIST_MAX addresses (CAUSE_DATA).
 */
bool aliases_expand(const struct aliases *a, const struct alias_env *env,
		    struct addr_list *list, struct err *e) RELAY_CHECKED;

/* What is wrong with a file, and with those it includes: how much of each. */
struct alias_report {
	size_t aliases, mistakes, refused;
};

/* Tells everything that is wrong, and what gets no mail. */
struct alias_report aliases_check(struct span text, const char *file,
				  const struct alias_env *env);

#endif
