/* SPDX-License-Identifier: ISC */
/*
 * lex: the bytes of a relayrc → (line, key, value).  Knows no settings.
 *
 * One line, one setting: key, blanks, value to the end of the line.  The value may stand
 * in double quotes, which are dropped; there are no escapes.  A line that begins with #
 * is a comment; so is everything from a TAB followed by "# " on.  LF and CRLF end lines,
 * a UTF-8 byte order mark is skipped.  Other control bytes are errors.
 */
#ifndef CONF_LEX_H
#define CONF_LEX_H

#include "base/err.h"
#include "base/span.h"

#define LEX_LINE_MAX 65536
/* What starts a comment after a value, as conf_print writes them. */
#define LEX_COMMENT "\t# "

struct lex {
	struct span rest;
	const char *file;	/* for errors */
	unsigned line;		/* of the last one that was read */
};

struct lex_line {
	unsigned number;
	struct span key;	/* empty: nothing on this line */
	struct span value;	/* without quotes */
};

void lex_init(struct lex *l, struct span text, const char *file);

/* The next line that says something; its key is empty at the end of the text. */
bool lex_next(struct lex *l, struct lex_line *ret, struct err *e) RELAY_CHECKED;

/* One line without its line end; the error has no file and line. */
bool lex_split(struct span line, struct lex_line *ret, struct err *e) RELAY_CHECKED;

/* A byte that no line may have: NUL, controls but TAB, DEL. */
bool lex_is_control(char c);

#endif
