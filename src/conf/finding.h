/* SPDX-License-Identifier: ISC */
/*
 * finding: what `relay check` has to say about a configuration, as a list.  Pure: who
 * finds something looks for it elsewhere, and who prints the list is in app/.
 */
#ifndef CONF_FINDING_H
#define CONF_FINDING_H

#include "conf/conf.h"

enum severity {
	SEVERITY_WARNING,	/* it works, but is risky or useless */
	SEVERITY_ERROR,		/* mail fails */
};

/* All strings are owned, and of any bytes: who prints them makes them safe. */
struct finding {
	enum severity severity;
	char *file;		/* NULL = none: "command line", or nowhere */
	unsigned line;		/* 0 = the whole file, or file is the name of a variable */
	char *account, *key;	/* NULL = none */
	char *text;		/* what is wrong */
	char *remedy;		/* what to do; NULL = that is plain */
};

struct findings {
	struct finding *at;
	size_t count, room;
	size_t errors;		/* so many of them have SEVERITY_ERROR */
};

void findings_clear(struct findings *list);

/*
 * About a setting of an account: stands at its line, or at the account's when it is not
 * set.  KEY_COUNT: about the account.  The text is "what is wrong; what to do".  What an
 * heir would only repeat (same line, same text) is not added again.
 */
void findings_add(struct findings *list, enum severity severity, const struct account *a,
		  enum key key, const char *format, ...) RELAY_PRINTF(5, 6);

/* The same about one of several lines of a setting. */
void findings_add_value(struct findings *list, enum severity severity,
			const struct account *a, enum key key, const struct conf_value *line,
			const char *format, ...) RELAY_PRINTF(6, 7);

/*
 * About a place.  text: "[FILE:LINE: ][setting: ]what is wrong[; what to do]", as error
 * texts are.  file NULL: the text's own place counts, when it begins with an absolute path.
 */
void findings_add_at(struct findings *list, enum severity severity, const char *file,
		     unsigned line, const char *text);

/* The same error text, found while an account was looked at: its place is the setting. */
void findings_add_error(struct findings *list, const struct account *a, enum key key,
			const char *text, const char *remedy);

#endif
