/* SPDX-License-Identifier: ISC */
/* deliver: see deliver.h. */
#include "app/deliver.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/sasl.h"

#include <stddef.h>
#include <stdio.h>

/* First attempt, then one for each thing the server can turn out to dislike. */
enum { TRIES_MAX = 4 };
/* Of a message that a broken connection left untouched, with others accepted before. */
enum { LOST_TRIES_MAX = 10 };
/* Sessions in a row that broke within a message and brought none through. */
enum { BROKEN_MAX = 3 };

/* -- one message ----------------------------------------------------------------------- */

void delivery_init(struct delivery *d, struct queue_entry *entry, struct message *message)
{
	size_t count = queue_entry_waiting(entry);
	struct smtp_rcpt *rcpts = mem_alloc(count, sizeof(*rcpts));

	*d = (struct delivery){
		.entry = entry,
		.message = message,
		.start_ms = clock_ms(),
		.index = mem_alloc(count, sizeof(*d->index)),
		.perhaps = mem_alloc(count, sizeof(*d->perhaps)),
		.job.message = message,
		.job.txn = {
			.sender = entry->sender,
			.rcpts = rcpts,
			.rcpt_count = count,
			.size = message_size(message),
			.is_8bit = message->is_8bit,
			.needs_smtputf8 = entry->needs_smtputf8,
			.notify = entry->notify,
			.ret = (enum smtp_ret)entry->ret,
			.envid = entry->envid,
		},
	};
	for (size_t i = 0, n = 0; i < entry->rcpt_count; i++) {
		if (entry->rcpts[i].status == QUEUE_WAITING) {
			rcpts[n] = (struct smtp_rcpt){ .addr = entry->rcpts[i].addr,
						       .orcpt = entry->rcpts[i].orcpt,
						       .notify = entry->rcpts[i].notify };
			d->index[n++] = i;
		}
	}
}

void delivery_clear(struct delivery *d)
{
	free(d->job.txn.rcpts);
	free(d->index);
	free(d->perhaps);
	*d = (struct delivery){ 0 };
}

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

/* Who got no answer of his own shares the fate of the session. */
void delivery_suspend(struct delivery *d, const struct err *e)
{
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		struct outcome *o = &d->job.txn.rcpts[i].outcome;
		if (o->verdict == VERDICT_UNTRIED) {
			o->verdict = VERDICT_TEMPORARY;
			o->cause = e->cause;
			o->verb = "";
			snprintf(o->text, sizeof(o->text), "%.*s", (int)sizeof(o->text) - 1,
				 e->text);
		}
	}
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

/* -- a run: sessions, one after another ------------------------------------------------- */

struct queue_of {
	struct delivery *first, **end;
};

struct run {
	const struct deliver_source *source;
	struct session_facts *facts;
	struct queue_of again;	/* to be tried in the next session */
	struct queue_of undecided;	/* over, but perhaps only the session was at fault */
	bool has_progress;	/* this session brought a message through */
	bool is_empty;		/* the source has no more */
};

static void push(struct queue_of *q, struct delivery *d)
{
	d->later = NULL;
	*q->end = d;
	q->end = &d->later;
}

static struct delivery *pop(struct queue_of *q)
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
	struct run *run = context;
	struct delivery *d = pop(&run->again);

	if (!d && !run->is_empty) {
		d = run->source->next(run->source->context);
		run->is_empty = !d;
	}
	if (!d) {
		return NULL;
	}
	d->tries++;
	return &d->job;
}

static void end_delivery(struct run *run, struct delivery *d, const struct err *why)
{
	if (why) {
		delivery_suspend(d, why);
	}
	keep_unknown(d);
	run->source->over(run->source->context, d, run->facts, why);
}

static void on_settled(void *context, struct session_job *job)
{
	struct run *run = context;
	struct delivery *d = (struct delivery *)((char *)job - offsetof(struct delivery, job));

	run->has_progress = run->has_progress || any_is(&job->txn, VERDICT_ACCEPTED);
	run->facts->is_ready = run->facts->is_ready || run->has_progress;
	if (is_answered(&job->txn)) {
		run->facts->is_ready = true;
		end_delivery(run, d, NULL);
	} else {
		push(&run->undecided, d);
	}
}

static bool sees_off(void *context)
{
	const struct run *run = context;

	return run->source->sees_off && run->source->sees_off(run->source->context);
}

/* Once more: what the last attempt may have delivered is remembered. */
static void try_again(struct run *run, struct delivery *d)
{
	struct smtp_txn *txn = &d->job.txn;

	for (size_t i = 0; i < txn->rcpt_count; i++) {
		struct outcome *o = &txn->rcpts[i].outcome;
		d->perhaps[i] = d->perhaps[i] || o->verdict == VERDICT_UNKNOWN;
		if (o->verdict != VERDICT_ACCEPTED && o->verdict != VERDICT_PERMANENT) {
			*o = (struct outcome){ .verb = "" };
		}
	}
	push(&run->again, d);
}

/* The server dislikes something that another session can avoid. */
static bool wants_other_way(const struct delivery *d)
{
	return d->tries < TRIES_MAX && !any_is(&d->job.txn, VERDICT_ACCEPTED);
}

/* The connection broke, as it had served others: this one was hardly looked at. */
static bool wants_other_session(const struct run *run, const struct delivery *d)
{
	return !d->job.txn.was_begun ||
	       (run->has_progress && d->tries < LOST_TRIES_MAX &&
		!any_is(&d->job.txn, VERDICT_UNKNOWN));
}

/* Our own trouble within a message: its file cannot be read.  The account is as good as before. */
static bool is_own_trouble(const struct run *run, const struct err *e)
{
	const struct delivery *first = run->undecided.first;

	return e->cause == CAUSE_OS && first && first->job.txn.was_begun;
}

/* Is it the account that cannot be used, rather than one message that broke a session? */
static bool is_down(const struct run *run, const struct err *e, unsigned broken)
{
	bool is_account = e->cause == CAUSE_CONNECT || e->cause == CAUSE_DNS ||
			  e->cause == CAUSE_TLS || e->cause == CAUSE_AUTH ||
			  e->cause == CAUSE_SECRET || e->cause == CAUSE_CONFIG ||
			  e->cause == CAUSE_OS || e->cause == CAUSE_SIGNAL;
	const struct delivery *first = run->undecided.first;
	bool is_early = first && !first->job.txn.was_begun;

	return !run->has_progress && !run->facts->is_ready && !is_own_trouble(run, e) &&
	       (is_account || is_early || broken >= BROKEN_MAX);
}

/* What becomes of the undecided after a session: `e` is NULL when it came to its end. */
static void decide(struct run *run, const struct err *e, bool is_way_new, bool is_over)
{
	struct queue_of undecided = run->undecided;
	struct delivery *d;

	run->undecided = (struct queue_of){ NULL, &run->undecided.first };
	if (!undecided.first) {
		return;
	}
	while ((d = pop(&undecided))) {
		if (e && ((is_way_new && wants_other_way(d)) ||
			  (!is_over && wants_other_session(run, d)))) {
			try_again(run, d);
			continue;
		}
		end_delivery(run, d, e);
	}
}

static bool find_secret(const struct deliver_options *o, struct buf *secret, struct err *e)
{
	const struct account *a = o->account;
	const char *provider;
	char *host MEM_AUTO = conf_first_host(a);
	struct secret_query q = settings_secret(a, host, o->id);

	if (!conf_wants_auth(a) || sasl_needs_no_secret(conf_mechanisms(a))) {
		return true;
	}
	q.may_prompt = o->may_prompt;
	q.may_unlock = o->may_unlock;
	return secret_find(&q, secret, &provider, e);
}

/* Sessions until there is nothing more to send, or the account is down. */
static bool run_sessions(struct run *run, struct session_options *options, struct err *e)
{
	const struct session_source source = { run, next_job, on_settled, sees_off };
	unsigned broken = 0;

	while (!run->is_empty || run->again.first) {
		run->has_progress = false;
		bool ok = session_run(options, &source, run->facts, e);
		unsigned learned = run->facts->avoid & ~options->avoid;
		broken = ok || run->has_progress ? 0 : broken + !is_own_trouble(run, e);
		bool is_over = !ok && learned == 0 && is_down(run, e, broken);
		options->avoid |= learned;
		if (learned & SMTP_AVOID_AUTH_PIPELINING) {
			/* Who lost track there gets everything one step at a time. */
			options->avoid |= SMTP_AVOID_PIPELINING;
		}
		decide(run, ok ? NULL : e, learned != 0, is_over);
		if (is_over) {
			struct delivery *d;
			while ((d = pop(&run->again))) {
				end_delivery(run, d, e);
			}
			return false;
		}
	}
	return true;
}

bool deliver_run(const struct deliver_options *o, const struct deliver_source *source,
		 struct session_facts *facts, struct err *e)
{
	const struct account *a = o->account;
	const char *domain = conf_text(a, KEY_DOMAIN);
	struct run run = { .source = source, .facts = facts };
	struct buf secret;

	run.again.end = &run.again.first;
	run.undecided.end = &run.undecided.first;
	*facts = (struct session_facts){ 0 };
	buf_init_secret(&secret, SECRET_MAX);
	if (!domain && strchr(identity_host(o->id), '.') &&
	    text_is_ascii(span_str(identity_host(o->id)))) {
		domain = identity_host(o->id);
	}
	struct session_options options = {
		.account = a,
		.ehlo_name = domain,
		.trace = o->verbose,
	};
	bool ok = find_secret(o, &secret, e);
	if (ok) {
		options.secret = buf_span(&secret);
		ok = run_sessions(&run, &options, e);
	}
	buf_clear(&secret);
	return ok;
}
