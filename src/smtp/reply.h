/* SPDX-License-Identifier: ISC */
/*
 * reply: cuts server replies out of a byte stream (RFC 5321 §4.2, RFC 2034).  Pure.
 *
 * Bounded: a line has at most REPLY_LINE_MAX bytes, a reply REPLY_LINES_MAX lines and
 * REPLY_TEXT_MAX bytes of text.  A reply that breaks the grammar (no three digits, code
 * outside 200…599, lines with different codes, a bare CR or NUL) is an error, not a guess.
 * A bare LF line end is taken as CRLF, as all clients do.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include "base/buf.h"

#define REPLY_LINE_MAX  4096
#define REPLY_LINES_MAX 256
#define REPLY_TEXT_MAX  32768

struct reply {
	int code;		/* 200…599 */
	char enhanced[16];	/* "2.1.5" from the first line, or "" */
	/*
	 * Text of all lines (without codes and enhanced code), '\n' between lines, not
	 * sanitised: EHLO needs the raw words.
	 */
	struct buf text;
	unsigned lines;
};

void reply_init(struct reply *r);
void reply_clear(struct reply *r);

enum reply_got { REPLY_MORE, REPLY_DONE, REPLY_BAD };

/*
 * Reads one reply from the front of `in`.  DONE: *ret_used bytes belong to it and *r is
 * filled.  MORE: not complete; call again with the same bytes and more (r is reset).
 * BAD: *e says what is wrong (CAUSE_PROTOCOL).
 */
enum reply_got reply_parse(struct reply *r, struct span in, size_t *ret_used, struct err *e)
	RELAY_CHECKED;

/* "550 5.1.1 No such user" on one sanitised line, cut to fit. */
void reply_line(const struct reply *r, char *text, size_t size);

#endif
