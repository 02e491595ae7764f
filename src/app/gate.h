/* SPDX-License-Identifier: ISC */
/*
 * gate: what the service of the machine (sendmail -bs in the system scope, scope.h) asks before
 * it takes anything: from whom a session is, whether that user may send, as whom, and how
 * much.  Outside the system scope everything may pass.
 */
#ifndef APP_GATE_H
#define APP_GATE_H

#include "app/call.h"
#include "app/payer.h"
#include "app/peer.h"
#include "smtp/server.h"

struct gate {
	struct call *call;
	struct peer peer;
	struct payer payer;	/* whose limits count, where there are limits */
	struct queue *queue;	/* for locks and counts; NULL: there is none */
	int slot;		/* -1 = none is needed; no child may have it */
};

/*
 * At the beginning: finds out who the client on standard input is; call->id has the caller
 * then.  False: *why is the greeting, and the session is over.
 */
bool gate_open(struct gate *g, struct call *c, struct smtp_answer *why) RELAY_CHECKED;
/*
 * Then, with the account that a message without a sender gets (call->account, or NULL): has the
 * user too many sessions already?
 */
bool gate_enter(struct gate *g, struct smtp_answer *why) RELAY_CHECKED;
void gate_close(struct gate *g);

/* Is the client a user who is known, over our own socket?  He may see his messages. */
bool gate_is_for_users(const struct gate *g);

/* For smtp_server_options; gate is a struct gate. */
bool gate_takes_sender(void *gate, const char *sender, struct smtp_answer *why);

/* Is there room for a message that is so large by now? */
bool gate_takes_size(const struct gate *g, unsigned long long size);
/* A message has come in, of this size, and is put into the queue now: that is noted. */
void gate_takes_message(const struct gate *g, unsigned long long size);

/*
 * The sender as it is meant: one without a domain that no user has is the caller.  Belongs to
 * *g's identity, or is the one that was given.
 */
const char *gate_sender(struct call *c, const char *sender);

#endif
