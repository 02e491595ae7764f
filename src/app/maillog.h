/* SPDX-License-Identifier: ISC */
/*
 * maillog: one line for the message and one for each recipient and attempt, in Postfix's
 * form, to `logfile` and `syslog` as the account says.  No message content, no secret.
 */
#ifndef APP_MAILLOG_H
#define APP_MAILLOG_H

#include "app/deliver.h"
#include "app/session.h"

/* What cannot be logged is said on stderr once; it never changes the exit status. */
void maillog_write(const struct delivery *d, struct identity *id, const struct smtp_txn *txn,
		   const struct session_facts *facts, int64_t delay_ms);

#endif
