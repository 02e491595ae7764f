/* SPDX-License-Identifier: ISC */
/* submit_state: what the submit*.c files share.  Nobody else includes it. */
#ifndef APP_SUBMIT_STATE_H
#define APP_SUBMIT_STATE_H

#include "app/call.h"
#include "app/drain.h"
#include "app/tell.h"

enum delivery_mode { MODE_INTERACTIVE, MODE_BACKGROUND, MODE_QUEUE };

/* What one account has to send of the message. */
struct part {
	const struct account *account;
	struct buf group;	/* queue_entry_group */
	int slot;
	struct drain drain;	/* others that wait for the same account */
	struct delivery delivery;
	bool is_taken;		/* `delivery` was given to the session */
	bool is_over;
	bool is_left;		/* all sessions are in use: those who have one send it */
	/* Why it failed, for the caller. */
	struct session_facts facts;
	struct err why;		/* cause NONE: the session did not fail */
};

struct submission {
	struct call *call;
	const struct account *account;
	enum delivery_mode mode;
	struct queue *queue;	/* NULL: off, or it cannot be used */
	struct err no_queue;	/* why it cannot be used; cause NONE = it is off */
	struct queue_entry entry;
	struct message_store store;	/* its file is this message's */
	struct maillog *log;
	struct part *parts;	/* one for each via; the message's own account first */
	int64_t waited_ms;	/* see deliver_options */
	unsigned part_count, part_at;	/* part_at: whose session it is */
	struct settle settle;
	bool is_over;
	bool is_refusal_told;	/* the sender knows of targets of aliases that get nothing */
	bool is_alone;		/* the caller has its answer: this goes on in the background */
	int status;
};

/* Reads the message to its end, into the queue when there is one. */
bool submit_take_in(struct submission *s, struct err *e) RELAY_CHECKED;
/* Durable: from now on exit status 0 is true.  After an error the file is gone. */
bool submit_sync(struct submission *s, struct err *e) RELAY_CHECKED;

/* An account has done with its part (`why`, `facts`: see settle.h); after the last the end. */
void submit_part_over(struct submission *s, struct part *p, const struct session_facts *facts,
		      const struct err *why);
/* All sessions of its account are in use: it stays for those who have them. */
void submit_part_left(struct submission *s, struct part *p);
/* The exit status. */
int submit_answer(const struct submission *s);
/* That it was queued instead of sent, where somebody looks. */
void submit_notice(const struct submission *s, enum tell_why why);

/* For signals_keep: nothing is. */
extern const int submit_nothing_kept[2];

#endif
