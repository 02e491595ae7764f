/* SPDX-License-Identifier: ISC */
/*
 * flush_list: the messages of a queue run, in groups: what can share a session.  Owns the
 * groups and their configurations; the messages are put there by flush_scan.
 */
#ifndef APP_FLUSH_LIST_H
#define APP_FLUSH_LIST_H

#include "app/identity.h"
#include "conf/conf.h"
#include "queue/queue.h"

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
	struct conf *conf;	 /* owns the account; also other groups' */
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
	struct flush_conf *confs;
	struct conf fallback; /* one account with all defaults, for its times */
	const struct account *log; /* whose log is for mail of an account that is gone; or NULL */
	size_t early;	      /* messages whose time has not come */
	bool is_troubled;     /* something could not be read: a line was said */
	int named;	      /* exit status for those that were named and cannot be sent: the same */
};

void flush_list_init(struct flush_list *l);
void flush_list_clear(struct flush_list *l);

/*
 * The group of the message; its account is read when the group is new.  False: its settings
 * are too long, or there are too many groups.
 */
bool flush_list_group(struct flush_list *l, struct queue *q, const struct queue_entry *v,
		      struct identity *id, uint32_t *ret) RELAY_CHECKED;

#endif
