/* SPDX-License-Identifier: ISC */
/* verdict: what became of one recipient.  Pure. */
#ifndef SMTP_VERDICT_H
#define SMTP_VERDICT_H

#include "base/err.h"
#include "smtp/verb.h"

enum verdict {
	VERDICT_UNTRIED,	/* no answer for this recipient yet */
	VERDICT_ACCEPTED,	/* the server has taken responsibility (2xx after the data) */
	VERDICT_TEMPORARY,	/* try later */
	VERDICT_PERMANENT,	/* never again */
	VERDICT_UNKNOWN,	/* lost after end-of-data was sent: perhaps delivered */
};

#define OUTCOME_TEXT_MAX 512

struct outcome {
	enum verdict verdict;
	enum cause cause;	/* CAUSE_NONE when accepted */
	int code;		/* reply code, 0 when it was not a reply */
	char enhanced[16];	/* "5.1.1", or "" */
	/* One line, sanitised: the server's words with code, or our own. */
	char text[OUTCOME_TEXT_MAX];
	const char *verb;	/* static: the command it answered ("RCPT TO"), or "" */
};

struct reply;

/*
 * What a 4xx or 5xx reply to this command means.  4xx is TEMPORARY.  5xx is PERMANENT, but
 * for replies that say nothing about the mail: a wanted login (530, 535 …) and a command
 * that was not understood or came out of order (500, 502, 503, for BDAT 504) are
 * TEMPORARY.
 */
void outcome_of_reply(struct outcome *o, enum verb verb, const struct reply *reply);

/* An outcome of our own; `text` is sanitised. */
void outcome_set(struct outcome *o, enum verdict verdict, enum cause cause, enum verb verb,
		 const char *enhanced, const char *text);

/*
 * The RFC 3463 code for logs and reports: the server's, when it goes with the verdict, else
 * one that says what the cause does.  At most 15 bytes and a NUL.
 */
void outcome_status(const struct outcome *o, char status[16]);

#endif
