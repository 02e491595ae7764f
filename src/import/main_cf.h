/* SPDX-License-Identifier: ISC */
/*
 * main_cf: Postfix's main.cf: its lines, and the values that come out when every $name is
 * replaced (postconf(5)).  Knows no parameter but those whose default depends on the machine.
 */
#ifndef IMPORT_MAIN_CF_H
#define IMPORT_MAIN_CF_H

#include "base/buf.h"

struct main_line {
	struct span name, value;
	unsigned line;
};

struct main_cf {
	struct buf text;
	struct main_line *lines;	/* in the order of the file */
	size_t count;
	const struct main_line **sorted;	/* one a name: its last line */
	size_t sorted_count;
	const char *host;	/* of the machine */
	const char *folder;	/* config_directory */
	size_t work;		/* that went into values */
};

/* What becomes of a line without "=". */
typedef void main_cf_odd(void *context, unsigned line);

/* Takes the text over (and empties it).  host, folder: kept, not copied. */
void main_cf_init(struct main_cf *m, struct buf *text, const char *host, const char *folder,
		  main_cf_odd *odd, void *context);
void main_cf_clear(struct main_cf *m);

/* The line in force, NULL when the file does not have it. */
const struct main_line *main_cf_find(const struct main_cf *m, struct span name);

/*
 * Appends the value with everything replaced.  False when the names go round in a circle,
 * the braces do not fit, the result is too large, or all values of the file together were
 * too much work (CAUSE_CONFIG); the error has no file.
 */
bool main_cf_expand(struct main_cf *m, struct span value, struct buf *to,
		    struct err *e) RELAY_CHECKED;

/* The same for a parameter by its name, or for its default when it is not set. */
bool main_cf_get(struct main_cf *m, const char *name, struct buf *to,
		 struct err *e) RELAY_CHECKED;

#endif
