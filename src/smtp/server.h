/* SPDX-License-Identifier: ISC */
/*
 * server: the SMTP server of `sendmail -bs` as a state machine without I/O.  Pure.
 * RFC 5321, 6409 (submission), 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING, without
 * BINARYMIME), 3461 (DSN), 6152 (8BITMIME), 6531 (SMTPUTF8), 2034 (enhanced codes).
 * Neither AUTH nor STARTTLS is offered.
 *
 * The caller owns the descriptors and the message.  It calls smtp_server_next() again and
 * again and does the one thing the action asks for:
 *
 *	WRITE    write all of action.data, then smtp_server_wrote()
 *	READ     read some bytes within action.timeout_s, then smtp_server_feed()
 *	BEGIN    a message with action.envelope comes: make room for it.  To take it, go on
 *		 with smtp_server_next(); to refuse it, smtp_server_verdict() first
 *	DATA     action.data are its next bytes: keep them and go on, or refuse the message
 *		 with smtp_server_verdict(): then no ABORT comes for it
 *	END      it is complete: deliver it, or make it durable, then smtp_server_verdict()
 *	ABORT    it is not to be sent: forget it; action.why says why
 *	QUEUE    XQUEUE, our own command: action.data is what stood behind it; the caller does
 *		 with the connection what it wants to, and closes: DONE comes next
 *	DONE     the session is over; close; action.how and action.why say why
 *
 * A closed input, a broken output and a WRITE that takes too long go in with
 * smtp_server_lost(), a READ that takes too long with smtp_server_timeout(), the wish to
 * end with smtp_server_shutdown().
 *
 * The bytes of DATA have the caller's line ends, without the dots of RFC 5321 §4.5.2: what
 * wire_feed() takes (with ends_at_dot false).  How they are cut into actions means nothing,
 * and neither do those of a message that is aborted.
 *
 * Rules that never break (tests name them by number):
 *   1. For each BEGIN that is not refused comes exactly one END or ABORT, unless the caller
 *      refuses the message at DATA.
 *   2. 2xx for a message is written only after smtp_server_verdict() with ACCEPTED at END.
 *   3. Over a socket only CRLF ends a command, and only CRLF.CRLF the text of DATA.  A bare
 *      CR or LF in the message makes it refused; one at a command ends the session, since
 *      nobody knows where the next one begins.  On a pipe LF ends a line too.
 *   4. The bytes of BDAT are never read as commands, also when it is refused.  When their
 *      number cannot be read, the session ends.
 *   5. Sender and recipients of BEGIN are addr_is_safe; no string has CR, LF or NUL.
 *   6. One reply for each command, in order; each line has at most 512 bytes; what came
 *      from the client is sanitised in it.
 *   7. Memory is bounded: by the line, the recipients, the envelope and the bytes fed.
 *   8. The output does not depend on how the input is cut into pieces.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include "base/buf.h"
#include "smtp/client.h"

/* A longer command line, with its line end, gets 500. */
#define SERVER_LINE_MAX ((size_t)2048)
/* … and one that goes on after this ends the session. */
#define SERVER_LINE_FLOOD ((size_t)1 << 20)
/* Most bytes for one smtp_server_feed(). */
#define SERVER_FEED_MAX ((size_t)1 << 20)
/* So many mistakes since the last accepted message end the session. */
#define SERVER_ERRORS_MAX 20u
#define SERVER_RCPTS_MAX 100000u
/* Most bytes of all addresses and DSN parameters of one envelope. */
#define SERVER_ENVELOPE_MAX ((size_t)32 << 20)
/* Most bytes of a refused message that are read only to get to its end. */
#define SERVER_SWALLOW_MAX (1ULL << 30)

/*
 * What a call of our own is told, where XRESULT asks for it, in the lines of the reply behind
 * the first: the lines of standard error, each behind a "|", and what does not fit into one
 * line behind a "+"; in the last "67 1", the exit status and whether anyone has it, or will.
 */
struct smtp_result {
	bool is_there;
	int status;
	bool some_have_it;
	struct span said;	/* lines, each with LF; not sanitised */
};

/* What becomes of a message. */
struct smtp_answer {
	enum verdict verdict;	/* ACCEPTED (only at END), TEMPORARY or PERMANENT */
	int code;		/* of the verdict's class, else it is 250, 451 or 554 */
	char enhanced[16];	/* of that class too, else X.0.0 */
	char text[OUTCOME_TEXT_MAX];	/* "Ok: queued as ID"; sanitised and cut to fit */
	struct smtp_result result;	/* only at END */
};

struct smtp_server_options {
	const char *host;	/* for greeting and EHLO; lives as long as the server */
	unsigned long long size_limit;	/* of a message; 0 = none */
	/*
	 * Whoever is at the other end of a socket may be anybody: then what RFC 5321
	 * demands is demanded (rule 3; EHLO before MAIL; SMTPUTF8 for addresses that are
	 * not ASCII; no other protocol).
	 */
	bool is_socket;
	unsigned rcpts_max;	/* of a message; 0 = SERVER_RCPTS_MAX */
	unsigned timeout_s;	/* of READ; 0 = 300 over a socket, 3600 on a pipe */
	/* The session is refused: the greeting is 554, or 421 when it is TEMPORARY, with these
	 * words, and then it is over.  NULL = it is not. */
	const struct smtp_answer *refusal;
	/*
	 * Asked about each MAIL that is right in itself; sender: "" = null sender, perhaps
	 * without domain.  False: *why is the reply.  NULL: every sender may.
	 */
	bool (*takes_sender)(void *context, const char *sender, struct smtp_answer *why);
	void *context;
	/* There are the command XQUEUE, and XMODE and its like of MAIL (client.h). */
	bool has_own;
};

struct smtp_server_rcpt {
	char *addr;		/* perhaps without domain; never "" */
	char *orcpt;		/* "rfc822;…", no longer xtext; NULL = none */
	unsigned notify;	/* enum smtp_notify; 0 = not said */
};

struct smtp_envelope {
	char *sender;		/* "" = null sender; perhaps without domain */
	struct smtp_server_rcpt *rcpts;
	size_t rcpt_count;	/* at least one; duplicates are not removed */
	enum smtp_ret ret;
	char *envid;		/* no longer xtext; NULL = none */
	enum smtp_mode mode;
	enum smtp_errors errors;
	bool wants_notice, wants_result;
	char *full_name;	/* XNAME, no longer xtext; NULL = none */
	unsigned long long size;	/* as SIZE= said; 0 = not said */
	bool is_8bit;		/* BODY=8BITMIME; 8-bit text may come without it */
	bool is_smtputf8;
	const char *helo;	/* what the client called itself, one line; "" = nothing */
	bool is_esmtp;		/* it said EHLO */
};

enum smtp_server_action_kind {
	SERVER_WRITE, SERVER_READ, SERVER_BEGIN, SERVER_DATA, SERVER_END, SERVER_ABORT,
	SERVER_QUEUE, SERVER_DONE,
};

/* How a session ended. */
enum smtp_server_how {
	SERVER_QUIT,
	SERVER_LOST,
	SERVER_TIMEOUT,
	SERVER_SHUTDOWN,
	SERVER_HUNG_UP,		/* on a client that does not keep to the rules */
};

struct smtp_server_action {
	enum smtp_server_action_kind kind;
	struct span data;	/* WRITE, DATA, QUEUE; valid until the next call */
	unsigned timeout_s;	/* WRITE, READ */
	/* READ: changes when the timeout starts anew; till then all READs share that time. */
	unsigned long long wait_no;
	const struct smtp_envelope *envelope;	/* BEGIN, END; valid until the verdict */
	enum smtp_server_how how;	/* DONE */
	const char *why;	/* ABORT, DONE: static text */
};

struct smtp_server;

struct smtp_server *smtp_server_new(const struct smtp_server_options *options);
void smtp_server_free(struct smtp_server *s);

struct smtp_server_action smtp_server_next(struct smtp_server *s);

void smtp_server_wrote(struct smtp_server *s);	/* all of the last WRITE */
/* At READ; at most SERVER_FEED_MAX bytes. */
void smtp_server_feed(struct smtp_server *s, struct span bytes);
/* At BEGIN, DATA and END; ACCEPTED only at END. */
void smtp_server_verdict(struct smtp_server *s, const struct smtp_answer *answer);

/* At any time.  A message that is not complete is aborted. */
void smtp_server_lost(struct smtp_server *s);
void smtp_server_timeout(struct smtp_server *s);
void smtp_server_shutdown(struct smtp_server *s);

/* Fills an answer; the text is cut to fit. */
void smtp_answer_set(struct smtp_answer *a, enum verdict verdict, int code,
		     const char *enhanced, const char *format, ...) RELAY_PRINTF(5, 6);

/* What is known when a message was tried. */
struct smtp_fate {
	const struct smtp_txn *txn;	/* the outcome of each recipient */
	const char *id;		/* its queue ID */
	bool is_kept;		/* for all that are neither accepted nor refused for good */
	bool is_reported;	/* a report about those that failed goes to the sender */
};

/*
 * The one answer that SMTP has for all recipients together (RFC 5321 §6.1): accepted when
 * everyone has it or will get it, or at least one has and the sender gets a report about
 * the others; else temporary when any failure can pass by itself; else the first refusal,
 * with its codes.
 */
void smtp_server_judge(struct smtp_answer *a, const struct smtp_fate *fate);

#endif
