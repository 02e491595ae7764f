/* SPDX-License-Identifier: ISC */
/*
 * lines: the logical lines of Postfix's files (postconf(5), postmap(1)): a line that begins
 * with a blank continues the one before; empty lines and those whose first character is #
 * are left out, also in the middle of a logical line.
 */
#ifndef IMPORT_LINES_H
#define IMPORT_LINES_H

#include "base/buf.h"

struct lines {
	char *data;		/* joined in place */
	size_t size, at, filled;
	unsigned line;		/* of `at` */
};

/* The text is changed; what lines_next gives stays in it. */
void lines_init(struct lines *l, struct buf *text);

/* The next one, without blanks around, and where it began; false at the end. */
bool lines_next(struct lines *l, struct span *ret, unsigned *ret_line);

/* Takes the next line of a file that knows no continued ones, without its LF; false at the end. */
bool lines_take(struct span *rest, struct span *ret);

/* Takes the next word off the list; {…} belongs together, separators in it too. */
struct span lines_word(struct span *list, const char *between);

/* The first word and the rest, both without blanks around. */
struct span lines_split(struct span line, struct span *ret_rest);

/* Where the bracket that opens at text.data[0] closes; text.size: nowhere. */
size_t lines_close(struct span text);

#endif
