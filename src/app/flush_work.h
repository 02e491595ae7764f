/* SPDX-License-Identifier: ISC */
/*
 * flush_work: the child processes of a queue run: one for an account at first, and when
 * its session is up as many as max_connections allows and the messages are worth.  Owns
 * their start and their end: when it returns none is left.  A worker: app/flush_worker.h.
 */
#ifndef APP_FLUSH_WORK_H
#define APP_FLUSH_WORK_H

#include "app/flush_scan.h"
#include "app/progress.h"

struct flush_work {
	struct flush_list *list;
	struct identity *id;
	bool verbose;
};

struct flush_result {
	struct progress_counts counts;
	int64_t elapsed_ms;
	bool is_stopped;  /* by a signal */
	bool is_troubled; /* a line was said */
};

/* False: it could not begin. */
bool flush_work_run(const struct flush_work *w, struct flush_result *ret,
		    struct err *e) RELAY_CHECKED;

#endif
