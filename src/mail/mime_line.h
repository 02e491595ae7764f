/* SPDX-License-Identifier: ISC */
/* mime_line: cuts chunks of a message into lines, and tells what a line can be.  Pure. */
#ifndef MAIL_MIME_LINE_H
#define MAIL_MIME_LINE_H

#include "base/buf.h"

/* A line up to this comes in one piece: more than one that may leave has. */
enum { MIME_LINE_HOLD = 1024 };

/* A line, or a part of a long one; without its CRLF. */
struct mime_line {
	struct span text;
	bool is_first, is_last;
};

struct mime_lines {
	/* Private. */
	struct buf held;	/* the start of a line */
	size_t given;		/* bytes of it that were given out */
	bool in_line;		/* a part of the line was given out */
};

void mime_lines_init(struct mime_lines *l);
void mime_lines_clear(struct mime_lines *l);
void mime_lines_reset(struct mime_lines *l);

/*
 * Takes the next line, or part of one, off the front of *rest; false when more must come.
 * Its text is valid until the next call.  At the end of the input, *rest is "\r\n" once
 * when mime_lines_is_open.
 */
bool mime_lines_next(struct mime_lines *l, struct span *rest, struct mime_line *ret_line)
	RELAY_CHECKED;
bool mime_lines_is_open(const struct mime_lines *l);

/* The line has the name of a header field and a colon. */
bool mime_line_is_field(struct span line);

/* The line is that boundary; *ret_is_close: the last one of its multipart. */
bool mime_line_is_boundary(struct span line, struct span boundary, bool *ret_is_close);

#endif
