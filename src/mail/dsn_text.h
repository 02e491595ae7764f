/* SPDX-License-Identifier: ISC */
/* dsn_text: the part of a notification that people read.  Only dsn.c includes it. */
#ifndef MAIL_DSN_TEXT_H
#define MAIL_DSN_TEXT_H

#include "mail/dsn.h"

/* Recipients that are shown to people; the report for programs has all of them. */
#define DSN_TEXT_RCPTS_MAX 100

/* Appends CRLF text, UTF-8, not yet encoded; false when *out is full. */
bool dsn_add_text(const struct dsn *d, struct buf *out) RELAY_CHECKED;

#endif
