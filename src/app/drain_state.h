/* SPDX-License-Identifier: ISC */
/* drain_state: what the drain*.c files share.  Nobody else includes it. */
#ifndef APP_DRAIN_STATE_H
#define APP_DRAIN_STATE_H

#include "app/drain.h"

#include <stddef.h>

/* A message that was claimed. */
struct drain_item {
	struct queue_file file;
	struct queue_entry entry;
	struct message message;
	struct delivery delivery;	/* of one account */
	struct settle settle;
	unsigned *rest, rest_count;	/* vias that have something to do after that */
	bool is_picked;	/* by drain.pick */
	struct drain_item *later;
};

static inline struct drain_item *drain_item_of(struct delivery *delivery)
{
	return (struct drain_item *)((char *)delivery - offsetof(struct drain_item, delivery));
}

/* Most in drain.others: each is an open file. */
enum { DRAIN_OTHERS_MAX = 100 };

/* One account has done with it: the end, or it waits in d->others for the next one. */
void drain_take_turn(struct drain *d, struct drain_item *item, const struct session_facts *facts,
		     const struct err *why);
/* The account has all its sessions in use, and did nothing. */
void drain_leave_turn(struct drain *d, struct drain_item *item);

/*
 * Another account has to send it first: when all messages are out of our hands, that one's
 * mail is looked for.  Takes item->entry.
 */
void drain_serve_later(struct drain *d, struct drain_item *item);
/* Without looking. */
void drain_drop_looks(struct drain *d);

/* For deliver_source: others wait for the slot, always. */
bool drain_sees_off(void *context);

#endif
