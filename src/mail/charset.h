/* SPDX-License-Identifier: ISC */
/* charset: which charset bytes above 127 in a header are in, and its characters.  Pure. */
#ifndef MAIL_CHARSET_H
#define MAIL_CHARSET_H

#include "base/span.h"

/* Longest name that charset_of gives; so an encoded-word always has room for text. */
enum { CHARSET_NAME_MAX = 16 };

struct charset {
	char name[CHARSET_NAME_MAX + 1];	/* for RFC 2047 and RFC 2231 */
	unsigned char family;			/* private: see charset.c */
};

/*
 * UTF-8 when text is that; else `declared`, the charset that the message names for its
 * body (or empty), when it is known and all of text is well-formed in it; else
 * "unknown-8bit" (RFC 1428), in which each byte is a character.
 */
struct charset charset_of(struct span text, struct span declared);

/* Size of the first character of text, which is not empty: at least 1. */
size_t charset_step(const struct charset *c, struct span text);

#endif
