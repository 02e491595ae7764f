/* SPDX-License-Identifier: ISC */
/*
 * drain_others: messages that were claimed for one account, and that other accounts have to
 * send to some of their recipients: those accounts, one after another, each once for all.
 */
#include "app/drain_state.h"
#include "app/settings.h"
#include "base/mem.h"
#include "queue/slot.h"

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

static bool deliver_turn(struct turn *t, const struct queue_entry *v, unsigned via, struct err *e)
{
	const struct drain *d = t->drain;
	struct buf group BUF_AUTO;
	struct session_facts facts;
	struct deliver_options options = { .conf = d->conf, .queue = d->queue, .id = d->id,
					   .verbose = d->verbose };
	const struct deliver_source source = { t, turn_next, turn_over, drain_sees_off };
	struct err ignored;
	int slot = -1;

	buf_init(&group, QUEUE_GROUP_MAX);
	const struct account *a = settings_of_via(d->conf, v, via, d->id, e);
	if (!a || !queue_entry_group(v, via, &group)) {
		return false;
	}
	options.account = a;
	options.group = group.data;
	if (slot_take(d->queue, group.data, (unsigned)conf_number(a, KEY_MAX_CONNECTIONS), &slot,
		      &ignored) && slot < 0) {
		return err_set(e, CAUSE_TEMP, "account %s: all its sessions are in use", a->name);
	}
	bool ok = deliver_run(&options, &source, &facts, e);
	slot_release(&slot);
	return ok;
}

void drain_others(struct drain *d)
{
	while (d->others) {
		char *name MEM_AUTO = mem_str(account_of(d->others));
		struct turn t = { d, take_others(d, name) };
		struct queue_entry *v = &t.items->entry;
		struct delivery *left;
		struct err e;

		if (!deliver_turn(&t, v, t.items->delivery.via, &e)) {
			while ((left = turn_next(&t))) {
				drain_take_turn(d, drain_item_of(left), NULL, &e);
			}
		}
	}
}
