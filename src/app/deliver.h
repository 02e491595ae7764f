/* SPDX-License-Identifier: ISC */
/*
 * deliver: messages for one account → the server's verdicts.  Owns what is tried again at
 * once: what the server turned out to dislike, and what a lost connection left untouched.
 * It decides nothing about exit status, queue or reports: app/settle.c.
 */
#ifndef APP_DELIVER_H
#define APP_DELIVER_H

#include "app/identity.h"
#include "app/session.h"

/* One message on its way. */
struct delivery {
	struct queue_entry *entry;
	unsigned via;			/* its recipients of this account that wait are tried */
	struct message *message;
	int64_t start_ms;
	bool is_settled;		/* for app/settle.h */
	/* What came out; valid in `over` and after it. */
	struct session_job job;		/* job.txn.rcpts, of those that were tried */
	size_t *index;			/* of each in entry->rcpts */
	bool *perhaps;			/* an attempt before the last may have delivered to it */
	/* Private: sessions before the last that had a final answer; see delivery_facts. */
	struct session_facts *earlier;
	unsigned earlier_count, *session;	/* of each: n = earlier[n - 1], 0 = the last */
	unsigned tries;
	struct delivery *later;		/* private: the list of those to be tried again */
};

void delivery_init(struct delivery *d, struct queue_entry *entry, unsigned via,
		   struct message *message);
void delivery_clear(struct delivery *d);	/* not what entry and message point to */
/* It is not tried now, because of this: all its recipients get that outcome. */
void delivery_suspend(struct delivery *d, const struct err *why);

/*
 * Of the session that recipient number i has its answer from; `last` is the one that `over`
 * came with, or NULL.
 */
const struct session_facts *delivery_facts(const struct delivery *d, size_t i,
					   const struct session_facts *last);

struct deliver_source {
	void *context;
	struct delivery *(*next)(void *context);	/* NULL = no more */
	/*
	 * Once for each that `next` gave.  Every recipient has an outcome.  `why`: what ended
	 * the session, NULL when it did not fail.
	 */
	void (*over)(void *context, struct delivery *d, const struct session_facts *facts,
		     const struct err *why);
	bool (*sees_off)(void *context);	/* as session_source has it */
	/*
	 * The slot of a fallback account was given back: who found it taken relies on a look
	 * for mail of that group (queue/slot.h), when deliver_run has returned.
	 */
	void (*gave_back)(void *context, const struct account *a, const char *group);
};

struct deliver_options {
	const struct conf *conf;	/* for the fallback accounts */
	const struct account *account;
	/*
	 * For the sessions that a fallback account allows (queue/slot.h), the caller has a slot
	 * of the account itself.  group: the account's queue_entry_group.  NULL = no limits.
	 */
	struct queue *queue;
	const char *group;
	struct identity *id;
	bool verbose;
	bool may_prompt;	/* for a password, on the terminal */
	bool may_unlock;	/* the keyring may ask for its password, on the display */
	/*
	 * A caller waits whose mail can also go later: servers get less time to be reached, if
	 * there are several (or has_others: for other accounts).  How long those that cannot
	 * be used have taken so far; deliver_run adds to it.  NULL = it may take its time.
	 */
	int64_t *waited_ms;
	bool has_others;
};

/*
 * Delivers until the source has no more, over the first server of the account, or of its
 * fallback accounts, that can be used.  False: none can now, *e says why; without a password
 * `next` was perhaps not even asked.  `facts` are the last session's.
 */
bool deliver_run(const struct deliver_options *o, const struct deliver_source *source,
		 struct session_facts *facts, struct err *e) RELAY_CHECKED;

#endif
