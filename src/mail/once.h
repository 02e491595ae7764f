/* SPDX-License-Identifier: ISC */
/*
 * once: fields that a message has once at most (RFC 5322 §3.6, RFC 2045 §3), where the
 * caller wrote several of a name.  Readers take the first, and servers refuse the rest.
 * Pure.  Fields of addresses: gather.h; From: rewrite.c.
 */
#ifndef MAIL_ONCE_H
#define MAIL_ONCE_H

#include "mail/header.h"

/* One bit for each name that was seen; begin with { 0 }. */
struct once {
	unsigned seen;
};

/* Notes the name.  Is it one of them, and was it there before? */
bool once_is_again(struct once *o, struct span name) RELAY_CHECKED;

/*
 * Appends the field as "X-Original-NAME: …"; an empty one: nothing.  False when *out is
 * full.
 */
bool once_keep(const struct header_field *field, struct buf *out) RELAY_CHECKED;

#endif
