/* SPDX-License-Identifier: ISC */
/*
 * dsn: writes delivery status notifications (RFC 3461, 3464, 6522, 6533, 3834).  Pure.
 *
 * A notification is three parts: what dsn_head() gives, then the message that it is about
 * (whole, or its header alone), then what dsn_tail() gives.  All text is CRLF.
 *
 * Every string may come from a stranger.  Control bytes and broken UTF-8 become '?', long
 * lines are folded, and nothing can add a field, a part or a line over 998 bytes.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include "base/buf.h"

#include <stdint.h>

enum dsn_kind {
	DSN_FAILED,	/* given up: refused, or tried for too long */
	DSN_DELAYED,	/* a warning: not delivered yet, still trying */
	/*
	 * RFC 3461 §5.2.2: a confirmation was asked for, and the server that took the
	 * message sends none.
	 */
	DSN_RELAYED,
	DSN_KIND_COUNT
};

struct dsn_rcpt {
	const char *addr;	/* as in RCPT, without angle brackets */
	const char *orcpt;	/* "rfc822;…", no longer xtext; NULL = none */
	const char *status;	/* "5.1.1"; else the kind gives one: "5.0.0" */
	const char *text;	/* one line: a reply, or our words; NULL = none */
	bool is_reply;		/* text is a reply of remote_mta, with its code */
	bool maybe_sent;	/* an attempt ended without an answer */
	bool is_last;		/* DSN_DELAYED: no report is wanted when it fails */
	const char *remote_mta;	/* host name of the server; NULL = not known */
};

struct dsn {
	enum dsn_kind kind;
	const char *to;		/* whom it is sent to; never empty */
	const char *from;	/* the address of From; never empty */
	const char *sender;	/* of the original; the text names it if it is not `to` */
	const char *reporting_mta;	/* our host name */
	const char *queue_id;	/* of the original; NULL = none */
	const char *envid;	/* no longer xtext; NULL = none */
	/* Seconds since 1970; 0 = not known (but now), no date is written then. */
	int64_t arrival, last_attempt, now;
	int64_t retry_until;	/* for DSN_DELAYED */
	int zone_minutes;	/* east of UTC */
	const struct dsn_rcpt *rcpts;
	size_t rcpt_count;	/* at least one */
	/* What follows the head. */
	bool is_full;		/* the whole message; else its header alone */
	bool is_8bit;		/* it has bytes above 127 */
	bool is_utf8;		/* its header has addresses that need SMTPUTF8 */
	/* Fresh for each: the boundary must not stand in what follows. */
	unsigned char random[16];
};

/*
 * True when the notification needs SMTPUTF8 itself, by the header it begins with.  UTF-8
 * in its parts does not; that is only 8BITMIME.
 */
bool dsn_needs_smtputf8(const struct dsn *d);
/* True when head, message and tail together have bytes above 127. */
bool dsn_is_8bit(const struct dsn *d);

/*
 * Appends everything up to the message: the caller puts that behind it, CRLF text.  False
 * (CAUSE_DATA) when `to` or `from` cannot stand in a header, or when *out is full: a
 * recipient takes some 300 bytes, with the longest texts 4 kB.  What *out holds then is
 * of no use.
 */
bool dsn_head(const struct dsn *d, struct buf *out, struct err *e) RELAY_CHECKED;

/* Appends what closes it; false when *out is full.  100 bytes are enough. */
bool dsn_tail(const struct dsn *d, struct buf *out) RELAY_CHECKED;

#endif
