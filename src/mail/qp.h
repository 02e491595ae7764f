/* SPDX-License-Identifier: ISC */
/* qp: quoted-printable (RFC 2045 §6.7).  Pure. */
#ifndef MAIL_QP_H
#define MAIL_QP_H

#include "base/buf.h"

/* Text in pieces; it begins on a new line.  All zero at the start. */
struct qp {
	size_t column;
	char held;		/* the last byte: how it is written depends on the next */
	bool has_held, had_cr;
};

/* Appends the next bytes, encoded; only CRLF ends lines.  False when *to is full. */
bool qp_feed(struct qp *q, struct span text, struct buf *to) RELAY_CHECKED;
bool qp_end(struct qp *q, struct buf *to) RELAY_CHECKED;

/* Appends CRLF text, encoded; it begins on a new line.  False when *to is full. */
bool qp_add(struct buf *to, struct span text) RELAY_CHECKED;

#endif
