/* SPDX-License-Identifier: ISC */
/*
 * field: writes one header field anew: folded (RFC 5322 §2.2.3), with encoded-words
 * (RFC 2047) for the text that needs them.  Pure.
 *
 * The caller gives blanks and tokens one after the other.  Texts to encode that only
 * blanks separate become one text, the blanks in it; B or Q is taken, whichever is
 * shorter.  Characters are never cut.  A line with encoded-words has at most 76 columns;
 * no line is longer than 998 octets.
 */
#ifndef MAIL_FIELD_H
#define MAIL_FIELD_H

#include "base/buf.h"
#include "mail/charset.h"

enum {
	FIELD_LINE_MAX = 998,	/* RFC 5322 §2.1.1 */
	FIELD_BLANKS_MAX = 32,	/* blanks in a row that are kept */
};

struct field_blanks {
	char at[FIELD_BLANKS_MAX];
	size_t size;
};

struct field {
	struct buf *out;
	const struct charset *charset;
	/* Set it behind field_begin: field_plain then writes bytes above 127 and NUL as
	 * this and two hex digits. */
	char escape;
	/* Private. */
	struct buf run;			/* text that waits to be encoded */
	struct field_blanks lead;	/* what stands before it */
	struct field_blanks gap;	/* blanks since the last token */
	size_t column;
	bool is_start;		/* nothing was written behind the name */
	bool after_ours;	/* the last token is an encoded-word of this file */
	bool after_theirs;	/* the last token was given as an encoded-word */
	bool may_break, is_full;
};

/* Begins a field: writes `name` and a colon.  Both pointers must live until field_end. */
void field_begin(struct field *w, struct buf *out, const struct charset *charset,
		 struct span name);

/* Blanks and tabs; they stay where they are, or become folding. */
void field_blank(struct field *w, struct span blanks);

/*
 * A token that stays as it is, but for `escape`, and NUL, which becomes '?'.  No fold comes
 * before it when there are no blanks; a token longer than a line is cut.
 */
void field_plain(struct field *w, struct span token);

/* Text without line ends to encode. */
void field_text(struct field *w, struct span text);

/* Here a fold may come, though there are no blanks (behind a comma). */
void field_may_break(struct field *w);

/* Ends the field with CRLF and frees.  False when *out was full. */
bool field_end(struct field *w) RELAY_CHECKED;

/* Size of the encoded-word at the front of text, or 0. */
size_t field_encoded_size(struct span text);

#endif
