/* SPDX-License-Identifier: ISC */
/* flush_scan: see flush_scan.h. */
#include "app/flush_scan.h"
#include "app/maillog.h"
#include "app/say.h"
#include "base/clock.h"
#include "base/mem.h"

#include <sysexits.h>

struct scan {
	struct flush_list *list;
	const struct flush_choice *choice;
	struct call *call;
	struct queue *queue;
	int64_t now;
	uint32_t chance;
};

static const struct account *account_of(const struct flush_list *l, uint32_t group)
{
	const struct account *a = l->groups[group].account;

	return a ? a : &l->fallback.accounts[0];
}

/* ---- one message ---- */

/* Does a recipient wait for this account; or the end of a message that is its? */
static bool has_account(const struct queue_entry *v, const char *name)
{
	if (queue_entry_waiting(v) == 0) {
		return v->account && strcmp(v->account, name) == 0;
	}
	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct queue_rcpt *r = &v->rcpts[i];
		const char *account = queue_via_account(v, r->via);
		if (r->status == QUEUE_WAITING && account && strcmp(account, name) == 0) {
			return true;
		}
	}
	return false;
}

bool flush_chooses(const struct flush_choice *choice, const struct queue_entry *v)
{
	bool has_recipient = !choice->recipient;

	for (size_t i = 0; !has_recipient && i < v->rcpt_count; i++) {
		has_recipient = v->rcpts[i].status == QUEUE_WAITING &&
				strcasestr(v->rcpts[i].addr, choice->recipient);
	}
	return has_recipient && (!choice->queues || queues_sees(choice->queues, v)) &&
	       (!choice->sender || strcasestr(v->sender, choice->sender)) &&
	       (!choice->account || has_account(v, choice->account));
}

static bool is_due(const struct scan *s, const struct queue_entry *v, uint32_t group)
{
	const struct flush_choice *c = s->choice;
	struct queue_times times = settings_times(account_of(s->list, group), v->sender);

	/* Without a recipient that waits, only its end was not written down: a crash. */
	return c->now || c->recipient || c->sender || queue_entry_waiting(v) == 0 ||
	       queue_is_due(v, &times, s->now);
}

/* 1 to 255, another one in each run. */
static uint8_t next_turn(struct scan *s)
{
	s->chance = s->chance * 1664525u + 1013904223u;
	return (uint8_t)(1 + (s->chance >> 24) % 255);
}

/* must: whatever the choice is. */
static void consider(struct scan *s, const struct queue_entry *v, enum queue_place place,
		     bool must)
{
	struct flush_list *l = s->list;
	uint32_t group;

	if (!must && !flush_chooses(s->choice, v)) {
		return;
	}
	if (!flush_list_group(s->list, s->queue, v, &s->call->id, &group)) {
		say("%s: its settings are too long", v->id);
		l->is_troubled = true;
		return;
	}
	if (!must && !is_due(s, v, group)) {
		l->early++;
		return;
	}
	if (l->count == l->room) {
		l->room = l->room > 0 ? l->room + l->room / 2 : 64;
		l->items = mem_resize(l->items, l->room, sizeof(*l->items));
	}
	struct flush_item *item = &l->items[l->count++];
	*item = (struct flush_item){
		.group = group,
		.attempts = (uint16_t)(v->attempts & UINT16_MAX),
		.place = (uint8_t)place,
		.turn = v->attempts > 0 ? next_turn(s) : 0,
	};
	memcpy(item->id, v->id, sizeof(item->id));
	l->groups[group].count++;
}

/* The log is the one of the account that is used when nothing says which. */
static void tell_set_aside(struct scan *s, const char *id, const struct err *why)
{
	say("%s: damaged (%s): set aside in %s/%s", id, why->text, queue_path(s->queue),
	    queue_place_name(QUEUE_CORRUPT));
	if (s->list->log) {
		struct maillog *log = maillog_open(s->list->log, &s->call->id);
		maillog_note(log, id, "damaged (%s): set aside", why->text);
		maillog_close(log);
	}
}

static void tell_trouble(struct scan *s, const char *id, const struct err *why)
{
	say("%s: %s", id, why->text);
	s->list->is_troubled = true;
}

/* Of a message that was named: why it is not sent. */
static void tell_named(struct scan *s, const char *id, int status, const char *why)
{
	say("%s: %s", id, why);
	s->list->named = s->list->named != EX_OK ? s->list->named : status;
}

/*
 * With a lock: it tells what is still being written from what was left behind, and the
 * queue does with the latter what is right.  Who drains incoming/ may have passed over
 * the message because of our lock, so it is ours to deliver then.
 */
static void look_closer(struct scan *s, enum queue_place place, const char *id)
{
	bool is_named = s->choice->id_count > 0;
	struct queue_file file;
	struct queue_entry v;
	struct err why;

	switch (queue_claim(s->queue, place, id, &file, &v, &why)) {
	case QUEUE_CLAIMED:
		queue_file_close(&file);
		if (is_named && !flush_chooses(s->choice, &v)) {
			tell_named(s, id, EX_USAGE,
				   "not sent: what else was asked for, by -a, -qR or -qS, does "
				   "not fit it");
		} else {
			consider(s, &v, place, true);
		}
		break;
	case QUEUE_SET_ASIDE:
		tell_set_aside(s, id, &why);
		s->list->named = is_named ? EX_DATAERR : s->list->named;
		break;
	case QUEUE_ERROR:
		tell_trouble(s, id, &why);
		break;
	case QUEUE_BUSY:
		if (is_named) {
			say("%s: another process works with it now", id);
			s->list->is_troubled = true;
		}
		break;
	case QUEUE_GONE:
	case QUEUE_UNFINISHED:
		if (is_named) {
			tell_named(s, id, EX_NOINPUT, "it is not in the queue any more");
		}
		break;
	}
	queue_entry_clear(&v);
}

static void look(struct scan *s, enum queue_place place, const char *id)
{
	bool is_limited = s->choice->queues && s->choice->queues->is_limited;
	struct queue_entry v;
	struct err why;

	switch (queue_peek(s->queue, place, id, &v, &why)) {
	case QUEUE_CLAIMED:
		consider(s, &v, place, false);
		break;
	case QUEUE_UNFINISHED:
	case QUEUE_SET_ASIDE:
		if (!is_limited) {
			look_closer(s, place, id);
		}
		break;
	case QUEUE_ERROR:
		if (!is_limited) {
			tell_trouble(s, id, &why);
		}
		break;
	case QUEUE_BUSY:
	case QUEUE_GONE:
		break;
	}
	queue_entry_clear(&v);
}

/* ---- all of them ---- */

static bool look_through(struct scan *s, enum queue_place place, struct err *e)
{
	struct queue_names names = { 0 };
	bool ok = queue_list(s->queue, place, &names, e);

	for (size_t i = 0; ok && i < names.count; i++) {
		look(s, place, names.at[i].id);
	}
	queue_names_clear(&names);
	return ok;
}

/*
 * The oldest first, but what was tried before in an order that changes: two messages that
 * break each session (a server's filter, a path that loses large packets) end the run for
 * all behind them, and must not always be the first.
 */
static int by_group(const void *a, const void *b)
{
	const struct flush_item *x = a, *y = b;

	return x->group != y->group ? (x->group < y->group ? -1 : 1)
	       : x->turn != y->turn ? (x->turn < y->turn ? -1 : 1)
				    : strcmp(x->id, y->id);
}

static void sort(struct flush_list *l)
{
	size_t first = 0;

	if (l->count > 0) {
		qsort(l->items, l->count, sizeof(*l->items), by_group);
	}
	for (size_t i = 0; i < l->group_count; i++) {
		l->groups[i].first = first;
		first += l->groups[i].count;
	}
}

bool flush_scan(struct flush_list *l, const struct queues *qs,
		const struct flush_choice *choice, struct call *c, struct err *e)
{
	struct scan s = { .list = l, .choice = choice, .call = c, .now = clock_now() };
	struct err ignored;
	bool ok = true;

	l->log = conf_choose(&c->conf, NULL, NULL, &ignored);
	clock_random(&s.chance, sizeof(s.chance));
	for (size_t i = 0; i < choice->id_count; i++) {
		s.queue = choice->ids[i].queue;
		look_closer(&s, choice->ids[i].place, choice->ids[i].id);
	}
	for (size_t i = 0; choice->id_count == 0 && i < qs->count; i++) {
		s.queue = qs->at[i];
		ok = look_through(&s, QUEUE_INCOMING, e) && ok;
		ok = look_through(&s, QUEUE_DEFERRED, e) && ok;
	}
	sort(l);
	return ok;
}

/* ---- failed/ ---- */

static bool is_all_told(const struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		const struct queue_rcpt *r = &v->rcpts[i];
		if (r->status == QUEUE_WAITING ||
		    (r->status == QUEUE_REFUSED && !r->is_told)) {
			return false;
		}
	}
	return true;
}

/* A report that is here itself has told nobody. */
static bool has_report(struct queue *q, const struct queue_entry *v)
{
	for (size_t i = 0; i < v->report_count; i++) {
		if (queue_has(q, v->reports[i])) {
			return true;
		}
	}
	return false;
}

/* The report must have had the time to arrive, and a person to read it. */
enum { KEPT_MIN_SECONDS = 5 * 24 * 3600 };

/* A clock that went back makes nothing old. */
static bool is_done_with(struct scan *s, const struct queue_entry *v)
{
	uint32_t group;

	if (!is_all_told(v) || !flush_list_group(s->list, s->queue, v, &s->call->id, &group)) {
		return false;
	}
	int64_t keep = conf_number(account_of(s->list, group), KEY_BOUNCE_QUEUE_LIFETIME);
	keep = keep > KEPT_MIN_SECONDS ? keep : KEPT_MIN_SECONDS;
	int64_t since = v->last > v->arrival ? v->last : v->arrival;
	return s->now >= since && s->now - since >= keep && !has_report(s->queue, v);
}

static void remove_failed(struct scan *s, struct queue_file *file,
			  const struct queue_entry *v)
{
	struct err why;
	uint32_t group;

	if (!queue_remove(s->queue, file, &why)) {
		tell_trouble(s, v->id, &why);
	} else if (flush_list_group(s->list, s->queue, v, &s->call->id, &group)) {
		struct maillog *log =
			maillog_open(account_of(s->list, group), &s->call->id);
		maillog_note(log, v->id, "removed");
		maillog_close(log);
	}
}

static void clean(struct scan *s, const char *id)
{
	struct queue_file file;
	struct queue_entry v;
	struct err why;
	bool is_old = queue_peek(s->queue, QUEUE_FAILED, id, &v, &why) == QUEUE_CLAIMED &&
		      is_done_with(s, &v);

	queue_entry_clear(&v);
	if (!is_old) {
		return;
	}
	enum queue_claim claim = queue_claim(s->queue, QUEUE_FAILED, id, &file, &v, &why);
	if (claim == QUEUE_CLAIMED && is_done_with(s, &v)) {
		remove_failed(s, &file, &v);
	}
	queue_file_close(&file);
	queue_entry_clear(&v);
}

bool flush_clean(struct flush_list *l, struct queue *q, struct call *c, struct err *e)
{
	struct scan s = { .list = l, .call = c, .queue = q, .now = clock_now() };
	struct queue_names names = { 0 };
	bool ok = queue_list(q, QUEUE_FAILED, &names, e);

	for (size_t i = 0; ok && i < names.count; i++) {
		clean(&s, names.at[i].id);
	}
	queue_names_clear(&names);
	return ok;
}
