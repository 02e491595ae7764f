/* SPDX-License-Identifier: ISC */
/*
 * rewrite: the header that leaves, from the header that came.  Pure.
 *
 * Fields keep their order and bytes, but for these:
 *
 *   Bcc, Resent-Bcc	go (also folded ones)
 *   Return-Path	goes: the server that delivers adds it (RFC 5321 §4.4)
 *   From, Sender	as author.h says; there is one From at most
 *   To, Cc, Reply-To	addresses without a domain get one; one field of each name
 *   Subject, Date, …	the first stays, others become X-Original-Subject … (once.h)
 *
 * What is missing is put on top.  A message that is sent again (any Resent- field) keeps its
 * To, Cc and Reply-To, and several Subject …; in its first block Resent-Date, Resent-From
 * and Resent-Message-ID are added where they are missing, and Resent- forms are treated as
 * the fields above; earlier blocks stay.  set_from on and set_to do what they do in any message.
 *
 * Where a DKIM-Signature stands, no address is touched, but SET_FROM_ON still replaces From
 * and Sender: a server that insists on its address refuses the message otherwise.
 */
#ifndef MAIL_REWRITE_H
#define MAIL_REWRITE_H

#include "mail/author.h"

#include <stdint.h>

enum set_to { SET_TO_OFF, SET_TO_ON, SET_TO_UNDISCLOSED };

/* Values as msmtp's settings of the same names. */
struct rewrite {
	struct author author;
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

/* Does that replace From or Sender of a message with a DKIM-Signature?  It is void then. */
bool rewrite_breaks_signature(const struct rewrite *r, struct span header);

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
