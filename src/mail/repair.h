/* SPDX-License-Identifier: ISC */
/*
 * repair: a header that every server takes and every reader shows.  Pure.
 *
 * Bytes above 127 and NUL become encoded-words (RFC 2047): in unstructured fields, in
 * display names and in comments; in the parameters of Content-Type and
 * Content-Disposition, RFC 2231.  Elsewhere they become hex digits: in message identifiers
 * "=C3=BC", in URIs "%C3%BC".  Addresses are never changed, but in X-Original- fields,
 * which are for people; what is no address in a malformed list is encoded.  Lines over 998
 * octets are folded.  A field that needs none of this keeps its bytes.  The bodies:
 * mail/mime.h.
 */
#ifndef MAIL_REPAIR_H
#define MAIL_REPAIR_H

#include "mail/header.h"
#include "mail/wire.h"

/* Most that comes for each byte of a header, and once for all of it. */
enum { REPAIR_GROWTH = 16, REPAIR_SLACK = 256 };

/* Cheap: can repair_header, without is_7bit, change anything? */
bool repair_header_needs(struct span header);

/*
 * Appends the repaired header of a message (CRLF text, without the blank line) to *out.
 * MIME-Version is added where Content-Type stands without it.  In a message with a
 * DKIM-Signature only NULs and lines over 998 octets are a reason to change a field,
 * unless is_7bit: the server does not offer 8BITMIME.  False (CAUSE_DATA) when *out is
 * full.
 */
bool repair_header(struct span header, bool is_7bit, struct buf *out, struct err *e)
	RELAY_CHECKED;

enum repair_need {
	REPAIR_NOTHING,
	REPAIR_LABEL,	/* a field is missing or wrong: worth it while the message is in memory */
	REPAIR_BODY,	/* it must not leave as it is */
};

/*
 * The most that mime_scan() can find out about a message, from its header and the facts
 * about all of it: REPAIR_NOTHING, nearly always, spares that pass.
 */
enum repair_need repair_guess(struct span header, bool is_7bit, const struct wire *facts);

/* For mail/mime.c: the parts of repair_header(). */

/* Which fields are changed: with bytes above 127, too? */
bool repair_field_needs(const struct header_field *field, bool with_8bit);

/* The field, repaired; `declared`: the charset that Content-Type names, or empty. */
bool repair_field(const struct header_field *field, struct span declared, struct buf *out)
	RELAY_CHECKED;

#endif
