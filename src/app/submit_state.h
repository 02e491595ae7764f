/* SPDX-License-Identifier: ISC */
/* submit_state: what the submit*.c files share.  Nobody else includes it. */
#ifndef APP_SUBMIT_STATE_H
#define APP_SUBMIT_STATE_H

#include "app/call.h"
#include "app/drain.h"

enum delivery_mode { MODE_INTERACTIVE, MODE_BACKGROUND, MODE_QUEUE };

struct submission {
	struct call *call;
	const struct account *account;
	enum delivery_mode mode;
	struct queue *queue;	/* NULL: off, or it cannot be used */
	struct err no_queue;	/* why it cannot be used; cause NONE = it is off */
	struct queue_entry entry;
	struct message_store store;	/* its file is this message's */
	struct maillog *log;
	struct buf group;
	int slot;
	struct drain drain;	/* others that wait */
	struct delivery delivery;
	bool is_taken;		/* `delivery` was given to the session */
	bool is_over;
	bool is_refusal_told;	/* the sender knows of targets of aliases that get nothing */
	bool is_alone;		/* the caller has its answer: this goes on in the background */
	int status;
};

/* Reads the message to its end, into the queue when there is one. */
bool submit_take_in(struct submission *s, struct err *e) RELAY_CHECKED;
/* Durable: from now on exit status 0 is true.  After an error the file is gone. */
bool submit_sync(struct submission *s, struct err *e) RELAY_CHECKED;

/* For signals_keep: nothing is. */
extern const int submit_nothing_kept[2];

#endif
