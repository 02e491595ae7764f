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

/*
 * Where mail may have been left that nobody else looks for: an account that has had no free
 * session, or one of whose sessions was used here (queue/slot.h).
 */
struct drain_look {
	const struct account *account;	/* NULL: the one of the entry's first recipient that waits */
	char *group;
	struct queue_entry entry;
	struct drain_look *later;
};

static struct drain_look *add_look(struct drain *d)
{
	struct drain_look *l = mem_alloc(1, sizeof(*l));

	queue_entry_init(&l->entry);
	l->later = d->looks;
	d->looks = l;
	return l;
}

void drain_look_later(struct drain *d, const struct account *a, const char *group)
{
	const struct drain_look *known = d->looks;

	while (known && (!known->group || strcmp(known->group, group) != 0)) {
		known = known->later;
	}
	if (!known) {
		struct drain_look *l = add_look(d);
		l->account = a;
		l->group = mem_str(group);
	}
}

/* Not before the session is over: it may be with that account, as a fallback. */
void drain_serve_later(struct drain *d, struct drain_item *item)
{
	struct drain_look *l = add_look(d);

	l->entry = item->entry;
	queue_entry_init(&item->entry);
}

static struct drain_look *pop_look(struct drain *d)
{
	struct drain_look *l = d->looks;

	d->looks = l ? l->later : NULL;
	return l;
}

static void free_look(struct drain_look *l)
{
	queue_entry_clear(&l->entry);
	free(l->group);
	free(l);
}

void drain_drop_looks(struct drain *d)
{
	while (d->looks) {
		free_look(pop_look(d));
	}
}

/* False: the account is gone. */
static bool find_account(struct drain *d, struct drain_look *l)
{
	unsigned via = queue_entry_via(&l->entry);
	struct buf group BUF_AUTO;
	struct err ignored;

	buf_init(&group, QUEUE_GROUP_MAX);
	if (l->account) {
		return true;
	}
	l->account = settings_of_via(d->conf, &l->entry, via, d->id, &ignored);
	if (!l->account || !queue_entry_group(&l->entry, via, &group)) {
		return false;
	}
	l->group = mem_str(group.data);
	return true;
}

static void turn_gave_back(void *context, const struct account *a, const char *group)
{
	const struct turn *t = context;

	drain_look_later(t->drain, a, group);
}

static bool take_slot(const struct drain *d, const struct account *a, const char *group, int *slot)
{
	return slot_take(d->queue, group, (unsigned)conf_number(a, KEY_MAX_CONNECTIONS), slot);
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
	const struct deliver_source source = { t, turn_next, turn_over, drain_sees_off,
					       turn_gave_back };
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
		drain_look_later(d, a, group.data);
		leave(t);
	} else {
		options.account = a;
		options.group = group.data;
		if (deliver_run(&options, &source, &facts, &e)) {
			drain_look_later(d, a, group.data);
		} else {
			suspend(t, &e);
		}
		slot_release(&slot);
	}
}

/* What an inner drain is to look for. */
static void take_looks(struct drain *d, struct drain *inner)
{
	struct drain_look *l;

	while ((l = pop_look(inner))) {
		l->later = d->looks;
		d->looks = l;
	}
}

/* Whoever had its sessions has perhaps looked for the last time before we let go (slot.h). */
static void serve(struct drain *d, const struct drain_look *l)
{
	struct drain own = { .queue = d->queue, .conf = d->conf, .account = l->account,
			     .id = d->id, .log = d->log, .group = l->group,
			     .verbose = d->verbose, .is_inner = true };
	struct session_facts facts;
	bool some_wait = drain_has_waiting(&own);
	struct err e;
	int slot = -1;

	while (some_wait && take_slot(d, l->account, l->group, &slot)) {
		some_wait = drain_run(&own, &facts, &e);
		slot_release(&slot);
		some_wait = some_wait && drain_has_waiting(&own);
	}
	take_looks(d, &own);
	drain_clear(&own);
}

bool drain_has_others(const struct drain *d)
{
	return d->others || d->looks;
}

void drain_others(struct drain *d)
{
	struct drain_look *l;

	while (d->others) {
		char *name MEM_AUTO = mem_str(account_of(d->others));
		struct turn t = { d, take_others(d, name) };
		/* The first of them says how to get its account; it may go with its turn. */
		deliver_turn(&t, &t.items->entry, t.items->delivery.via);
	}
	while (!d->is_inner && (l = pop_look(d))) {
		if (find_account(d, l)) {
			serve(d, l);
		}
		free_look(l);
	}
}
