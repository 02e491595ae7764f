/* SPDX-License-Identifier: ISC */
/*
 * drain: see drain.h.
 *
 * A file in incoming/ of another group must never be locked, not even for a moment: who
 * drains that group would take it for busy and leave it behind.  So files there are looked
 * at without a lock first.
 */
#include "app/drain_state.h"
#include "app/bounce.h"
#include "app/maillog.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"

static void free_item(struct drain_item *item)
{
	delivery_clear(&item->delivery);
	message_clear(&item->message);
	queue_file_close(&item->file);
	queue_entry_clear(&item->entry);
	free(item->rest);
	free(item);
}

void drain_clear(struct drain *d)
{
	queue_names_clear(&d->seen);
	queue_names_clear(&d->stuck);
	drain_drop_looks(d);
}

/* -- looking --------------------------------------------------------------------------- */

static bool has_name(const struct queue_names *names, const char *id)
{
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->at[i].id, id) == 0) {
			return true;
		}
	}
	return false;
}

static bool is_of_group(const struct drain *d, const struct queue_entry *v)
{
	struct buf group BUF_AUTO;

	buf_init(&group, QUEUE_GROUP_MAX);
	return queue_entry_group(v, queue_entry_via(v), &group) &&
	       strcmp(group.data, d->group) == 0;
}

/* Complete, of this group, and due: without a lock. */
static bool is_ours(struct drain *d, const char *id)
{
	struct queue_entry v;
	struct err e;

	if (has_name(&d->stuck, id)) {
		return false;
	}
	bool ours = queue_peek(d->queue, QUEUE_INCOMING, id, &v, &e) == QUEUE_CLAIMED;
	if (ours) {
		const struct queue_times times = settings_times(d->account, v.sender);
		ours = is_of_group(d, &v) && queue_is_due(&v, &times, clock_now());
	}
	queue_entry_clear(&v);
	return ours;
}

/* The next name of the last look into incoming/, or of a new one when that is used up. */
static bool next_name(struct drain *d, bool *has_looked, char id[QUEUE_ID_MAX])
{
	struct err e;

	if (d->seen_at == d->seen.count) {
		if (*has_looked) {
			return false;
		}
		*has_looked = true;
		queue_names_clear(&d->seen);
		d->seen_at = 0;
		if (!queue_list(d->queue, QUEUE_INCOMING, &d->seen, &e) || d->seen.count == 0) {
			return false;
		}
	}
	memcpy(id, d->seen.at[d->seen_at++].id, QUEUE_ID_MAX);
	return true;
}

static bool next_id(struct drain *d, bool *has_looked, enum queue_place *place, bool *is_picked,
		    char id[QUEUE_ID_MAX])
{
	*is_picked = d->pick && d->pick(d->context, place, id);
	if (*is_picked) {
		return true;
	}
	*place = QUEUE_INCOMING;
	while (next_name(d, has_looked, id)) {
		if (is_ours(d, id)) {
			return true;
		}
	}
	return false;
}

/* -- claiming and settling ------------------------------------------------------------- */

static void report(const struct drain *d, const struct drain_item *item, enum settled settled,
		   const struct session_facts *facts, const struct err *why)
{
	if (d->report && (item->is_picked || !d->is_discreet)) {
		d->report(d->context, settled, facts, settled == SETTLED_ERROR ? why : NULL);
	}
}

static void end_item(struct drain *d, struct drain_item *item, const struct session_facts *facts)
{
	struct err e;
	enum settled settled = settle_end(&item->settle, &item->entry, &item->message, &e);

	if (settled == SETTLED_ERROR) {
		queue_names_add(&d->stuck, item->entry.id);
	}
	report(d, item, settled, facts, &e);
	d->active--;
	free_item(item);
}

static void end_turn(struct drain *d, struct drain_item *item, const struct session_facts *facts)
{
	if (item->rest_count == 0) {
		end_item(d, item, facts);
		return;
	}
	settle_save(&item->settle, &item->entry);
	item->later = d->others;
	d->others = item;
	d->other_count++;
}

void drain_take_turn(struct drain *d, struct drain_item *item, const struct session_facts *facts,
		     const struct err *why)
{
	settle_take(&item->settle, &item->delivery, facts, why);
	end_turn(d, item, facts);
}

void drain_leave_turn(struct drain *d, struct drain_item *item)
{
	end_turn(d, item, NULL);
}

/* The vias of recipients that wait, but for the first one's, each once. */
static void find_rest(struct drain_item *item)
{
	const struct queue_entry *v = &item->entry;
	bool *seen MEM_AUTO = mem_alloc(v->via_count + 1, sizeof(*seen));

	item->rest = mem_alloc(v->via_count, sizeof(*item->rest));
	seen[item->delivery.via] = true;
	for (size_t i = 0; i < v->rcpt_count && v->via_count > 0; i++) {
		unsigned via = v->rcpts[i].via;
		if (v->rcpts[i].status == QUEUE_WAITING && !seen[via]) {
			seen[via] = true;
			item->rest[item->rest_count++] = via;
		}
	}
}

static void prepare(struct drain *d, struct drain_item *item)
{
	message_from_queue(&item->message, &item->file, &item->entry);
	delivery_init(&item->delivery, &item->entry, queue_entry_via(&item->entry),
		      &item->message);
	find_rest(item);
	item->settle = (struct settle){
		.queue = d->queue,
		.file = &item->file,
		.account = d->account,
		.id = d->id,
		.log = d->log,
		.must_keep = true,
	};
}

/* A claimed item, or NULL: somebody else has it, or it is no message any more. */
static struct drain_item *claim(struct drain *d, enum queue_place place, const char *id,
				bool is_picked)
{
	struct drain_item *item = mem_alloc(1, sizeof(*item));
	struct err e;

	item->is_picked = is_picked;
	queue_file_init(&item->file);
	message_init(&item->message);
	enum queue_claim result = queue_claim(d->queue, place, id, &item->file, &item->entry, &e);
	if (result == QUEUE_CLAIMED) {
		prepare(d, item);
		d->active++;
		if (item->entry.is_state_lost) {
			maillog_note(d->log, id, "%s; recipients that have the message may get "
				     "it again", e.text);
		}
		return item;
	}
	if (result == QUEUE_SET_ASIDE) {
		maillog_note(d->log, id, "damaged, set aside in %s/corrupt: %s", queue_path(d->queue),
			     e.text);
	} else if (result == QUEUE_ERROR) {
		maillog_note(d->log, id, "%s", e.text);
		report(d, item, SETTLED_ERROR, NULL, &e);
		queue_names_add(&d->stuck, id);
	}
	free_item(item);
	return NULL;
}

/* Claimed, but not for us. */
static void leave(struct drain *d, struct drain_item *item)
{
	d->active--;
	free_item(item);
}

bool drain_has_waiting(struct drain *d)
{
	struct queue_names now = { 0 };
	struct err e;
	bool found = false;

	if (queue_list(d->queue, QUEUE_INCOMING, &now, &e)) {
		for (size_t i = 0; i < now.count && !found; i++) {
			struct drain_item *item = is_ours(d, now.at[i].id)
							  ? claim(d, QUEUE_INCOMING, now.at[i].id, false)
							  : NULL;
			found = item != NULL;
			if (item) {
				leave(d, item);
			}
		}
	}
	queue_names_clear(&now);
	return found;
}

/*
 * Of several recipients some may get the message and others not; and a confirmation that is
 * asked for keeps the message until it can be made.  When that cannot be written down (a full
 * disk), every run would send it again to those who have it: then it is not sent.
 */
static bool can_write_down(struct drain *d, struct drain_item *item)
{
	const struct queue_entry *v = &item->entry;
	size_t count = queue_entry_waiting(v);
	bool may_stay = count > 1 || (count == 1 &&
				      bounce_is_wanted(v, &v->rcpts[item->delivery.index[0]],
						       DSN_RELAYED));
	struct err e;

	if (!may_stay || queue_save(d->queue, &item->entry, false, &e)) {
		return true;
	}
	maillog_note(d->log, item->entry.id, "not tried: %s", e.text);
	queue_names_add(&d->stuck, item->entry.id);
	report(d, item, SETTLED_ERROR, NULL, &e);
	return false;
}

/*
 * Since it was looked at, another process may have had it, and may have left it for another
 * account.  Our lock may then have hidden it from those who have that one's sessions.
 */
static bool is_still_ours(struct drain *d, struct drain_item *item, bool is_picked)
{
	if (!is_of_group(d, &item->entry)) {
		if (item->file.place == QUEUE_INCOMING) {
			drain_serve_later(d, item);
		}
		return false;
	}
	return !is_picked || !d->is_wanted || d->is_wanted(d->context, &item->entry);
}

static struct drain_item *next_item(struct drain *d)
{
	bool has_looked = false, is_picked;
	enum queue_place place;
	char id[QUEUE_ID_MAX];

	while (next_id(d, &has_looked, &place, &is_picked, id)) {
		struct drain_item *item = claim(d, place, id, is_picked);
		if (item && (!is_still_ours(d, item, is_picked) || !can_write_down(d, item))) {
			leave(d, item);
		} else if (item) {
			return item;
		}
	}
	return NULL;
}

struct delivery *drain_next(struct drain *d)
{
	struct drain_item *item;

	while (d->other_count < DRAIN_OTHERS_MAX && (item = next_item(d))) {
		if (item->delivery.job.txn.rcpt_count > 0) {
			return &item->delivery;
		}
		end_item(d, item, NULL);	/* a report is owed */
	}
	return NULL;
}

void drain_over(struct drain *d, struct delivery *delivery, const struct session_facts *facts,
		const struct err *why)
{
	drain_take_turn(d, drain_item_of(delivery), facts, why);
}

static void suspend_item(struct drain *d, struct drain_item *item, const struct err *why)
{
	if (!is_still_ours(d, item, true)) {
		leave(d, item);
	} else if (item->delivery.job.txn.rcpt_count == 0) {
		end_item(d, item, NULL);	/* a report is owed */
	} else if (item->rest_count > 0 && !can_write_down(d, item)) {
		leave(d, item);
	} else {
		drain_take_turn(d, item, NULL, why);
	}
}

void drain_suspend(struct drain *d, const struct err *why)
{
	enum queue_place place;
	char id[QUEUE_ID_MAX];

	while (d->pick && d->pick(d->context, &place, id)) {
		struct drain_item *item = claim(d, place, id, true);
		if (item) {
			suspend_item(d, item, why);
		}
		if (d->other_count >= DRAIN_OTHERS_MAX) {
			drain_others(d);
		}
	}
	drain_others(d);
}

static struct delivery *run_next(void *context)
{
	return drain_next(context);
}

static void run_over(void *context, struct delivery *delivery, const struct session_facts *facts,
		     const struct err *why)
{
	drain_over(context, delivery, facts, why);
}

static void run_gave_back(void *context, const struct account *a, const char *group)
{
	drain_look_later(context, a, group);
}

/* Others wait for the slot: always. */
bool drain_sees_off(void *context)
{
	(void)context;
	return true;
}

bool drain_run(struct drain *d, struct session_facts *facts, struct err *e)
{
	const struct deliver_options options = {
		.conf = d->conf,
		.account = d->account,
		.queue = d->queue,
		.group = d->group,
		.id = d->id,
		.verbose = d->verbose,
	};
	const struct deliver_source source = { d, run_next, run_over, drain_sees_off,
					       run_gave_back };
	bool ok = true, is_full = true;

	while (ok && is_full) {
		ok = deliver_run(&options, &source, facts, e);
		is_full = d->other_count >= DRAIN_OTHERS_MAX;
		drain_others(d);
	}
	return ok;
}
