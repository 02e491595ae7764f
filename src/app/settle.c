/* SPDX-License-Identifier: ISC */
/*
 * settle: see settle.h.
 *
 * The order: a report is durable before the state says that it was made; final outcomes are
 * durable before the file moves; the file moves last.  A crash in between repeats a report
 * or an attempt, and loses neither.
 */
#include "app/settle.h"
#include "app/bounce.h"
#include "app/maillog.h"
#include "app/names.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>

enum policy settle_policy(enum verdict verdict, bool is_expired, bool is_queue_on)
{
	switch (verdict) {
	case VERDICT_ACCEPTED:
		return POLICY_DONE;
	case VERDICT_PERMANENT:
		return POLICY_FAIL;
	case VERDICT_UNTRIED:
	case VERDICT_TEMPORARY:
	case VERDICT_UNKNOWN:
		break;
	}
	return is_queue_on && !is_expired ? POLICY_KEEP : POLICY_FAIL;
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = value ? mem_str(value) : NULL;
}

/* facts: of the session in which it was said; NULL = it was not tried itself. */
static void take_outcome(struct settle *s, const struct delivery *d, size_t i,
			 const struct session_facts *facts)
{
	struct settle_change *change = &s->change;
	const struct outcome *o = &d->job.txn.rcpts[i].outcome;
	struct queue_rcpt *r = &d->entry->rcpts[d->index[i]];

	set_text(&r->text, o->text);
	text_sanitise(r->text, strlen(r->text));
	outcome_status(o, r->dsn);
	r->is_reply = o->code > 0;
	free(r->server);
	r->server = r->is_reply && facts && facts->host[0] ? names_dns(facts->host) : NULL;
	if (r->server) {
		text_sanitise(r->server, strlen(r->server));
	}
	r->maybe_sent = r->maybe_sent || o->verdict == VERDICT_UNKNOWN || d->perhaps[i];
	bool is_final = r->maybe_sent;
	switch (settle_policy(o->verdict, change->is_expired, s->queue != NULL)) {
	case POLICY_DONE:
		r->status = QUEUE_SENT;
		/* A server without DSN sends no confirmation: RFC 3461 §5.2.2 lets us say so. */
		r->is_told = (facts && facts->has_dsn) || !s->queue ||
			     !bounce_is_wanted(d->entry, r, DSN_RELAYED);
		is_final = true;
		break;
	case POLICY_FAIL:
		r->status = QUEUE_REFUSED;
		is_final = true;
		change->is_given_up = change->is_given_up || o->verdict != VERDICT_PERMANENT;
		break;
	case POLICY_KEEP:
		change->is_put_off = true;
		break;
	}
	change->is_final = change->is_final || is_final;
	change->is_unsaved = change->is_unsaved || is_final;
}

static bool has_refused(const struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		if (v->rcpts[i].status == QUEUE_REFUSED) {
			return true;
		}
	}
	return false;
}

void settle_take(struct settle *s, struct delivery *d, const struct session_facts *facts,
		 const struct err *why)
{
	struct queue_entry *v = d->entry;
	const struct queue_times times = settings_times(s->account, v->sender);
	int64_t now = clock_now();

	if (!facts && why) {
		delivery_suspend(d, why);
		maillog_suspended(s->log, d, why);
	} else if (facts) {
		maillog_attempt(s->log, d, facts);
	}
	if (!s->change.is_begun) {
		s->change.is_begun = true;
		s->change.was_tried = v->attempts > 0;
		v->last = now;
	}
	/* What was never tried is not given up because its account is down. */
	bool may_expire = facts || s->change.was_tried;
	s->change.is_expired = may_expire && queue_is_expired(v, &times, now);
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		take_outcome(s, d, i, delivery_facts(d, i, facts));
	}
}

void settle_save(struct settle *s, struct queue_entry *v)
{
	struct err e;

	if (!s->queue || !s->change.is_unsaved) {
		return;
	}
	s->change.is_unsaved = !queue_save(s->queue, v, true, &e);
	if (s->change.is_unsaved) {
		maillog_note(s->log, v->id, "%s", e.text);
	}
}

/*
 * The recipients that a report of this kind is owed about.  Nothing is owed about those
 * whose sender wants none; but a failure of mail without a sender a person has to see.
 */
static size_t find_owed(struct queue_entry *v, enum dsn_kind kind, size_t *rcpts,
			struct settle_change *change)
{
	static const enum queue_rcpt_status status[] = {
		[DSN_FAILED] = QUEUE_REFUSED,
		[DSN_DELAYED] = QUEUE_WAITING,
		[DSN_RELAYED] = QUEUE_SENT,
	};
	size_t count = 0;

	for (size_t i = 0; i < v->rcpt_count; i++) {
		struct queue_rcpt *r = &v->rcpts[i];
		if (r->status != status[kind] || r->is_told) {
			continue;
		}
		change->has_failed = change->has_failed || kind == DSN_FAILED;
		if (bounce_is_wanted(v, r, kind) ||
		    (kind == DSN_FAILED && v->sender[0] == '\0')) {
			rcpts[count++] = i;
		} else {
			r->is_told = kind != DSN_DELAYED;
		}
	}
	return count;
}

/* One report about all recipients with this status that were not told. */
static void report(struct settle *s, struct queue_entry *v, struct message *message,
		   enum dsn_kind kind)
{
	struct settle_change *change = &s->change;
	size_t *rcpts MEM_AUTO = mem_alloc(v->rcpt_count, sizeof(*rcpts));
	size_t count = find_owed(v, kind, rcpts, change);
	const struct queue_times times = settings_times(s->account, v->sender);
	char id[QUEUE_ID_MAX];
	bool is_told = false;
	struct err e;

	if (count == 0) {
		v->is_warned = v->is_warned || kind == DSN_DELAYED;
		return;
	}
	struct bounce b = {
		.queue = s->queue,
		.account = s->account,
		.id = s->id,
		.log = s->log,
		.kind = kind,
		.entry = v,
		.message = message,
		.rcpts = rcpts,
		.rcpt_count = count,
		.retry_until = v->since + times.lifetime,
	};
	if (!bounce_put(&b, &is_told, id, &e)) {
		maillog_note(s->log, v->id, "cannot make a delivery report: %s", e.text);
		change->is_report_owed = change->is_report_owed || kind != DSN_DELAYED;
		return;
	}
	if (kind == DSN_DELAYED) {
		v->is_warned = true;
		return;
	}
	/* A confirmation that nobody can get is not owed. */
	bool is_silent = kind == DSN_FAILED && !is_told;
	for (size_t i = 0; i < count; i++) {
		v->rcpts[rcpts[i]].is_told = !is_silent;
	}
	if (kind == DSN_FAILED && is_told) {
		queue_entry_add_report(v, id);
	}
	if (is_silent) {
		maillog_note(s->log, v->id, "nobody can be told of the failure: it stays in failed/");
	}
}

static void make_reports(struct settle *s, struct queue_entry *v, struct message *message)
{
	const struct queue_times times = settings_times(s->account, v->sender);

	report(s, v, message, DSN_FAILED);
	report(s, v, message, DSN_RELAYED);
	if (!v->is_warned && queue_is_warning_due(v, &times, clock_now())) {
		report(s, v, message, DSN_DELAYED);
	}
}

/* Saves the state, then moves the file. */
static bool keep(const struct settle *s, struct queue_entry *v, enum queue_place place,
		 bool must_last, struct err *e)
{
	if (!queue_save(s->queue, v, must_last, e)) {
		return false;
	}
	if (s->file->place == place) {
		return s->file->is_synced || queue_sync(s->queue, s->file, e);
	}
	return queue_move(s->queue, s->file, place, e);
}

static enum settled remove_file(const struct settle *s, struct queue_entry *v, struct err *e)
{
	if (queue_remove(s->queue, s->file, e)) {
		maillog_note(s->log, v->id, "removed");
		return SETTLED_DONE;
	}
	/* It stays, but nobody must get it twice. */
	struct err ignored;
	bool is_saved = queue_save(s->queue, v, true, &ignored);
	maillog_note(s->log, v->id, "%s%s", e->text, is_saved ? "" : "; it may be sent twice");
	queue_file_close(s->file);
	return SETTLED_ERROR;
}

/* Whoever waits has not been tried: in incoming/ the next one with a session takes it. */
static bool is_left(const struct settle *s, const struct queue_entry *v)
{
	return s->change.is_begun && !s->change.is_put_off && !s->change.is_report_owed &&
	       queue_entry_waiting(v) > 0;
}

static enum settled settle_file(const struct settle *s, struct queue_entry *v, struct err *e)
{
	const struct settle_change *change = &s->change;
	enum settled settled = SETTLED_DONE;
	enum queue_place place = QUEUE_DEFERRED;

	if (queue_entry_waiting(v) > 0 || change->is_report_owed) {
		settled = SETTLED_KEPT;
		place = is_left(s, v) ? s->file->place : place;
	} else if (change->has_failed) {
		settled = SETTLED_FAILED;
		place = QUEUE_FAILED;
	}
	if (settled == SETTLED_DONE) {
		return remove_file(s, v, e);
	}
	if (!keep(s, v, place, change->is_final || change->is_report_owed, e)) {
		settled = SETTLED_ERROR;
		maillog_note(s->log, v->id, "%s", e->text);
	}
	struct err ignored;
	if (settled != SETTLED_ERROR || s->must_keep ||
	    !queue_remove(s->queue, s->file, &ignored)) {
		queue_file_close(s->file);
	}
	return settled;
}

static void set_next_try(const struct settle *s, struct queue_entry *v)
{
	const struct queue_times times = settings_times(s->account, v->sender);
	uint32_t random;

	clock_random(&random, sizeof(random));
	v->next = v->last + queue_backoff(&times, v->attempts, random);
}

enum settled settle_end(struct settle *s, struct queue_entry *v, struct message *message,
			struct err *e)
{
	if (!s->change.is_begun) {
		/* An earlier run came to its end with it, but was killed before the file moved. */
		s->change.has_failed = has_refused(v);
	} else if (!is_left(s, v)) {
		v->attempts++;
		if (queue_entry_waiting(v) > 0) {
			set_next_try(s, v);
		}
	}
	for (size_t i = 0; s->is_told && i < v->rcpt_count; i++) {
		struct queue_rcpt *r = &v->rcpts[i];
		r->is_told = r->is_told || r->status == QUEUE_REFUSED;
	}
	if (!s->queue) {
		return SETTLED_DONE;
	}
	if (s->change.is_given_up && queue_entry_waiting(v) == 0 && !s->is_told) {
		maillog_note(s->log, v->id, "from=<%s>, status=expired, returned to sender",
			     v->sender);
	}
	make_reports(s, v, message);
	return settle_file(s, v, e);
}
