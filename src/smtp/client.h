/* SPDX-License-Identifier: ISC */
/*
 * client: the SMTP and LMTP client as a state machine without I/O.  Pure.
 * RFC 5321, 2033 (LMTP), 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING), 3207 (STARTTLS),
 * 3461 (DSN), 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8), 2034 (enhanced codes).
 *
 * The caller owns the socket, TLS and SASL.  It calls smtp_client_next() again and again
 * and does the one thing the action asks for:
 *
 *	WRITE    write all of action.data, then smtp_client_wrote(); bytes that the server
 *	         sends meanwhile may be fed, and are looked at after smtp_client_wrote()
 *	READ     read some bytes within action.timeout_s, then smtp_client_feed()
 *	TLS      make the TLS handshake, then smtp_client_tls_done()
 *	AUTH     choose a mechanism from action.caps, then smtp_client_auth() (or _cancel());
 *	         may come a second time, when AUTH is tried again alone: start anew then
 *	STEP     answer action.data (raw challenge) with smtp_client_auth_reply()
 *	VERIFY   the server said 235: check that the mechanism is complete and the server
 *	         has proved itself; then smtp_client_auth_verified() (or _cancel())
 *	ADAPT    the server does not offer what action.txn needs: action.adapt says what.
 *	         Change the transaction (sender, addr, size, is_8bit, needs_smtputf8), and give
 *	         recipients that cannot be sent their outcome; then smtp_client_adapted().  At
 *	         most once for each transaction, before anything of it is sent
 *	BODY     give bytes of action.txn's message from action.offset on with
 *	         smtp_client_body()
 *	NEXT     the end of the message submitted last is ready to be written: submit the
 *	         next transaction, or smtp_client_quit() so that QUIT rides along; asked at
 *	         most once for each transaction, before the WRITE with its end of data.
 *	         Unanswered, it comes to IDLE later
 *	SETTLED  action.txn is over: its outcomes stand in its recipients, and the engine
 *	         never touches it again; once for each transaction, in the order of submission
 *	IDLE     all transactions are settled: submit the next one or smtp_client_quit()
 *	DONE     the session is over; close without waiting
 *	FAIL     the session is over; action.err says why; action.avoid says what another
 *	         attempt should avoid
 *
 * Lost connections, timeouts and read errors go in with smtp_client_lost().
 *
 * SETTLED comes for every transaction before IDLE, DONE and FAIL.  With in_flight_max above
 * 1 a small message is sent while those before it have no answer, if the server offers
 * PIPELINING and CHUNKING and has accepted one message of this session and RSET in the
 * flight behind it; any other waits until nothing is outstanding.  A loss then leaves all
 * of those UNKNOWN (rule 8).
 *
 * Rules that never break (tests name them by number):
 *   1. No command before the greeting.
 *   2. A reply with nothing outstanding is fatal, except 421 (and 4xx/5xx at the greeting).
 *   3. Bytes left in the input at STARTTLS's 220 or when TLS is up are an attack: fatal.
 *   4. What EHLO said before TLS is forgotten.
 *   5. No AUTH outside TLS unless allow_cleartext_auth; the caller's mechanism choice
 *      sees is_tls and refuses PLAIN and LOGIN there without a second switch.
 *   6. Every reply of a group is read, also after a refusal.
 *   7. 354 without an accepted recipient gets a lone dot and delivers nothing.
 *   8. A loss after end-of-data (BDAT LAST with all its bytes, or CRLF.CRLF) is UNKNOWN.
 *   9. Secrets stand only in WRITEs at or after action.secret_from.
 *  10. One function builds command lines, and it refuses CR, LF and NUL.
 *  11. The output does not depend on how the input is cut into pieces, but for a server
 *      that breaks rule 2: an answer too many is only seen when it comes in time.
 */
#ifndef SMTP_CLIENT_H
#define SMTP_CLIENT_H

#include "base/buf.h"
#include "smtp/caps.h"
#include "smtp/verdict.h"

enum smtp_security { SMTP_NO_TLS, SMTP_STARTTLS, SMTP_IMPLICIT_TLS };

/* Things a server turned out not to take; bits of smtp_options.avoid. */
enum smtp_avoid {
	SMTP_AVOID_AUTH_PIPELINING = 1,	/* nothing may follow AUTH in its flight */
	SMTP_AVOID_CHUNKING = 2,	/* BDAT was offered, then not understood */
	SMTP_AVOID_PIPELINING = 4,
	SMTP_AVOID_OVERLAP = 8,		/* no message before those before it are answered */
};

struct smtp_options {
	bool is_lmtp;
	enum smtp_security security;
	bool use_auth;
	bool allow_cleartext_auth;	/* rule 5 */
	/*
	 * The server is the service of this machine: it answers at once, but a message when its
	 * own server has answered, for whom it has all these timeouts.
	 */
	bool is_own_service;
	const char *ehlo_name;		/* owned by the caller, lives as long as the client */
	unsigned timeout_s;		/* caps every timeout, and that of each block of data in
					   a WRITE; 0 = RFC 5321 §4.5.3.2 alone */
	unsigned avoid;			/* enum smtp_avoid */
	/*
	 * A message larger than this is not sent before the replies to AUTH, MAIL and RCPT are
	 * known, so that a refusal costs no bandwidth.
	 */
	unsigned long long eager_max;
	/*
	 * Most transactions whose end of data may be sent and unanswered at once; 0 and 1 =
	 * each is awaited.  Above SMTP_IN_FLIGHT_MAX it is that.
	 */
	unsigned in_flight_max;
};

#define SMTP_IN_FLIGHT_MAX 100u

/* What a transaction must become for a server; bits of smtp_action.adapt. */
enum smtp_adapt {
	SMTP_ADAPT_7BIT = 1,	/* the message is 8-bit, without 8BITMIME */
	SMTP_ADAPT_ASCII = 2,	/* an address is not ASCII, without SMTPUTF8 */
};

/* RFC 3461: NOTIFY bits; 0 = parameter not sent. */
enum smtp_notify { SMTP_NOTIFY_NEVER = 1, SMTP_NOTIFY_SUCCESS = 2, SMTP_NOTIFY_FAILURE = 4,
		   SMTP_NOTIFY_DELAY = 8 };
enum smtp_ret { SMTP_RET_DEFAULT, SMTP_RET_HDRS, SMTP_RET_FULL };

/*
 * Of our own, for the service of the machine (XSUBMIT in its answer to EHLO): what -od and
 * -oe are to a call.  XMODE: when the message is sent.  XERRORS: who learns of an error.
 * XNOTICE: somebody watches, and wants to know if it was queued instead of sent.  XRESULT: the
 * reply has what such a call says, and its exit status (server.h).  XNAME: what -F says.
 */
enum smtp_mode { SMTP_MODE_DEFAULT, SMTP_MODE_BACKGROUND, SMTP_MODE_QUEUE };
enum smtp_errors {
	SMTP_ERRORS_DEFAULT,
	SMTP_ERRORS_PRINT,
	SMTP_ERRORS_MAIL,
	SMTP_ERRORS_ZERO,
	SMTP_ERRORS_QUIET,
};

struct smtp_rcpt {
	const char *addr;	/* addr_is_safe */
	const char *orcpt;	/* "rfc822;…", not yet xtext; NULL = none */
	unsigned notify;	/* enum smtp_notify; 0 = what the transaction says */
	struct outcome outcome;
};

/*
 * One message for a number of recipients.  The caller leaves it alone until SETTLED, but at
 * ADAPT.
 */
struct smtp_txn {
	const char *sender;	/* "" = null sender */
	struct smtp_rcpt *rcpts;
	size_t rcpt_count;
	unsigned long long size;	/* bytes of the whole message in wire form */
	bool is_8bit;
	bool needs_smtputf8;	/* an address in the header needs it; the engine adds its own
				   look at the envelope */
	unsigned notify;	/* enum smtp_notify */
	enum smtp_ret ret;
	const char *envid;	/* not yet xtext; NULL = none */
	enum smtp_mode mode;
	enum smtp_errors errors;
	bool wants_notice;
	const char *full_name;	/* UTF-8, as xtext at most VERB_NAME_MAX; NULL = none */
	/* Out, if not NULL: the result, which is the lines behind the first of the answer. */
	struct buf *told;
	/*
	 * Out: MAIL for it was in a WRITE.  False at SETTLED: nothing about it has reached the
	 * server (what is wrong with it was seen before, or the session ended too early).
	 */
	bool was_begun;
};

enum smtp_action_kind {
	SMTP_WRITE, SMTP_READ, SMTP_TLS, SMTP_AUTH, SMTP_STEP, SMTP_VERIFY, SMTP_ADAPT, SMTP_BODY,
	SMTP_NEXT, SMTP_SETTLED, SMTP_IDLE, SMTP_DONE, SMTP_FAIL,
};

struct smtp_action {
	enum smtp_action_kind kind;
	struct span data;	/* WRITE, STEP; valid until the next call */
	size_t secret_from;	/* WRITE: bytes from here to the end of secret_size are secret */
	size_t secret_size;	/* 0 = none */
	size_t body_from;	/* WRITE: where bytes of the message stand in it; behind secrets */
	size_t body_size;	/* 0 = none */
	unsigned timeout_s;	/* READ: for the whole reply that is awaited; WRITE: for all
				   of it, which is longer for more data */
	unsigned long long reply_no;	/* READ: changes when a new reply is awaited: only then
					   does the timeout start anew (a dripping server) */
	struct smtp_txn *txn;	/* ADAPT, BODY, SETTLED */
	unsigned adapt;		/* ADAPT: enum smtp_adapt */
	unsigned long long offset;	/* BODY */
	size_t max;		/* BODY: give at most this many bytes, and at least one */
	const struct smtp_caps *caps;	/* AUTH */
	bool is_tls;		/* AUTH */
	const struct err *err;	/* FAIL */
	unsigned avoid;		/* FAIL: enum smtp_avoid bits to try again with at once, or 0 */
};

struct smtp_client;

struct smtp_client *smtp_client_new(const struct smtp_options *options);
void smtp_client_free(struct smtp_client *c);	/* wipes its buffers */

struct smtp_action smtp_client_next(struct smtp_client *c);

/*
 * At the start, at NEXT, or at IDLE.  May be called before the greeting has come.
 * Recipients that are ACCEPTED or PERMANENT already are left alone, all others are tried:
 * so the same transaction can go to another session.
 */
void smtp_client_submit(struct smtp_client *c, struct smtp_txn *txn);
/*
 * Nothing more will be submitted.  At NEXT, at IDLE, or at any time before: then neither is
 * asked for, and DONE (or FAIL) follows when all is settled.
 */
void smtp_client_quit(struct smtp_client *c);

void smtp_client_wrote(struct smtp_client *c);	/* all of the last WRITE */
void smtp_client_feed(struct smtp_client *c, struct span bytes);
void smtp_client_tls_done(struct smtp_client *c);
/*
 * initial: raw initial response, or NULL when the mechanism has none.  is_single: it ends
 * with the server's answer to that and adds no layer (RFC 4954 §4: may be pipelined).
 */
void smtp_client_auth(struct smtp_client *c, const char *mechanism,
		      const struct span *initial, bool is_single);
/*
 * is_last: the server has proved itself and this ends the mechanism (SCRAM's empty answer
 * to the server's signature): only 235 can follow, so commands may stand behind it too,
 * and VERIFY is not asked.
 */
void smtp_client_auth_reply(struct smtp_client *c, struct span raw, bool is_last);
/*
 * At AUTH, STEP and VERIFY: the mechanism cannot go on.  A challenge is answered with "*";
 * then QUIT, and FAIL with this error.
 */
void smtp_client_auth_cancel(struct smtp_client *c, const struct err *why);
void smtp_client_auth_verified(struct smtp_client *c);
/*
 * At ADAPT.  A recipient with an outcome (PERMANENT or TEMPORARY) is not tried.  An 8-bit
 * message is sent all the same; an address that is still not ASCII is refused.
 */
void smtp_client_adapted(struct smtp_client *c);
void smtp_client_body(struct smtp_client *c, struct span bytes);

/*
 * The connection is gone, or the caller gives up (timeout, TLS failure, signal).  After a
 * timeout err_is_timeout(why) must hold: a server that is slow may still take the message,
 * and FAIL then does not ask for another attempt at once.
 */
void smtp_client_lost(struct smtp_client *c, const struct err *why);

/* For the log and for people; valid once EHLO was answered. */
const struct smtp_caps *smtp_client_caps(const struct smtp_client *c);

#endif
