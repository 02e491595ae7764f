/* SPDX-License-Identifier: ISC */
/*
 * flush_scan: queue folders → the list of messages that a queue run is for, grouped by
 * what can share a session.  Looks without locks, so the list is a guess: who delivers
 * claims. 50,000 messages are small: an ID and a group each.
 */
#ifndef APP_FLUSH_SCAN_H
#define APP_FLUSH_SCAN_H

#include "app/flush_list.h"
#include "app/queues.h"

/* Which messages; nothing set: those whose time has come. */
struct flush_choice {
	bool now;		      /* also those whose time has not come */
	const struct queues_hit *ids; /* only these, at once; count 0 = no such choice */
	size_t id_count;
	const char *recipient; /* only those with this in a recipient that waits … */
	const char *sender;    /* … and this in the sender; at once; NULL = no choice */
	const char *account;   /* only those of this account; NULL = of all */
	const struct queues *queues; /* only what is there for who looks; NULL = all */
};

/*
 * Looks through incoming/ and deferred/ of every queue.  What a killed writer left is
 * removed, what is damaged is set aside: both on the way.  False when a folder cannot be
 * read; what is in the others is in the list all the same.
 */
bool flush_scan(struct flush_list *l, const struct queues *qs,
		const struct flush_choice *choice, struct call *c,
		struct err *e) RELAY_CHECKED;

/*
 * Removes from failed/ the messages that nobody needs: every refused recipient was told
 * to the sender, bounce_queue_lifetime ago.
 */
bool flush_clean(struct flush_list *l, struct queue *q, struct call *c,
		 struct err *e) RELAY_CHECKED;

/* Does the message belong to the choice, its time aside?  Pure. */
bool flush_chooses(const struct flush_choice *choice, const struct queue_entry *v);

#endif
