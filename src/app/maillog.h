/* SPDX-License-Identifier: ISC */
/*
 * maillog: what happened to messages, in Postfix's form, to `logfile` and `syslog` as the
 * account says, so that its log tools can read it.  No message content, no secret.
 *
 * Each line has the tag of Postfix's program that says the same: log tools count by it.
 */
#ifndef APP_MAILLOG_H
#define APP_MAILLOG_H

#include "app/deliver.h"
#include "mail/dsn.h"

/*
 * A log is opened for one account and written line by line; what cannot be logged is said on
 * stderr once, and never changes what happens to mail.  NULL, and nothing was looked up, when
 * the account does not log; every function takes that.  The account outlives it.
 */
struct maillog;
struct maillog *maillog_open(const struct account *a, struct identity *id);
void maillog_close(struct maillog *log);

/*
 * It has arrived: "pickup: ID: uid=…", "cleanup: ID: message-id=…" and
 * "qmgr: ID: from=<…>, size=…, nrcpt=…".
 */
void maillog_arrived(struct maillog *log, const struct queue_entry *v, struct message *m);

/*
 * "smtp: ID: to=<…>, …" for each recipient of the attempt.  `delay` counts from v->arrival.
 * A message of an earlier run is introduced with its qmgr line first.
 */
void maillog_attempt(struct maillog *log, const struct delivery *d,
		     const struct session_facts *facts);
/* The same for one that was not tried because its account is down. */
void maillog_suspended(struct maillog *log, const struct delivery *d, const struct err *why);

/* A recipient that no account was asked about: "error: ID: to=<…>, …, status=bounced (TEXT)". */
void maillog_refused(struct maillog *log, const struct queue_entry *v, const char *addr,
		     const char *text);

/*
 * A report about v was put into the queue; header is its own.  "bounce: ID: sender
 * non-delivery notification: ID", and the report's cleanup and qmgr lines.
 */
void maillog_report(struct maillog *log, const struct queue_entry *v, enum dsn_kind kind,
		    const struct queue_entry *report, struct span header);

/* "qmgr: ID: TEXT": "removed", "from=<…>, status=expired, returned to sender", … */
void maillog_note(struct maillog *log, const char *id, const char *format, ...)
	RELAY_PRINTF(3, 4);

#endif
