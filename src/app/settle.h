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


/*
 * One message after its attempts: a delivery for each account (queue_entry.vias), one after
 * another, then the end.
 */
struct settle {
	struct queue *queue;		/* NULL: there is none: nothing is kept or reported */
	struct queue_file *file;	/* the message's, claimed; closed by settle_end */
	const struct account *account;	/* whose times count, and who sends the reports */
	struct identity *id;
	struct maillog *log;
	/*
	 * The caller still waits: refused recipients are told by the exit status, so no report
	 * is made for them.
	 */
	bool is_told;
	bool must_keep;		/* false: what cannot be kept is removed, the caller is told */
	/* Private: what the attempts have changed. */
	struct settle_change {
		bool is_begun;
		bool was_tried;		/* before */
		bool is_expired;
		bool is_given_up;	/* a recipient, because of that */
		bool is_put_off;	/* a recipient was tried in vain: it waits for a queue run */
		bool is_final;		/* a recipient got a final outcome, or perhaps the message */
		bool is_unsaved;	/* the same, since settle_save */
		bool has_failed;	/* a recipient has failed that the caller was not told of */
		bool is_report_owed;	/* a report that must be made could not be put */
	} change;
};

enum settled {
	SETTLED_DONE,	/* nothing is left to do; the file is gone */
	SETTLED_KEPT,	/* durable; in deferred/, or where it was, when only untried ones wait */
	SETTLED_FAILED,	/* in failed/ */
	SETTLED_ERROR,	/* cannot be kept, or cannot be put away: *e */
};

/*
 * Takes the outcomes of `d` into its entry, and logs them.  `facts` NULL: it was not tried
 * itself, the account is down; then `why` is the reason.
 */
void settle_take(struct settle *s, struct delivery *d, const struct session_facts *facts,
		 const struct err *why);

/*
 * Between two deliveries of a message: nobody who has it gets it again, whatever happens.
 * Costs nothing when the last one brought nothing final.  What cannot be saved is logged.
 */
void settle_save(struct settle *s, struct queue_entry *v);

/*
 * After the last: makes the reports that are due, saves the state and moves the file.  Without
 * a delivery before it, only what an earlier run has left to do is made up for.
 */
enum settled settle_end(struct settle *s, struct queue_entry *v, struct message *message,
			struct err *e);

#endif
