/* SPDX-License-Identifier: ISC */
/*
 * adapt: a transaction for a server that lacks 8BITMIME or SMTPUTF8: the message becomes
 * 7-bit, domains become A-labels; and what cannot be adapted gets its outcome.
 */
#ifndef APP_ADAPT_H
#define APP_ADAPT_H

#include "app/session.h"

/*
 * Does what SMTP_ADAPT asks for, in the transaction and in the message itself, which stays
 * so; its file in the queue is not touched.
 */
void adapt_job(struct session_job *job, unsigned adapt);
/* The transaction has the addresses again that the caller knows. */
void adapt_undo(struct session_job *job);

#endif
