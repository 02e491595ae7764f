/* SPDX-License-Identifier: ISC */
/*
 * settle: after an attempt: outcomes → entry, log, reports, and the message's place in the
 * queue.  The order in which these reach the disk is what makes that nothing is lost.
 */
#ifndef APP_SETTLE_H
#define APP_SETTLE_H

#include "app/deliver.h"

/* What becomes of one recipient.  Pure. */
enum policy { POLICY_DONE, POLICY_KEEP, POLICY_FAIL };
enum policy settle_policy(enum verdict verdict, bool is_expired, bool is_queue_on);


struct settle {
	struct queue *queue;		/* NULL: there is none: nothing is kept or reported */
	struct queue_file *file;	/* the message's, claimed; closed by settle_message */
	const struct account *account;
	struct identity *id;
	struct maillog *log;
	/*
	 * The caller still waits: refused recipients are told by the exit status, so no report
	 * is made for them.
	 */
	bool is_told;
	bool must_keep;		/* false: what cannot be kept is removed, the caller is told */
};

enum settled {
	SETTLED_DONE,	/* nothing is left to do; the file is gone */
	SETTLED_KEPT,	/* in deferred/, durable */
	SETTLED_FAILED,	/* in failed/ */
	SETTLED_ERROR,	/* cannot be kept, or cannot be put away: *e */
};

/*
 * Takes the outcomes of `d` into its entry, logs them, makes the reports that are due, saves
 * the state and moves the file.  `facts` NULL: it was not tried itself, the account is down;
 * then `why` is the reason for all that wait.  `d` may have no recipient left: then only the
 * reports are made up for.
 */
enum settled settle_message(const struct settle *s, struct delivery *d,
			    const struct session_facts *facts, const struct err *why,
			    struct err *e);

#endif
