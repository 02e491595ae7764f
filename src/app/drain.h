/* SPDX-License-Identifier: ISC */
/*
 * drain: messages of the queue → deliver_run, for one group (account) and as long as there
 * are any; and, of those messages, what other accounts have to send.  The only place that
 * claims files for delivery.  Used by a submission that holds a session while others wait
 * (bursts), and by each worker of a queue run.
 */
#ifndef APP_DRAIN_H
#define APP_DRAIN_H

#include "app/settle.h"

struct drain {
	struct queue *queue;
	struct conf *conf;	/* the account's, and its messages' other accounts */
	const struct account *account;
	struct identity *id;
	struct maillog *log;
	const char *group;	/* queue_entry_group of its messages */
	bool verbose;
	/*
	 * For a queue run; NULL in a submission.  pick: the next ID of its list, to be claimed
	 * before incoming/ is looked at; false = no more.  is_wanted: of a message that was
	 * claimed so: still?  report: what became of each message, for the progress; why is
	 * NULL but with SETTLED_ERROR.  is_discreet: nothing of those that were not picked, which
	 * can be other users'.
	 */
	bool (*pick)(void *context, enum queue_place *ret_place, char ret_id[QUEUE_ID_MAX]);
	bool (*is_wanted)(void *context, const struct queue_entry *v);
	void (*report)(void *context, enum settled settled, const struct session_facts *facts,
		       const struct err *why);
	void *context;
	bool is_discreet;
	/* Private: the last look into incoming/. */
	struct queue_names seen;
	size_t seen_at;
	struct queue_names stuck;	/* cannot be claimed or put away: not again in this run */
	size_t active;		/* messages claimed and not over */
	struct drain_item *others;	/* claimed, for which other accounts have to do something */
	size_t other_count;
	struct drain_look *looks;	/* accounts whose mail is to be looked for */
	bool is_inner;			/* another drain takes its looks over */
};

void drain_clear(struct drain *d);	/* what it has made itself */

/*
 * Claims and delivers everything that `pick` gives and then every message of this group
 * that waits in incoming/, over as many sessions as it takes, until there is none.  The
 * caller holds a slot.  False: the account cannot be used now.
 */
bool drain_run(struct drain *d, struct session_facts *facts, struct err *e) RELAY_CHECKED;

/*
 * After the slot was given back (queue/slot.h): is there a message of this group that nobody
 * holds?  Its lock is taken for a moment, so the caller must try for a slot when it is true.
 */
bool drain_has_waiting(struct drain *d);

/* Claims all that `pick` still gives and settles it as suspended, without connecting. */
void drain_suspend(struct drain *d, const struct err *why);

/*
 * For a source of deliver_run that is not drain_run's own: the next message, its end, and what
 * deliver_source.gave_back says.  When deliver_run has returned, drain_others sends what other
 * accounts have to send of these messages, and looks for the mail of accounts whose sessions
 * were in use, here or by others; is there anything for it?
 */
struct delivery *drain_next(struct drain *d);
void drain_over(struct drain *d, struct delivery *delivery, const struct session_facts *facts,
		const struct err *why);
void drain_look_later(struct drain *d, const struct account *a, const char *group);
bool drain_has_others(const struct drain *d);
void drain_others(struct drain *d);

#endif
