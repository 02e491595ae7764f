/* SPDX-License-Identifier: ISC */
/*
 * deliver_server: sessions with one server, one after another: what is tried again in another
 * one, and when the server is down.  Knows no other server.
 */
#include "app/deliver_state.h"
#include "base/mem.h"

#include <stddef.h>
#include <stdio.h>

/* First attempt, then one for each thing the server can turn out to dislike. */
enum { TRIES_MAX = 4 };
/* Of a message that a broken connection left untouched, with others accepted before. */
enum { LOST_TRIES_MAX = 10 };
/* Sessions in a row that broke within a message and brought none through. */
enum { BROKEN_MAX = 3 };

/* -- outcomes --------------------------------------------------------------------------- */

static bool any_is(const struct smtp_txn *txn, enum verdict verdict)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		if (txn->rcpts[i].outcome.verdict == verdict) {
			return true;
		}
	}
	return false;
}

/* Every recipient has an answer of the server that means what it says. */
static bool is_answered(const struct smtp_txn *txn)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		const struct outcome *o = &txn->rcpts[i].outcome;
		if (o->verdict == VERDICT_UNTRIED || o->verdict == VERDICT_UNKNOWN ||
		    (o->verdict == VERDICT_TEMPORARY &&
		     (o->code == 421 || o->cause != CAUSE_TEMP || !txn->was_begun))) {
			return false;
		}
	}
	return true;
}

/* It says something about the session, and nothing about the mail. */
static bool is_of_session(const struct outcome *o)
{
	return o->code == 421 || (o->cause != CAUSE_TEMP && o->cause != CAUSE_OS &&
				  o->cause != CAUSE_INPUT && o->cause != CAUSE_BUG);
}

/*
 * The server has not put off this message, nor may it have it: when the session failed,
 * another server can be asked.
 */
static bool is_untouched(const struct delivery *d)
{
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		const struct outcome *o = &d->job.txn.rcpts[i].outcome;
		if (d->perhaps[i] || o->verdict == VERDICT_UNKNOWN ||
		    (o->verdict == VERDICT_TEMPORARY && d->job.txn.was_begun &&
		     !is_of_session(o))) {
			return false;
		}
	}
	return true;
}

/*
 * What a lost attempt may have delivered stays "perhaps delivered", whatever a later attempt
 * was told, unless that one delivered it.
 */
static void keep_unknown(struct delivery *d)
{
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		struct outcome *o = &d->job.txn.rcpts[i].outcome;
		if (!d->perhaps[i] || o->verdict == VERDICT_ACCEPTED ||
		    o->verdict == VERDICT_UNKNOWN) {
			continue;
		}
		char later[OUTCOME_TEXT_MAX / 2];
		snprintf(later, sizeof(later), "%.*s", (int)sizeof(later) - 1, o->text);
		*o = (struct outcome){ .verdict = VERDICT_UNKNOWN, .cause = CAUSE_UNKNOWN,
				       .verb = "" };
		snprintf(o->text, sizeof(o->text), "the connection was lost after the whole "
			 "message was sent, and the next attempt failed: %s", later);
	}
}

/* -- sessions --------------------------------------------------------------------------- */

static void push(struct delivery_queue *q, struct delivery *d)
{
	d->later = NULL;
	*q->end = d;
	q->end = &d->later;
}

static struct delivery *pop(struct delivery_queue *q)
{
	struct delivery *d = q->first;

	if (d) {
		q->first = d->later;
		q->end = q->first ? q->end : &q->first;
		d->later = NULL;
	}
	return d;
}

static struct session_job *next_job(void *context)
{
	struct deliver_work *w = context;
	struct delivery *d = pop(&w->again);

	if (!d && !w->is_empty) {
		d = w->source->next(w->source->context);
		w->is_empty = !d;
	}
	if (!d) {
		return NULL;
	}
	d->tries++;
	return &d->job;
}

static void end_delivery(struct deliver_work *w, struct delivery *d, const struct err *why)
{
	if (why) {
		delivery_suspend(d, why);
	}
	keep_unknown(d);
	w->facts->is_spare = w->is_spare;
	w->source->over(w->source->context, d, w->facts, why);
}

static void on_settled(void *context, struct session_job *job)
{
	struct deliver_work *w = context;
	struct delivery *d = (struct delivery *)((char *)job - offsetof(struct delivery, job));

	w->has_progress = w->has_progress || any_is(&job->txn, VERDICT_ACCEPTED);
	w->facts->is_ready = w->facts->is_ready || w->has_progress;
	if (is_answered(&job->txn)) {
		w->facts->is_ready = true;
		end_delivery(w, d, NULL);
	} else {
		push(&w->undecided, d);
	}
}

static bool sees_off(void *context)
{
	const struct deliver_work *w = context;

	return w->source->sees_off && w->source->sees_off(w->source->context);
}

static void note_session(struct delivery *d, size_t i, const struct session_facts *facts,
			 bool *is_noted)
{
	if (d->session[i] > 0) {
		return;
	}
	if (!*is_noted) {
		d->earlier = mem_resize(d->earlier, d->earlier_count + 1, sizeof(*d->earlier));
		d->earlier[d->earlier_count++] = *facts;
		*is_noted = true;
	}
	d->session[i] = d->earlier_count;
}

/*
 * Final answers stay, with the session that they are from; and what the last attempt may have
 * delivered is remembered.
 */
static void forget_attempt(struct delivery *d, const struct session_facts *facts)
{
	struct smtp_txn *txn = &d->job.txn;
	bool is_noted = false;

	for (size_t i = 0; i < txn->rcpt_count; i++) {
		struct outcome *o = &txn->rcpts[i].outcome;
		d->perhaps[i] = d->perhaps[i] || o->verdict == VERDICT_UNKNOWN;
		if (o->verdict == VERDICT_ACCEPTED || o->verdict == VERDICT_PERMANENT) {
			note_session(d, i, facts, &is_noted);
		} else {
			*o = (struct outcome){ .verb = "" };
		}
	}
}

/* The server dislikes something that another session can avoid. */
static bool wants_other_way(const struct delivery *d)
{
	return d->tries < TRIES_MAX && !any_is(&d->job.txn, VERDICT_ACCEPTED);
}

/* The connection broke, as it had served others: this one was hardly looked at. */
static bool wants_other_session(const struct deliver_work *w, const struct delivery *d)
{
	return !d->job.txn.was_begun ||
	       (w->has_progress && d->tries < LOST_TRIES_MAX &&
		!any_is(&d->job.txn, VERDICT_UNKNOWN));
}

/* Our own trouble within a message: its file cannot be read.  The account is as good as before. */
static bool is_own_trouble(const struct deliver_work *w, const struct err *e)
{
	const struct delivery *first = w->undecided.first;

	return e->cause == CAUSE_OS && first && first->job.txn.was_begun;
}

/* Is it the account that cannot be used, rather than one message that broke a session? */
static bool is_down(const struct deliver_work *w, const struct err *e, unsigned broken)
{
	bool is_account = e->cause == CAUSE_CONNECT || e->cause == CAUSE_DNS ||
			  e->cause == CAUSE_TLS || e->cause == CAUSE_AUTH ||
			  e->cause == CAUSE_SECRET || e->cause == CAUSE_CONFIG ||
			  e->cause == CAUSE_OS || e->cause == CAUSE_SIGNAL;
	const struct delivery *first = w->undecided.first;
	bool is_early = first && (!first->job.txn.was_begun ||
				  (w->has_next && is_untouched(first)));

	return !w->has_progress && !w->facts->is_ready && !is_own_trouble(w, e) &&
	       (is_account || is_early || broken >= BROKEN_MAX);
}

/*
 * What becomes of the undecided after a session: `e` is NULL when it came to its end.  What the
 * server did not touch when it turned out to be down keeps its outcome, in case there is no
 * other.
 */
static void decide(struct deliver_work *w, const struct err *e, bool is_way_new, bool is_over)
{
	struct delivery_queue undecided = w->undecided;
	struct delivery *d;

	w->undecided = (struct delivery_queue){ NULL, &w->undecided.first };
	if (!undecided.first) {
		return;
	}
	while ((d = pop(&undecided))) {
		if (e && is_over && !is_own_trouble(w, e) && is_untouched(d)) {
			push(&w->again, d);
		} else if (e && ((is_way_new && wants_other_way(d)) ||
				 (!is_over && wants_other_session(w, d)))) {
			forget_attempt(d, w->facts);
			push(&w->again, d);
		} else {
			end_delivery(w, d, e);
		}
	}
}

bool deliver_to_server(struct deliver_work *w, struct session_options *options, struct err *e)
{
	const struct session_source source = { w, next_job, on_settled, sees_off };
	unsigned broken = 0;

	while (!w->is_empty || w->again.first) {
		w->has_progress = false;
		bool ok = session_run(options, &source, w->facts, e);
		unsigned learned = w->facts->avoid & ~options->avoid;
		broken = ok || w->has_progress ? 0 : broken + !is_own_trouble(w, e);
		bool is_over = !ok && learned == 0 && is_down(w, e, broken);
		options->avoid |= learned;
		if (learned & SMTP_AVOID_AUTH_PIPELINING) {
			/* Who lost track there gets everything one step at a time. */
			options->avoid |= SMTP_AVOID_PIPELINING;
		}
		decide(w, ok ? NULL : e, learned != 0, is_over);
		if (is_over) {
			return false;
		}
	}
	return true;
}

/* -- around them ------------------------------------------------------------------------ */

void deliver_work_init(struct deliver_work *w, const struct deliver_source *source,
		       struct session_facts *facts)
{
	*w = (struct deliver_work){ .source = source, .facts = facts };
	w->again.end = &w->again.first;
	w->undecided.end = &w->undecided.first;
}

void deliver_begin_anew(struct deliver_work *w)
{
	for (struct delivery *d = w->again.first; d; d = d->later) {
		forget_attempt(d, w->facts);
		d->tries = 0;
	}
}

void deliver_give_up(struct deliver_work *w, const struct err *why)
{
	struct delivery *d;

	while ((d = pop(&w->again))) {
		end_delivery(w, d, why);
	}
}
