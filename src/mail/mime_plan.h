/* SPDX-License-Identifier: ISC */
/* mime_plan: what mime.c decides for one entity, and the header it leads to.  Pure. */
#ifndef MAIL_MIME_PLAN_H
#define MAIL_MIME_PLAN_H

#include "mail/mime.h"

enum mime_charset {
	MIME_CHARSET_NONE, MIME_CHARSET_ASCII, MIME_CHARSET_UTF8, MIME_CHARSET_UNKNOWN,
	MIME_CHARSET_JIS, MIME_CHARSET_COUNT
};

struct mime_plan {
	enum mime_coding coding;
	enum mime_charset charset;	/* of the Content-Type to add */
	bool is_labelled;		/* Content-Transfer-Encoding: 8bit is to be added */
};

/* To and from one byte. */
unsigned char mime_plan_pack(const struct mime_plan *p);
struct mime_plan mime_plan_unpack(unsigned char byte);

/*
 * What of it no server is to get: a line over 998 octets, a NUL, and with is_7bit bytes
 * above 127; NULL when there is nothing.  *ret_line: where first.
 */
const char *mime_plan_trouble(const struct mime_stat *s, bool is_7bit, uint64_t *ret_line);

/* For a leaf; is_top: it is the body of the message.  False when it cannot be changed. */
bool mime_plan_leaf(const struct mime_head *h, const struct mime_stat *s, bool is_7bit,
		    bool is_top, struct mime_plan *ret_plan) RELAY_CHECKED;

/*
 * Appends the header that goes with it; is_message: it is no part of a multipart.  False
 * when *out is full.
 */
bool mime_plan_add_header(const struct mime_plan *p, const struct mime_head *h,
			  struct span header, bool is_7bit, bool is_message,
			  struct buf *out) RELAY_CHECKED;

#endif
