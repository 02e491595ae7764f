/* SPDX-License-Identifier: ISC */
/*
 * rewrite: the header that leaves, from the header that came.  Pure.
 *
 * Fields keep their order and bytes.  Bcc and Resent-Bcc go (also folded ones); what is
 * missing is put on top.  In a resent message (any Resent- field) Resent-Date, Resent-From
 * and Resent-Message-ID come at the start of the first block, where they are
 * missing; set_from on and set_to do what they do in any message.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include "base/buf.h"

#include <stdint.h>

enum set_from { SET_FROM_AUTO, SET_FROM_ON, SET_FROM_OFF };
enum set_to { SET_TO_OFF, SET_TO_ON, SET_TO_UNDISCLOSED };

/* Values as msmtp's settings of the same names. */
struct rewrite {
	/* auto: add when missing; on: always ours, where the first one was; off: never */
	enum set_from set_from;
	const char *from;	/* address of From; "" or NULL: no From is made */
	const char *from_name;	/* display name of From, or NULL */
	/* on: To, Cc, Bcc go and one To with `recipients` comes, where the first was */
	enum set_to set_to;
	const char *const *recipients;	/* for set_to on */
	size_t recipient_count;
	bool remove_bcc;
	bool add_date, add_message_id;	/* when missing */
	int64_t now;		/* seconds since 1970 */
	int zone_minutes;
	const char *domain;	/* right side of Message-ID */
	unsigned char random[16];	/* its left side */
};

/*
 * Appends the new header (CRLF, without the blank line) to *out.  False when *out is
 * full or a value has CR, LF or NUL (CAUSE_DATA).
 */
bool rewrite_header(const struct rewrite *r, struct span header, struct buf *out,
		    struct err *e) RELAY_CHECKED;

/*
 * Appends a new message identifier with its angle brackets, for a Message-ID field.  The
 * domain becomes a dot-atom, whatever it holds.  False when *out is full.
 */
bool rewrite_add_id(struct buf *out, int64_t now, const unsigned char random[16],
		    const char *domain) RELAY_CHECKED;

/*
 * The Message-ID that the header has now, without folding and blanks and with its
 * angle brackets, for the log; empty when there is none.
 */
struct span rewrite_message_id(struct span header);

#endif
