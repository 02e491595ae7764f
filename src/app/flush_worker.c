/* SPDX-License-Identifier: ISC */
/* flush_worker: see flush_worker.h. */
#include "app/flush_worker.h"
#include "app/drain.h"
#include "app/maillog.h"
#include "app/ownership.h"
#include "app/say.h"
#include "queue/slot.h"

#include <sysexits.h>
#include <unistd.h>

/* Takes the next message of the list; two workers never get the same. */
static bool pick(void *context, enum queue_place *ret_place, char ret_id[QUEUE_ID_MAX])
{
	struct flush_worker *w = context;
	const struct flush_group *g = w->group;
	/* Looked at first, so that it cannot run away. */
	size_t i = atomic_load(&w->shared->next) < g->count
			   ? atomic_fetch_add(&w->shared->next, 1)
			   : g->count;

	if (i >= g->count) {
		return false;
	}
	w->picked = &w->work->list->items[g->first + i];
	*ret_place = (enum queue_place)w->picked->place;
	memcpy(ret_id, w->picked->id, QUEUE_ID_MAX);
	return true;
}

/* Another process may have tried the message since the list was made. */
static bool is_wanted(void *context, const struct queue_entry *v)
{
	struct flush_worker *w = context;

	return (v->attempts & UINT16_MAX) == w->picked->attempts;
}

static void report(void *context, enum settled settled, const struct session_facts *facts,
		   const struct err *why)
{
	struct flush_worker *w = context;

	/* The first one: most have the same reason. */
	if (settled == SETTLED_ERROR && !w->has_told) {
		say("%s", why->text);
		w->has_told = true;
	}
	atomic_fetch_add(&w->totals->settled[settled], 1);
	/* Each further worker would first have to find out that the usual server is down. */
	bool is_usual = facts && facts->is_ready && !facts->is_spare;
	if (is_usual && !atomic_exchange(&w->shared->is_ready, true)) {
		ssize_t ignored = write(w->wake, "", 1);
		(void)ignored;
	}
}

/*
 * One failed connection settles the account for this run.  But while another worker's
 * session is up, this one was only one too many: some servers take fewer sessions at
 * once.
 */
static void give_up(struct flush_worker *w, struct drain *d, const struct err *why)
{
	atomic_store(&w->shared->is_closed, true);
	if (atomic_fetch_sub(&w->shared->working, 1) > 1) {
		return;
	}
	w->shared->why = *why;
	atomic_store(&w->shared->is_down, true);
	drain_suspend(d, why);
}

/* One turn with a slot.  False: there is nothing more to do for this worker. */
static bool turn(struct flush_worker *w, struct drain *d)
{
	unsigned max = (unsigned)conf_number(d->account, KEY_MAX_CONNECTIONS);
	struct session_facts facts = { 0 };
	int slot = -1;
	struct err e;

	if (!slot_take(d->queue, d->group, max, &slot)) {
		atomic_store(&w->shared->is_closed, true);
		atomic_store(&w->shared->is_busy, true);
		return false;
	}
	bool ok = drain_run(d, &facts, &e);
	slot_release(&slot);
	if (!ok) {
		give_up(w, d, &e);
		return false;
	}
	/* Who came meanwhile, and found no slot, relies on this look. */
	return drain_has_waiting(d);
}

int flush_worker_run(struct flush_worker *w)
{
	struct flush_group *g = w->group;
	const struct account *fallback = &w->work->list->fallback.accounts[0];
	struct drain d = {
		.conf = g->conf,
		.account = g->account ? g->account : fallback,
		.id = w->work->id,
		.group = g->name,
		.verbose = w->work->verbose,
		.pick = pick,
		.is_wanted = is_wanted,
		.report = report,
		.context = w,
		.is_discreet = ownership_counts(w->work->id),
	};
	struct err e;

	/* Its own: descriptors shared with other workers share their position. */
	if (!queue_open(queue_path(g->queue), false, &d.queue, &e)) {
		return say_error(&e);
	}
	const struct account *logs = w->work->list->log;
	d.log = maillog_open(g->account || !logs ? d.account : logs, d.id);
	if (d.queue && !g->account) {
		give_up(w, &d, g->why);
	} else if (d.queue) {
		while (turn(w, &d)) {
		}
	}
	drain_clear(&d);
	queue_close(d.queue);
	maillog_close(d.log);
	return EX_OK;
}
