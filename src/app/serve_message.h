/* SPDX-License-Identifier: ISC */
/* serve_message: one message of sendmail -bs, submitted by a child in the way of every other. */
#ifndef APP_SERVE_MESSAGE_H
#define APP_SERVE_MESSAGE_H

#include "app/call.h"

/* Most that is kept of what the child says: a line for each of many recipients. */
#define SERVE_SAID_MAX ((size_t)16 << 20)

/*
 * c: the session's call, whose options count; *spool: the message, which is closed;
 * signals: the pipe of signals_note(), and slot (gate.h, or -1), which the child must not have.
 * *a: what the client hears; its result stands in *said, which is empty before.
 */
void serve_message(struct call *c, const struct smtp_envelope *v, int *spool,
		   int signals[2], int slot, struct buf *said, struct smtp_answer *a);

#endif
