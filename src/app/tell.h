/* SPDX-License-Identifier: ISC */
/* tell: what the caller of a submission hears: lines on stderr, and the exit status. */
#ifndef APP_TELL_H
#define APP_TELL_H

#include "app/deliver.h"
#include "app/local.h"
#include "app/maillog.h"

/*
 * The exit status for these outcomes: 0 when all were accepted, or kept in the queue; else
 * EX_TEMPFAIL when any failure can pass by itself; else the code of the first refusal.
 * Pure.
 */
int tell_exit_status(const struct smtp_txn *txn, bool is_kept) RELAY_CHECKED;

/* What became of the message for a recipient who has not got it: "not sent", …. */
const char *tell_words(const struct outcome *o);

/*
 * Names everyone who did not get it and for whom it is not kept.  `why`: what ended the
 * session, or NULL.  others_have_it: by another account.
 */
void tell_failures(const struct account *a, const struct delivery *d,
		   const struct session_facts *facts, const struct err *why, bool is_kept,
		   bool others_have_it);

enum tell_why {
	TELL_TRIED,	/* an attempt failed, or none was wanted (-odq) */
	TELL_BUSY,	/* no session was free */
	TELL_BACKGROUND,	/* it is sent behind the caller's back (-odb) */
};

/* That it was queued instead of sent: ID, reason, next try. */
void tell_kept(const struct queue_entry *v, enum tell_why why);

/* "at 14:05:00", or with the day when that is not today. */
void tell_when(int64_t at, char *text, size_t size);

/* set_from_header replaced From in a message that was signed; also in the log. */
void tell_broken_signature(struct maillog *log, const char *id);

#endif
