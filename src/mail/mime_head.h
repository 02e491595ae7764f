/* SPDX-License-Identifier: ISC */
/* mime_head: what a header says about the body below it (RFC 2045, RFC 2046).  Pure. */
#ifndef MAIL_MIME_HEAD_H
#define MAIL_MIME_HEAD_H

#include "base/buf.h"

/* Wider than RFC 2046 §5.1.1, which has 70. */
enum { MIME_BOUNDARY_MAX = 250, MIME_CHARSET_MAX = 40 };

enum mime_kind {
	MIME_LEAF,		/* its bytes are its content */
	MIME_MULTIPART,
	MIME_MESSAGE,		/* a header and a body again */
	MIME_SEALED,		/* must stay as it is: `why` */
};

enum mime_encoding {
	MIME_NONE, MIME_7BIT, MIME_8BIT, MIME_BINARY, MIME_QUOTED, MIME_BASE64, MIME_OTHER
};

struct mime_head {
	enum mime_kind kind;
	enum mime_encoding encoding;
	bool has_type, has_version;	/* Content-Type, MIME-Version */
	bool is_signed;			/* DKIM-Signature */
	bool is_digest;			/* its parts are messages if they do not say */
	char boundary[MIME_BOUNDARY_MAX];
	size_t boundary_size;
	char charset[MIME_CHARSET_MAX + 1];	/* "" when it names none */
	bool claims_ascii;		/* text/plain; its one parameter says US-ASCII */
	const char *why;		/* for MIME_SEALED: "a part that is …" */
};

/* default_message: without a Content-Type it is message/rfc822 (RFC 2046 §5.1.5). */
struct mime_head mime_head_read(struct span header, bool default_message);

/* 7bit, 8bit, binary or nothing: the bytes are the content. */
bool mime_head_is_identity(const struct mime_head *h);

/* The message does not say what it is: there is neither a type nor an encoding. */
bool mime_head_is_undeclared(const struct mime_head *h);

#endif
