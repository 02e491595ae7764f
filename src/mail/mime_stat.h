/* SPDX-License-Identifier: ISC */
/* mime_stat: what must be known of a body before it can be encoded.  Pure, streaming. */
#ifndef MAIL_MIME_STAT_H
#define MAIL_MIME_STAT_H

#include "base/span.h"

#include <stdint.h>

struct mime_stat {
	uint64_t size;		/* with line ends */
	uint64_t qp_size;	/* as quoted-printable, nearly */
	size_t longest_line;	/* octets without CRLF */
	bool is_8bit, has_nul;
	bool is_broken;		/* it is not UTF-8 */
	bool has_jis;		/* the escape sequences of ISO-2022-JP */
	/* The first line, from 1, that is too long, has a NUL, or a byte above 127. */
	uint64_t long_at, nul_at, high_at;

	/* Private. */
	size_t line;
	uint64_t line_no;	/* lines that have ended */
	uint64_t line_qp;
	unsigned char want, low, high;	/* bytes of a UTF-8 character that must come */
	unsigned char escape;
};

void mime_stat_init(struct mime_stat *s);

/* Bytes of a line. */
void mime_stat_feed(struct mime_stat *s, struct span text);
/* A CRLF. */
void mime_stat_line_end(struct mime_stat *s);
/* No more comes. */
void mime_stat_end(struct mime_stat *s);

/* Base64 is shorter than quoted-printable. */
bool mime_stat_wants_base64(const struct mime_stat *s);

#endif
