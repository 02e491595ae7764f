/* SPDX-License-Identifier: ISC */
/*
 * queues: the queue folders that the settings of this call know: one for each queue_directory
 * that an account has, and the default one.  Shared by flush, mailq and `relay queue`.
 */
#ifndef APP_QUEUES_H
#define APP_QUEUES_H

#include "app/call.h"

struct queues {
	struct queue **at;
	size_t count;
	int status;	/* EX_OK, or that of a folder that was refused, and said */
	/*
	 * In the system scope, for a user: only his own messages are there for him; -1: of an
	 * unknown user there are none.
	 */
	bool is_limited;
	int64_t viewer;
	bool is_for_terminal;	/* what is printed goes to one, although standard output does not */
};

/* Is the message there for who looks?  (Its head was read.) */
bool queues_sees(const struct queues *qs, const struct queue_entry *v);
/* The same for a name in a folder. */
bool queues_sees_id(const struct queues *qs, struct queue *q, enum queue_place place,
		    const char *id);

/*
 * Reads the settings into c->conf, unless it has some already, and opens the folders that
 * are there: of the account that was named with -a, or of all and the default folder.
 * Without any configuration file: the default folder.  A folder that is refused (its owner,
 * its mode) is said on stderr and passed over: it must not keep the other queues from being
 * served.
 */
bool queues_open(struct queues *qs, struct call *c, struct err *e) RELAY_CHECKED;
/*
 * The same, but of all accounts also with -a: a message with recipients of several accounts
 * is in the folder of one.
 */
bool queues_open_all(struct queues *qs, struct call *c, struct err *e) RELAY_CHECKED;
void queues_close(struct queues *qs);

/* Where a message is. */
struct queues_hit {
	struct queue *queue;
	enum queue_place place;
	char id[QUEUE_ID_MAX];
};

/*
 * The one message whose ID starts or ends with `part`, in any of the places (bits, 1 <<
 * QUEUE_HOLD …).  False: there is none (CAUSE_INPUT), or there are several (CAUSE_USAGE): *e
 * names the first ones.
 */
bool queues_find(const struct queues *qs, unsigned places, const char *part,
		 struct queues_hit *ret, struct err *e) RELAY_CHECKED;

#endif
