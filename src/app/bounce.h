/* SPDX-License-Identifier: ISC */
/*
 * bounce: delivery status notifications (RFC 3461, 3464): who is told, and the message that
 * tells; put into the queue like any other, with the null sender, for the same account.
 */
#ifndef APP_BOUNCE_H
#define APP_BOUNCE_H

#include "app/identity.h"
#include "app/maillog.h"
#include "app/message.h"
#include "conf/conf.h"
#include "mail/dsn.h"

/*
 * A message up to this goes back whole when nobody asked for less (Postfix's
 * bounce_size_limit); of a larger one the header.
 */
#define BOUNCE_SIZE_LIMIT 50000

/*
 * Whom a report about this message goes to: the sender, or `system_mail` when the sender is
 * a local name (no domain, localhost, this host's own names).  NULL: nobody can be told: the
 * null sender, or a local one without system_mail.  What is handed over to the service of the
 * machine has a local sender's name: that service has its own system_mail.  The caller frees it.
 */
char *bounce_address(const struct queue_entry *v, const struct account *a, struct identity *id);

/* Did the sender ask for, or not forbid, a report of this kind about r (NOTIFY)? */
bool bounce_is_wanted(const struct queue_entry *v, const struct queue_rcpt *r,
		      enum dsn_kind kind);

struct bounce {
	struct queue *queue;
	const struct account *account;
	struct identity *id;
	struct maillog *log;	/* the account's; NULL: it does not log */
	enum dsn_kind kind;
	const struct queue_entry *entry;	/* the message the report is about */
	struct message *message;
	const size_t *rcpts;	/* indexes of the recipients that it names: it is wanted */
	size_t rcpt_count;
	int64_t retry_until;		/* DSN_DELAYED */
};

/*
 * Puts the report into incoming/, durable, and logs it.  *ret_told is false, and nothing
 * was put, when nobody can be told.  ret_id: the report's queue ID.
 */
bool bounce_put(const struct bounce *b, bool *ret_told, char ret_id[QUEUE_ID_MAX],
		struct err *e) RELAY_CHECKED;

#endif
