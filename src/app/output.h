/* SPDX-License-Identifier: ISC */
/*
 * output: listings for standard output: gathered, and written in large pieces.  What comes
 * from a message, a file or a server passes through output_shown or output_json; nothing
 * else here may print such bytes, except where a command's job is the bytes themselves.
 */
#ifndef APP_OUTPUT_H
#define APP_OUTPUT_H

#include "base/buf.h"

struct output {
	struct buf text;	/* not written yet */
	bool has_failed;	/* a write did: the rest is dropped */
};

void output_init(struct output *o);
/* Writes what is left.  False when anything could not be written. */
bool output_end(struct output *o);
/* For EX_IOERR: says that standard output is not complete, unless its reader is gone. */
void output_tell_failure(void);

void output_bytes(struct output *o, struct span bytes);
void output_text(struct output *o, const char *text);
/* `count` blanks; none when it is negative. */
void output_blanks(struct output *o, int count);
/* Right-aligned in `width` columns. */
void output_number(struct output *o, unsigned long long number, int width);

/* The text as one line that is safe for a terminal: text_sanitise. */
void output_shown(struct output *o, const char *text);
/* The text as a JSON string with its quotes: ASCII controls escaped, what is no UTF-8
 * replaced by U+FFFD, and everything escaped that could deceive on a terminal. */
void output_json(struct output *o, const char *text);

#endif
