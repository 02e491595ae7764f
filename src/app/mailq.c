/* SPDX-License-Identifier: ISC */
/* mailq: see mailq.h. */
#include "app/mailq.h"
#include "app/busy.h"
#include "app/mailq_print.h"
#include "app/queues.h"
#include "app/say.h"
#include "base/clock.h"

#include <sysexits.h>

/* The places that are listed, in the order in which a message moves through them. */
static const enum queue_place places[] = { QUEUE_INCOMING, QUEUE_DEFERRED, QUEUE_HOLD,
					   QUEUE_FAILED };

const char mailq_empty[] = "Mail queue is empty\n";

enum { PLACE_COUNT = sizeof(places) / sizeof(places[0]) };

struct list {
	struct output out;
	bool is_json;
	int64_t now;
	unsigned long long bytes;
	size_t count;
};

/* One queue: the names in each place, and how far they have been printed. */
struct lane {
	struct queue *queue;
	struct queue_names names[PLACE_COUNT];
	size_t at[PLACE_COUNT];
	struct busy busy;
	size_t set_aside;	/* files in corrupt/ */
	size_t damaged;		/* others, and states, that the next queue run will set aside */
	struct err damage;	/* of the first of them */
};

static bool lane_read(struct lane *l, struct queue *q, struct err *e)
{
	struct queue_names corrupt = { 0 };

	l->queue = q;
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		if (!queue_list(q, places[i], &l->names[i], e)) {
			return false;
		}
	}
	if (!queue_list(q, QUEUE_CORRUPT, &corrupt, e)) {
		return false;
	}
	l->set_aside = corrupt.count;
	queue_names_clear(&corrupt);
	/* After the names: who has taken a message since then is seen. */
	busy_read(&l->busy, q);
	return true;
}

static void lane_clear(struct lane *l)
{
	for (size_t i = 0; i < PLACE_COUNT; i++) {
		queue_names_clear(&l->names[i]);
	}
	busy_clear(&l->busy);
}

/* The oldest ID that is left, with its place; false at the end. */
static bool lane_next(struct lane *l, struct queue_name *ret, enum queue_place *ret_place)
{
	const struct queue_name *best = NULL;
	size_t from = 0;

	for (size_t i = 0; i < PLACE_COUNT; i++) {
		const struct queue_name *n = &l->names[i].at[l->at[i]];
		if (l->at[i] < l->names[i].count && (!best || strcmp(n->id, best->id) < 0)) {
			best = n;
			from = i;
		}
	}
	if (best) {
		*ret = *best;
		*ret_place = places[from];
		l->at[from]++;
	}
	return best != NULL;
}

/* What was moved since the folder was read is looked for in the places that come next. */
static enum queue_claim look(struct lane *l, const struct queue_name *name,
			     enum queue_place *place, struct queue_entry *v, struct err *e)
{
	enum queue_claim seen = queue_peek(l->queue, *place, name->id, v, e);

	for (size_t i = 0; i < PLACE_COUNT && seen == QUEUE_GONE; i++) {
		queue_entry_clear(v);
		*place = places[i];
		seen = queue_peek(l->queue, *place, name->id, v, e);
	}
	return seen;
}

static void print_one(struct list *list, const struct lane *l, const struct queue_name *name,
		      enum queue_place place, const struct queue_entry *v)
{
	const struct mailq_item item = {
		.entry = v,
		.place = place,
		.is_busy = busy_has(&l->busy, name->inode),
		.now = list->now,
	};

	if (list->is_json) {
		mailq_print_json(&list->out, &item);
	} else {
		if (list->count == 0) {
			mailq_print_heading(&list->out);
		}
		mailq_print_columns(&list->out, &item);
	}
	list->count++;
	list->bytes += v->size;
}

/* False: a file could not be read at all (*e); the others were printed. */
static bool print_lane(struct list *list, struct lane *l, const struct queues *qs,
		       struct err *e)
{
	char last[QUEUE_ID_MAX] = "";
	struct queue_name name;
	enum queue_place place;
	bool ok = true;

	while (!list->out.has_failed && lane_next(l, &name, &place)) {
		struct queue_entry v;
		struct err why;
		/* In two folders: it was moved while they were read. */
		if (strcmp(name.id, last) == 0) {
			continue;
		}
		memcpy(last, name.id, sizeof(last));
		enum queue_claim seen = look(l, &name, &place, &v, &why);
		if (seen == QUEUE_CLAIMED && queues_sees(qs, &v)) {
			print_one(list, l, &name, place, &v);
		} else if (seen == QUEUE_ERROR && ok) {
			*e = why;
			ok = false;
		}
		if ((seen == QUEUE_SET_ASIDE || v.is_state_lost) && l->damaged++ == 0) {
			l->damage = why;
		}
		queue_entry_clear(&v);
	}
	return ok;
}

static void say_damage(const struct lane *l)
{
	if (l->set_aside > 0) {
		say("%zu damaged file%s in %s/corrupt: see relay-queue(7)", l->set_aside,
		    l->set_aside == 1 ? "" : "s", queue_path(l->queue));
	}
	if (l->damaged > 0) {
		say("%zu damaged file%s, the first: %s", l->damaged, l->damaged == 1 ? "" : "s",
		    l->damage.text);
	}
}

/*
 * is_whole: nothing is missing in the list.  "Total Requests" is a line of sendmail's: who
 * takes relay for it, as check_mailq of the monitoring plugins does, finds the number there.
 */
static void print_end(struct list *list, bool is_whole)
{
	if (list->is_json || (list->count == 0 && !is_whole)) {
		return;
	}
	if (list->count == 0) {
		output_text(&list->out, mailq_empty);
		return;
	}
	output_text(&list->out, "                Total Requests: ");
	output_number(&list->out, list->count, 0);
	output_text(&list->out, "\n-- ");
	output_number(&list->out, list->bytes / 1024, 0);
	output_text(&list->out, " Kbytes in ");
	output_number(&list->out, list->count, 0);
	output_text(&list->out, list->count == 1 ? " Request.\n" : " Requests.\n");
}

int mailq(struct call *c)
{
	struct queues qs;
	struct list list = { .is_json = c->options.json, .now = clock_now() };
	struct err e;
	int status = EX_OK;

	if (!queues_open(&qs, c, &e)) {
		return say_error(&e);
	}
	status = qs.status;
	output_init(&list.out);
	for (size_t i = 0; i < qs.count; i++) {
		struct lane l = { 0 };
		if (!lane_read(&l, qs.at[i], &e) || !print_lane(&list, &l, &qs, &e)) {
			status = say_error(&e);
		}
		if (!qs.is_limited) {
			say_damage(&l);
		}
		lane_clear(&l);
	}
	print_end(&list, status == EX_OK);
	if (!output_end(&list.out) && status == EX_OK) {
		status = EX_IOERR;
	}
	queues_close(&qs);
	return status;
}
