/* SPDX-License-Identifier: ISC */
/* qp: quoted-printable (RFC 2045 §6.7).  Pure. */
#ifndef MAIL_QP_H
#define MAIL_QP_H

#include "base/buf.h"

/* Appends CRLF text, encoded; it begins on a new line.  False when *to is full. */
bool qp_add(struct buf *to, struct span text) RELAY_CHECKED;

#endif
