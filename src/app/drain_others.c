/* SPDX-License-Identifier: ISC */
/*
 * drain_others: messages that were claimed for one account, and that other accounts have to
 * send to some of their recipients: those accounts, one after another, each once for all.
 */
#include "app/drain_state.h"
#include "app/settings.h"
#include "base/mem.h"
#include "queue/slot.h"

#include <stdlib.h>

/* Messages that have something for one account. */
struct turn {
	struct drain *drain;
	struct drain_item *items;
};

static const char *account_of(const struct drain_item *item)
{
	return queue_via_account(&item->entry, item->rest[item->rest_count - 1]);
}

/* Takes those whose next account has this name out of d->others. */
static struct drain_item *take_others(struct drain *d, const char *name)
{
	struct drain_item *taken = NULL, **end = &taken, **from = &d->others;

	while (*from) {
		struct drain_item *item = *from;
		if (strcmp(account_of(item), name) != 0) {
			from = &item->later;
			continue;
		}
		*from = item->later;
		d->other_count--;
		unsigned via = item->rest[--item->rest_count];
		delivery_clear(&item->delivery);
		delivery_init(&item->delivery, &item->entry, via, &item->message);
		item->later = NULL;
		*end = item;
		end = &item->later;
	}
	return taken;
}

static struct delivery *turn_next(void *context)
{
	struct turn *t = context;
	struct drain_item *item = t->items;

	if (item) {
		t->items = item->later;
	}
	return item ? &item->delivery : NULL;
}

static void turn_over(void *context, struct delivery *delivery, const struct session_facts *facts,
		      const struct err *why)
{
	struct turn *t = context;

	drain_take_turn(t->drain, drain_item_of(delivery), facts, why);
}

/* An account to be tried for once more, when all messages are out of our hands. */
struct drain_busy {
	const struct account *account;	/* NULL: the one of the entry's first recipient that waits */
	char *group;
	struct queue_entry entry;
	struct drain_busy *later;
};

static struct drain_busy *add_busy(struct drain *d)
{
	struct drain_busy *b = mem_alloc(1, sizeof(*b));

	queue_entry_init(&b->entry);
	b->later = d->busy;
	d->busy = b;
	return b;
}

static void note_busy(struct drain *d, const struct account *a, const char *group)
{
	struct drain_busy *b = add_busy(d);

	b->account = a;
	b->group = mem_str(group);
}

/* Not before the session is over: it may be with that account, as a fallback. */
void drain_serve_later(struct drain *d, struct drain_item *item)
{
	struct drain_busy *b = add_busy(d);

	b->entry = item->entry;
	queue_entry_init(&item->entry);
}

/* False: the account is gone. */
static bool find_account(struct drain *d, struct drain_busy *b)
{
	unsigned via = queue_entry_via(&b->entry);
	struct buf group BUF_AUTO;
	struct err ignored;

	buf_init(&group, QUEUE_GROUP_MAX);
	if (b->account) {
		return true;
	}
	b->account = settings_of_via(d->conf, &b->entry, via, d->id, &ignored);
	if (!b->account || !queue_entry_group(&b->entry, via, &group)) {
		return false;
	}
	b->group = mem_str(group.data);
	return true;
}

static bool take_slot(const struct drain *d, const struct account *a, const char *group, int *slot)
{
	unsigned max = (unsigned)conf_number(a, KEY_MAX_CONNECTIONS);
	struct err ignored;

	/* Without lock files: rather one session too many. */
	return !slot_take(d->queue, group, max, slot, &ignored) || *slot >= 0;
}

/* What nobody has taken from t->items. */
static void suspend(struct turn *t, const struct err *why)
{
	struct delivery *left;

	while ((left = turn_next(t))) {
		drain_take_turn(t->drain, drain_item_of(left), NULL, why);
	}
}

static void leave(struct turn *t)
{
	struct delivery *left;

	while ((left = turn_next(t))) {
		drain_leave_turn(t->drain, drain_item_of(left));
	}
}

static void deliver_turn(struct turn *t, const struct queue_entry *v, unsigned via)
{
	struct drain *d = t->drain;
	struct buf group BUF_AUTO;
	struct session_facts facts;
	struct deliver_options options = { .conf = d->conf, .queue = d->queue, .id = d->id,
					   .verbose = d->verbose };
	const struct deliver_source source = { t, turn_next, turn_over, drain_sees_off };
	struct err e;
	int slot = -1;

	buf_init(&group, QUEUE_GROUP_MAX);
	const struct account *a = settings_of_via(d->conf, v, via, d->id, &e);
	if (a && !queue_entry_group(v, via, &group)) {
		err_set(&e, CAUSE_DATA, "the settings of the message are too long");
		a = NULL;
	}
	if (!a) {
		suspend(t, &e);
	} else if (!take_slot(d, a, group.data, &slot)) {
		note_busy(d, a, group.data);
		leave(t);
	} else {
		options.account = a;
		options.group = group.data;
		if (!deliver_run(&options, &source, &facts, &e)) {
			suspend(t, &e);
		}
		slot_release(&slot);
	}
}

/* Sessions in a row that have served each other. */
enum { DEPTH_MAX = 4 };

/* Whoever had its sessions has perhaps looked for the last time before we let go (slot.h). */
static void serve(const struct drain *d, const struct drain_busy *b)
{
	struct drain own = { .queue = d->queue, .conf = d->conf, .account = b->account,
			     .id = d->id, .log = d->log, .group = b->group,
			     .verbose = d->verbose, .depth = d->depth + 1 };
	struct session_facts facts;
	bool some_wait = own.depth < DEPTH_MAX;
	struct err e;
	int slot = -1;

	while (some_wait && take_slot(d, b->account, b->group, &slot)) {
		some_wait = drain_run(&own, &facts, &e);
		slot_release(&slot);
		some_wait = some_wait && drain_has_waiting(&own);
	}
	drain_clear(&own);
}

void drain_others(struct drain *d)
{
	struct drain_busy *b;

	while (d->others) {
		char *name MEM_AUTO = mem_str(account_of(d->others));
		struct turn t = { d, take_others(d, name) };
		/* The first of them says how to get its account; it may go with its turn. */
		deliver_turn(&t, &t.items->entry, t.items->delivery.via);
	}
	while ((b = d->busy)) {
		d->busy = b->later;
		if (find_account(d, b)) {
			serve(d, b);
		}
		queue_entry_clear(&b->entry);
		free(b->group);
		free(b);
	}
}
