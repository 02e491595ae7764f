/* SPDX-License-Identifier: ISC */
/*
 * queue_change: hold, release, retry and delete.  A message is claimed before anything is
 * done with it; what its state must say is saved before its file moves, so that a crash
 * between the two leaves it where the command can be given again.
 */
#include "app/queue_command.h"
#include "app/say.h"
#include "base/clock.h"

#include <sysexits.h>

#define BIT(place) (1u << (place))
#define EVERYWHERE (BIT(QUEUE_PLACES) - 1)

/* A message that is moved while we look for it is looked for again, this often. */
enum { TRIES = 3 };

static bool hold(struct queue *q, struct queue_file *f, struct queue_entry *v, struct err *e)
{
	(void)v;
	return queue_move(q, f, QUEUE_HOLD, e);
}

static bool release(struct queue *q, struct queue_file *f, struct queue_entry *v, struct err *e)
{
	(void)v;
	return queue_move(q, f, QUEUE_DEFERRED, e);
}

/* What was given up begins a new life; who was reached already is not tried again. */
static void revive(struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		if (v->rcpts[i].status == QUEUE_REFUSED) {
			v->rcpts[i].status = QUEUE_WAITING;
			v->rcpts[i].is_told = false;
		}
	}
	v->since = clock_now();
	v->attempts = 0;
	v->is_warned = false;
	v->report_count = 0;
}

static bool retry(struct queue *q, struct queue_file *f, struct queue_entry *v, struct err *e)
{
	bool was_failed = f->place == QUEUE_FAILED;

	if (was_failed) {
		revive(v);
	}
	v->next = 0;
	return queue_save(q, v, was_failed, e) &&
	       (!was_failed || queue_move(q, f, QUEUE_DEFERRED, e));
}

static bool delete(struct queue *q, struct queue_file *f, struct queue_entry *v, struct err *e)
{
	(void)v;
	return queue_remove(q, f, e);
}

static const struct change {
	const char *done;
	unsigned places;	/* where it can be done */
	unsigned all;		/* where ALL looks */
	bool (*apply)(struct queue *q, struct queue_file *f, struct queue_entry *v,
		      struct err *e);
} changes[] = {
	[CHANGE_HOLD] = { "held", BIT(QUEUE_INCOMING) | BIT(QUEUE_DEFERRED),
			  BIT(QUEUE_INCOMING) | BIT(QUEUE_DEFERRED), hold },
	[CHANGE_RELEASE] = { "released", BIT(QUEUE_HOLD), BIT(QUEUE_HOLD), release },
	[CHANGE_RETRY] = { "requeued",
			   BIT(QUEUE_INCOMING) | BIT(QUEUE_DEFERRED) | BIT(QUEUE_FAILED),
			   BIT(QUEUE_INCOMING) | BIT(QUEUE_DEFERRED) | BIT(QUEUE_FAILED), retry },
	[CHANGE_DELETE] = { "deleted", EVERYWHERE, EVERYWHERE & ~BIT(QUEUE_CORRUPT), delete },
};

/* Why it cannot be done with a message in this place. */
static bool fail_place(enum queue_place place, const char *id, struct err *e)
{
	static const char *const texts[QUEUE_PLACES] = {
		[QUEUE_INCOMING] = "it is not on hold",
		[QUEUE_DEFERRED] = "it is not on hold",
		[QUEUE_HOLD] = "it is on hold; to have it sent: relay queue release",
		[QUEUE_FAILED] = "it was given up; to have it tried again: relay queue retry",
		[QUEUE_CORRUPT] = "it is damaged; see relay-queue(7)",
	};

	return err_set(e, CAUSE_USAGE, "%s: %s", id, texts[place]);
}

enum outcome { OUTCOME_DONE, OUTCOME_GONE, OUTCOME_FAILED };

static enum outcome change_file(const struct change *change, const struct queues_hit *hit,
				struct err *e)
{
	struct queue_file f;
	struct queue_entry v;
	bool ok = true;
	enum queue_claim got = queue_claim(hit->queue, hit->place, hit->id, &f, &v, e);

	switch (got) {
	case QUEUE_CLAIMED:
		ok = change->apply(hit->queue, &f, &v, e) || err_ctx(e, "%s", hit->id);
		break;
	case QUEUE_BUSY:
		ok = err_set(e, CAUSE_OS, "%s: another process works with it now; try again later",
			     hit->id);
		break;
	case QUEUE_GONE:
	case QUEUE_UNFINISHED:
		break;
	case QUEUE_SET_ASIDE:
		ok = change->apply == delete ? queue_discard(hit->queue, hit->id, e)
					     : err_ctx(e, "%s: damaged, and set aside", hit->id);
		break;
	case QUEUE_ERROR:
		ok = err_ctx(e, "%s", hit->id);
		break;
	}
	queue_file_close(&f);
	queue_entry_clear(&v);
	return !ok						 ? OUTCOME_FAILED
	       : got == QUEUE_GONE || got == QUEUE_UNFINISHED ? OUTCOME_GONE
								 : OUTCOME_DONE;
}

/* A damaged file cannot be claimed: only deleting it is left. */
static enum outcome change_hit(const struct change *change, const struct queues_hit *hit,
			       struct err *e)
{
	if (!(change->places & BIT(hit->place))) {
		fail_place(hit->place, hit->id, e);
		return OUTCOME_FAILED;
	}
	if (hit->place == QUEUE_CORRUPT) {
		return queue_discard(hit->queue, hit->id, e) ? OUTCOME_DONE : OUTCOME_FAILED;
	}
	return change_file(change, hit, e);
}

static int change_one(const struct queues *qs, const struct change *change, const char *id)
{
	struct queues_hit hit;
	struct err e;

	for (int i = 0; i < TRIES; i++) {
		if (!queues_find(qs, EVERYWHERE, id, &hit, &e)) {
			break;
		}
		enum outcome outcome = change_hit(change, &hit, &e);
		if (outcome == OUTCOME_DONE) {
			printf("%s: %s\n", hit.id, change->done);
			return EX_OK;
		}
		if (outcome == OUTCOME_FAILED) {
			break;
		}
		err_set(&e, CAUSE_INPUT, "%s: it has just left the queue", hit.id);
	}
	return say_error(&e);
}

/* Every message of one place, as it stands now. */
static int change_place(const struct queues *qs, struct queue *q, enum queue_place place,
			const struct change *change, size_t *count)
{
	struct queue_names names = { 0 };
	struct err e;
	int status = EX_OK;

	if (!queue_list(q, place, &names, &e)) {
		return say_error(&e);
	}
	for (size_t i = 0; i < names.count; i++) {
		struct queues_hit hit = { .queue = q, .place = place };
		memcpy(hit.id, names.at[i].id, sizeof(hit.id));
		if (!queues_sees_id(qs, q, place, hit.id)) {
			continue;
		}
		enum outcome outcome = change_hit(change, &hit, &e);
		*count += outcome == OUTCOME_DONE;
		if (outcome == OUTCOME_FAILED) {
			int one = say_error(&e);
			status = status != EX_OK ? status : one;
		}
	}
	queue_names_clear(&names);
	return status;
}

static int change_everything(const struct queues *qs, const struct change *change)
{
	size_t count = 0;
	int status = EX_OK;

	for (size_t i = 0; i < qs->count; i++) {
		for (unsigned place = 0; place < QUEUE_PLACES; place++) {
			if (!(change->all & BIT(place))) {
				continue;
			}
			int one = change_place(qs, qs->at[i], (enum queue_place)place, change,
					       &count);
			status = status != EX_OK ? status : one;
		}
	}
	printf("%s %zu message%s\n", change->done, count, count == 1 ? "" : "s");
	return status;
}

int queue_change_all(const struct queues *qs, enum queue_change change,
		     const struct queue_ids *ids)
{
	int status = EX_OK;

	if (ids->is_all) {
		return change_everything(qs, &changes[change]);
	}
	for (size_t i = 0; i < ids->count; i++) {
		int one = change_one(qs, &changes[change], ids->at[i]);
		status = status != EX_OK ? status : one;
	}
	return status;
}
