/* SPDX-License-Identifier: ISC */
/*
 * flush_worker: one child process of a queue run: takes a session slot, and delivers the
 * messages of one group until there are none.  Knows the other workers only by what is in
 * shared memory.
 */
#ifndef APP_FLUSH_WORKER_H
#define APP_FLUSH_WORKER_H

#include "app/flush_work.h"
#include "app/settle.h"

#include <stdatomic.h>

/* What the workers of a group share. */
struct flush_shared {
	atomic_size_t next;    /* message of the group's list to take */
	atomic_uint working;   /* workers that can still deliver; counted before fork */
	atomic_bool is_ready;  /* a session went as far as a message */
	atomic_bool is_closed; /* no more workers: the server, or the slots, allow none */
	atomic_bool is_busy;   /* other processes have all slots */
	atomic_bool is_down;   /* why says why */
	struct err why;	       /* written once, before is_down */
};

/* What all of them share. */
struct flush_totals {
	atomic_size_t settled[SETTLED_ERROR + 1];
	struct flush_shared groups[];
};

struct flush_worker {
	const struct flush_work *work;
	struct flush_group *group;
	struct flush_shared *shared;
	struct flush_totals *totals;
	int wake; /* a pipe: tells the parent that is_ready has changed */
	const struct flush_item *picked; /* the last one */
	bool has_told; /* an error with a message */
};

/* Returns the exit status when the worker has nothing left to do. */
int flush_worker_run(struct flush_worker *w);

#endif
