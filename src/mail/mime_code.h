/* SPDX-License-Identifier: ISC */
/* mime_code: transfer encodings (RFC 2045 §6.7, §6.8), written.  Pure, streaming. */
#ifndef MAIL_MIME_CODE_H
#define MAIL_MIME_CODE_H

#include "mail/qp.h"

enum mime_coding {
	MIME_AS_IS,
	MIME_TO_QUOTED,
	MIME_TO_BASE64,
	MIME_AGAIN_QUOTED,	/* quoted-printable with long lines or raw bytes in it */
	MIME_AGAIN_BASE64,	/* base64 with long lines or other bytes in it */
	MIME_UNREAD,		/* text that nobody reads: short lines, '?' for a NUL … */
	MIME_UNREAD_7BIT,	/* … and for bytes above 127 */
	MIME_CODING_COUNT
};

enum { MIME_CODE_LINE = 57 };	/* bytes in a line of base64 */

struct mime_code {
	enum mime_coding coding;
	/* Private. */
	struct qp qp;
	char held[MIME_CODE_LINE];
	size_t held_size, column;
	bool has_line, had_cr;
};

void mime_code_init(struct mime_code *c, enum mime_coding coding);

/* The next bytes, CRLF line ends among them.  False when *out is full. */
bool mime_code_feed(struct mime_code *c, struct span in, struct buf *out) RELAY_CHECKED;

/* No more comes. */
bool mime_code_end(struct mime_code *c, struct buf *out) RELAY_CHECKED;

/* After that: the last line that was put out has no CRLF. */
bool mime_code_is_open(const struct mime_code *c);

#endif
