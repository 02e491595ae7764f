/* SPDX-License-Identifier: ISC */
/*
 * refusals: what is wrong with the aliases that a message needs: who is told of targets that
 * get no mail, and how.  Everybody else gets the message.
 */
#ifndef APP_REFUSALS_H
#define APP_REFUSALS_H

#include "app/local.h"
#include "app/maillog.h"
#include "app/options.h"

struct smtp_envelope;

struct refusals {
	const struct local_problems *problems;
	enum error_mode mode;
	const struct smtp_envelope *client;	/* of -bs, whose sender is told by mail; or NULL */
	struct queue *queue;	/* for the report; or NULL */
	const struct account *account;
	struct identity *id;
	struct maillog *log;	/* may be NULL */
	const struct queue_entry *entry;	/* of the message, which was read */
	struct message *message;
};

/*
 * Says and logs everything, and makes the report where one is wanted.  True when the sender
 * knows, or will, of every target that gets nothing; also when there is none.
 */
bool refusals_tell(const struct refusals *r);

#endif
