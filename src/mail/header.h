/* SPDX-License-Identifier: ISC */
/*
 * header: finds fields in a header section (RFC 5322 §2.2, §3.6).  Pure.
 *
 * The header is CRLF text as wire.h makes it, without the blank line that ends it.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "mail/addr.h"

struct header_field {
	struct span name;	/* as written, without blanks before the colon */
	struct span value;	/* after the colon, folding kept, without the last CRLF */
	struct span whole;	/* the field with its last CRLF */
};

/* Takes the next field off the front of *rest; false at the end. */
bool header_next(struct span *rest, struct header_field *ret_field) RELAY_CHECKED;

/* The first field of that name (ASCII case ignored); false when there is none. */
bool header_find(struct span header, const char *name, struct header_field *ret_field)
	RELAY_CHECKED;

/*
 * What -t sends to: To, Cc and Bcc; but when any Resent-To, Resent-Cc or Resent-Bcc
 * stands in the header, only those, of all Resent- blocks (as Postfix and sendmail do).
 * Appends to *list, duplicates included.  False (CAUSE_DATA) names the field, its line and
 * the column in it.
 */
bool header_recipients(struct span header, struct addr_list *list, struct err *e)
	RELAY_CHECKED;

/*
 * The author for --read-envelope-from: the first mailbox of Resent-From (first block)
 * or else From.  *ret_spec stays NULL when there is no such field; the caller frees it.
 */
bool header_sender(struct span header, char **ret_spec, struct err *e) RELAY_CHECKED;

/* The fields of addresses, but Return-Path; their Resent- forms, too. */
bool header_is_address(struct span name);

/* True when an address (not a display name) in such a field is not ASCII. */
bool header_needs_smtputf8(struct span header);

#endif
