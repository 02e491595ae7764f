/* SPDX-License-Identifier: ISC */
/*
 * wire: a message as callers write it → the form that travels.  Pure, streaming.
 *
 * In: LF or CRLF line ends, mixed; perhaps an mbox "From " line first; perhaps no line
 * end last; perhaps a lone dot that ends the input.  Out: CRLF line ends only; bare CRs
 * become a space, one for several in a row (CRs right before LF, or before the end of the
 * input, belong to the line end); a "From " or ">From " line that comes first is gone; the
 * last line is complete.  Chunk borders never matter.
 */
#ifndef MAIL_WIRE_H
#define MAIL_WIRE_H

#include "base/buf.h"

#include <stdint.h>

#define WIRE_UNKNOWN SIZE_MAX

struct wire {
	/* Set by wire_init. */
	/* A line that is just "." ends the input (no -i), also without a line end. */
	bool ends_at_dot;

	/* Facts, for everything that has been put out so far. */
	size_t size;		/* bytes put out */
	size_t longest_line;	/* octets without CRLF */
	bool is_8bit;		/* a byte above 127 */
	bool has_nul;
	bool ended;		/* the lone dot was seen: stop reading, ignore the rest */
	/*
	 * Where the header section ends in the output and where the body starts: the blank
	 * line stands between them; they are equal when the body starts with a line that is
	 * no header field (`echo text | sendmail x`), and when the input ends in the header.
	 * WIRE_UNKNOWN while reading the header.
	 */
	size_t header_end, body_start;

	/* Private. */
	struct {
		unsigned char state, field;
		bool had_cr;		/* CRs were read that are not yet put out */
		bool is_quoted;		/* the first byte was '>' */
		bool had_field;
		unsigned held;		/* bytes of the first line that look like "From " */
		size_t line_start;	/* offset in the output */
	} at;
};

void wire_init(struct wire *w, bool ends_at_dot);

/* Appends the wire form of one more chunk to *out; false when *out is full. */
bool wire_feed(struct wire *w, struct span in, struct buf *out) RELAY_CHECKED;

/*
 * From now on is_8bit, has_nul and longest_line are facts about the body only.  `body`: what
 * of it was put out so far.
 */
void wire_forget_header(struct wire *w, struct span body);

/* End of input: completes the last line and the header/body border. */
bool wire_end(struct wire *w, struct buf *out) RELAY_CHECKED;

/*
 * Dot-stuffing for DATA (RFC 5321 §4.5.2).  `*at_line_start` starts as true and is kept
 * between chunks.  The input is wire form, so only CRLF ends lines.
 */
bool wire_stuff(bool *at_line_start, struct span in, struct buf *out) RELAY_CHECKED;

#endif
