/* SPDX-License-Identifier: ISC */
/*
 * mime: bodies that every server takes: two passes over a message in wire form.  Pure,
 * streaming; memory is bounded by the headers in it, not by its size.
 *
 *	mime_init(&m, is_7bit);
 *	all chunks: mime_scan(&m, chunk, e);    then mime_scan_end(&m, e);
 *	when m.need says so, from the start again:
 *	all chunks: mime_convert(&m, chunk, &out, e);    then mime_convert_end(&m, &out, e);
 *	mime_clear(&m);
 *
 * The chunks are header, blank line and body, cut anywhere; both passes see the same bytes.
 *
 * What is changed: a body (a leaf of the MIME tree) with a NUL or a line over 998 octets;
 * with bytes above 127 when is_7bit, or when the message does not say what it is (no
 * Content-Type).  It becomes quoted-printable or base64, whichever is shorter; base64 and
 * quoted-printable that came with long lines get new line breaks.  A message that said
 * nothing gets MIME-Version and a Content-Type: text/plain with the charset UTF-8,
 * unknown-8bit (RFC 1428), or for 7-bit text us-ascii or ISO-2022-JP.
 * One of 8-bit text/plain that says US-ASCII, as programs without a locale do, gets the
 * charset that it has, too.
 * A message with a DKIM-Signature is not changed for what it does not say.  In is_7bit the
 * headers of all parts are repaired, too (mail/repair.h), else only over-long ones.
 *
 * Never changed: what is in multipart/signed and multipart/encrypted, in message/partial
 * and message/external-body, and under an unknown transfer encoding.  When that would have
 * to be, mime_scan fails with CAUSE_DATA: the message cannot be sent as it must be.
 */
#ifndef MAIL_MIME_H
#define MAIL_MIME_H

#include "mail/mime_code.h"
#include "mail/mime_head.h"
#include "mail/mime_line.h"
#include "mail/mime_stat.h"
#include "mail/repair.h"

enum {
	MIME_DEPTH_MAX = 64,		/* multiparts in multiparts */
	MIME_ENTITIES_MAX = 1 << 20,
	MIME_HEADER_MAX = 64 << 20,	/* bytes of one header */
};

struct mime {
	bool is_7bit;			/* the server does not offer 8BITMIME */
	enum repair_need need;		/* after mime_scan_end */
	bool is_8bit;			/* after mime_convert_end: it is, still */

	/* Private. */
	bool is_converting;
	struct buf plan;		/* a byte for each entity: how it is encoded */
	size_t entity;			/* entities whose header was seen */
	struct mime_lines lines;
	struct {
		char boundary[MIME_BOUNDARY_MAX];
		size_t size;
		bool is_digest;
	} levels[MIME_DEPTH_MAX];
	size_t depth;
	unsigned char state;
	bool is_message, default_message;	/* the entity: may it have MIME-Version? */
	bool has_line_end;		/* a CRLF was read that is not yet passed on */
	struct buf header;
	struct mime_head head;
	struct mime_stat stat;
	struct mime_code code;
	struct buf *out;
};

void mime_init(struct mime *m, bool is_7bit);
void mime_clear(struct mime *m);

bool mime_scan(struct mime *m, struct span in, struct err *e) RELAY_CHECKED;
bool mime_scan_end(struct mime *m, struct err *e) RELAY_CHECKED;

/*
 * Appends what the chunk becomes; at most REPAIR_GROWTH × (its size + the header that
 * ends in it) + REPAIR_SLACK bytes.  False (CAUSE_DATA) when *out is full.
 */
bool mime_convert(struct mime *m, struct span in, struct buf *out, struct err *e)
	RELAY_CHECKED;
bool mime_convert_end(struct mime *m, struct buf *out, struct err *e) RELAY_CHECKED;

#endif
