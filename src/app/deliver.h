/* SPDX-License-Identifier: ISC */
/*
 * deliver: a message and its envelope → the server's verdicts → what the caller is told.
 * The policy that turns verdicts into an exit status is here, and is pure.
 */
#ifndef APP_DELIVER_H
#define APP_DELIVER_H

#include "app/identity.h"
#include "app/message.h"
#include "conf/conf.h"
#include "mail/addr.h"

struct delivery {
	const struct account *account;
	const char *sender;		/* envelope sender, "" = null */
	const struct addr_list *recipients;
	const char *envid;		/* NULL = none */
	struct message *message;
	bool needs_smtputf8;
	bool verbose;
};

/*
 * Tries once (and again at once where the server turned out to dislike an extension),
 * logs, names on stderr everyone who did not get it, and returns the exit status.
 */
int deliver_now(const struct delivery *d, struct identity *id);

struct smtp_rcpt;
/*
 * The exit status for these outcomes: 0 when all were accepted; else EX_TEMPFAIL when any
 * failure can pass by itself; else the code of the first refusal.  Pure.
 */
int deliver_exit_status(const struct smtp_rcpt *rcpts, size_t count);

#endif
