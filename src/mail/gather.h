/* SPDX-License-Identifier: ISC */
/*
 * gather: one field of addresses, where the caller wrote several of a name (logwatch, one To
 * for each reader).  RFC 5322 §3.6 has each once, and servers refuse the rest.  Pure.
 */
#ifndef MAIL_GATHER_H
#define MAIL_GATHER_H

#include "mail/header.h"

/*
 * Appends the field with the addresses of all fields of its name in `rest`, the header that
 * follows it, or nothing when there is no other, or one of them cannot be parsed.  False
 * when *out is full.
 */
bool gather_field(const struct header_field *first, struct span rest, struct buf *out)
	RELAY_CHECKED;

#endif
