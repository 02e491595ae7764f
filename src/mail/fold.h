/* SPDX-License-Identifier: ISC */
/*
 * fold: one line of text from a stranger, as lines that are short and safe; and the long
 * lines of a header field.  Pure.
 */
#ifndef MAIL_FOLD_H
#define MAIL_FOLD_H

#include "base/buf.h"

enum {
	FOLD_COLUMN_MAX = 76,	/* lines break at blanks before this column is passed */
	FOLD_WORD_MAX = 900,	/* bytes; longer words are broken: a line has 998 */
	FOLD_TEXT_MAX = 8192,	/* bytes of text; what is longer is cut */
};

/*
 * Appends text, without blanks at its ends, behind what stands on the last line of *to
 * and a blank; on a new line behind the indent.  The lines that follow begin with the
 * indent too; with the indent " " it is the folding of RFC 5322 §2.2.3, which readers undo
 * exactly.  The text is sanitised; is_ascii: each other character becomes '?'.  There is
 * no line end after the text.  False when *to is full.
 */
bool fold_add(struct buf *to, const char *text, const char *indent, bool is_ascii)
	RELAY_CHECKED;

/*
 * Appends a header field with its CRLF, which may have become too long: lines over 78
 * columns are folded at blanks that they have, best at one behind a comma.  Unfolded it is
 * the same field.  False when *to is full.
 */
bool fold_field(struct buf *to, struct span field) RELAY_CHECKED;

#endif
