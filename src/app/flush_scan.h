/* SPDX-License-Identifier: ISC */
/*
 * flush_scan: queue folders → the list of messages that a queue run is for, grouped by
 * what can share a session.  Looks without locks, so the list is a guess: who delivers
 * claims. 50,000 messages are small: an ID and a group each.
 */
#ifndef APP_FLUSH_SCAN_H
#define APP_FLUSH_SCAN_H

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

struct flush_item {
	char id[QUEUE_ID_MAX];
	uint32_t group;
	uint16_t attempts; /* so far; the low bits */
	uint8_t place;	   /* enum queue_place */
	uint8_t turn;	   /* 0 for the first try; else by chance: see by_group */
};

/* Messages that can share a session. */
struct flush_group {
	struct queue *queue;
	char *name;		 /* queue_entry_group */
	struct conf conf;	 /* owns the account */
	struct account *account; /* NULL: it cannot be used, *why says why */
	struct err *why;
	size_t first, count; /* its messages in items */
};

struct flush_list {
	struct flush_item *items; /* by group, in each the oldest first */
	size_t count, room;
	struct flush_group *groups;
	size_t group_count, group_room;
	uint64_t *hashes;     /* of the groups' names */
	struct conf fallback; /* one account with all defaults, for its times */
	const struct account *log; /* whose log is for mail of an account that is gone; or NULL */
	size_t early;	      /* messages whose time has not come */
	bool is_troubled;     /* something could not be read: a line was said */
};

void flush_list_init(struct flush_list *l);
void flush_list_clear(struct flush_list *l);

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
