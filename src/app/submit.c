/* SPDX-License-Identifier: ISC */
/*
 * submit: see submit.h.
 *
 * A message is in the queue folder before the network is touched, complete but not synced:
 * so a killed process leaves it behind.  Only when it must outlive this process is it
 * synced, and only then may exit status 0 be given for it.
 */
#include "app/submit.h"
#include "app/background.h"
#include "app/maillog.h"
#include "app/refusals.h"
#include "app/say.h"
#include "app/signals.h"
#include "app/submit_state.h"
#include "app/tell.h"
#include "queue/slot.h"
#include "smtp/server.h"

#include <sysexits.h>
#include <unistd.h>

static void notice(const struct submission *s, enum tell_why why)
{
	if (!s->is_alone && (s->call->options.verbose || isatty(STDERR_FILENO))) {
		tell_kept(&s->entry, why);
	}
}

/* -- this message's end ---------------------------------------------------------------- */

static bool is_refused_for_all(const struct smtp_txn *txn)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		if (txn->rcpts[i].outcome.verdict != VERDICT_PERMANENT) {
			return false;
		}
	}
	return true;
}

/*
 * Is a report owed for what is refused?  An SMTP client can hear of one fate for all
 * recipients only.
 */
static bool wants_report(const struct submission *s)
{
	enum error_mode mode = s->call->options.error_mode;
	bool by_mail = mode == ERRORS_MAIL || mode == ERRORS_MAIL_ZERO ||
		       (s->call->answer && !is_refused_for_all(&s->delivery.job.txn));

	return s->is_alone || (s->queue && by_mail);
}

static void answer_client(const struct submission *s, bool is_kept, bool is_reported)
{
	const struct smtp_fate fate = {
		.txn = &s->delivery.job.txn,
		.id = s->entry.id,
		.is_kept = is_kept,
		.is_reported = is_reported,
	};

	if (s->call->answer) {
		smtp_server_judge(s->call->answer, &fate);
	}
}

/* Has everyone got it, or will, or is the sender told?  (-oee) */
static bool is_cared_for(const struct submission *s, bool is_kept)
{
	for (size_t i = 0; i < s->entry.rcpt_count; i++) {
		const struct queue_rcpt *r = &s->entry.rcpts[i];
		if ((r->status == QUEUE_REFUSED && !r->is_told) ||
		    (r->status == QUEUE_WAITING && !is_kept)) {
			return false;
		}
	}
	return s->queue != NULL;
}

static void end_own(struct submission *s, const struct session_facts *facts, const struct err *why)
{
	enum error_mode errors = s->call->options.error_mode;
	const struct settle settle = {
		.queue = s->queue,
		.file = &s->store.file,
		.account = s->account,
		.id = &s->call->id,
		.log = s->log,
		.is_told = !wants_report(s),
		.must_keep = s->is_alone,
	};
	static const struct session_facts none = { 0 };
	struct err e;

	s->is_over = true;
	signals_hold();
	enum settled settled = settle_message(&settle, &s->delivery, facts, why, &e);
	bool is_kept = settled == SETTLED_KEPT;
	s->status = tell_exit_status(&s->delivery.job.txn, is_kept);
	if (errors == ERRORS_MAIL_ZERO && settled != SETTLED_ERROR && is_cared_for(s, is_kept)) {
		s->status = EX_OK;
	}
	signals_keep(submit_nothing_kept);
	signals_end_with(s->status == EX_OK ? "" : "sendmail: stopped by a signal\n", s->status);
	signals_release();
	if (s->is_alone) {
		return;
	}
	answer_client(s, is_kept, !settle.is_told && settled != SETTLED_ERROR);
	if (errors != ERRORS_QUIET) {
		tell_failures(s->account, &s->delivery, facts ? facts : &none, why, is_kept);
		if (settled == SETTLED_ERROR || (s->status == EX_TEMPFAIL && s->no_queue.cause)) {
			say("it cannot be kept in the queue: %s",
			    settled == SETTLED_ERROR ? e.text : s->no_queue.text);
		}
	}
	if (is_kept) {
		notice(s, TELL_TRIED);
	}
}

/* What the caller hears: a target that an alias names and that gets nothing is no success. */
static int answer(const struct submission *s)
{
	const struct local_problems *p = &s->call->envelope.problems;
	struct smtp_answer *a = s->call->answer;

	if (p->counts[ALIAS_REFUSED] == 0 || s->status != EX_OK) {
		return s->status;
	}
	/* An SMTP client hears of it now, when its sender does not hear of it by mail. */
	if (a && !s->is_refusal_told) {
		smtp_answer_set(a, VERDICT_PERMANENT, 554, "5.3.5", "%s%s",
				p->at[ALIAS_REFUSED][0].text,
				s->entry.rcpt_count > 0 ? "; the other recipients have it" : "");
	}
	return s->is_refusal_told && s->call->options.error_mode == ERRORS_MAIL_ZERO
		       ? EX_OK
		       : EX_CONFIG;
}

/* The caller gets its answer; whatever is left to do for others is done by a child. */
static void go_on_alone(struct submission *s)
{
	if (!s->is_alone) {
		background_go_on(answer(s));
		s->is_alone = true;
	}
}

/* -- sending --------------------------------------------------------------------------- */

/* s->slot is -1 when all are taken; false when there are no lock files. */
static bool take_slot(struct submission *s)
{
	unsigned max = (unsigned)conf_number(s->account, KEY_MAX_CONNECTIONS);
	struct err e;

	return slot_take(s->queue, s->group.data, max, &s->slot, &e);
}

static struct delivery *next(void *context)
{
	struct submission *s = context;

	if (!s->is_taken) {
		s->is_taken = true;
		return &s->delivery;
	}
	/* While this process holds the session, it serves those who did not get one. */
	struct delivery *other = s->queue && queue_has_others(s->queue, s->entry.id)
					 ? drain_next(&s->drain)
					 : NULL;
	if (other && s->is_over) {
		go_on_alone(s);
	}
	return other;
}

static void over(void *context, struct delivery *d, const struct session_facts *facts,
		 const struct err *why)
{
	struct submission *s = context;

	if (d != &s->delivery) {
		drain_over(&s->drain, d, facts, why);
		return;
	}
	end_own(s, facts, why);
	/* Somebody else sends now, and may get our slot: the session is ended with care. */
	if (s->drain.active > 0 || (s->queue && queue_has_others(s->queue, s->entry.id))) {
		go_on_alone(s);
	}
}

/* Whose caller waits only for its own message does not wait for the server's goodbye. */
static bool sees_off(void *context)
{
	const struct submission *s = context;

	return s->is_alone;
}

/* Those who found all sessions taken, until there are none (queue/slot.h). */
static void serve_others(struct submission *s, bool some_wait)
{
	struct session_facts facts;
	struct err e;

	while (some_wait && take_slot(s) && s->slot >= 0) {
		go_on_alone(s);
		some_wait = drain_run(&s->drain, &facts, &e);
		slot_release(&s->slot);
		some_wait = some_wait && drain_has_waiting(&s->drain);
	}
}

static int send_now(struct submission *s)
{
	const struct deliver_source source = { s, next, over, sees_off };
	const struct deliver_options options = {
		.account = s->account,
		.id = &s->call->id,
		.verbose = s->call->options.verbose,
		.may_prompt = !s->is_alone && isatty(STDERR_FILENO),
		.may_unlock = !s->is_alone,
	};
	struct session_facts facts;
	struct err e;

	delivery_init(&s->delivery, &s->entry, &s->call->message);
	bool ok = deliver_run(&options, &source, &facts, &e);
	if (!s->is_over) {
		end_own(s, NULL, &e);
	}
	slot_release(&s->slot);
	if (ok && s->queue) {
		serve_others(s, drain_has_waiting(&s->drain));
	}
	delivery_clear(&s->delivery);
	return s->status;
}

/* No session is free: it waits for those who have one. */
static int leave_it(struct submission *s)
{
	struct err e;

	if (!submit_sync(s, &e)) {
		return say_error(&e);
	}
	notice(s, TELL_BUSY);
	queue_file_close(&s->store.file);
	s->status = EX_OK;
	serve_others(s, true);
	return EX_OK;
}

static int queue_only(struct submission *s)
{
	struct err e;

	if (!submit_sync(s, &e)) {
		return say_error(&e);
	}
	notice(s, TELL_TRIED);
	return EX_OK;
}

static int send_or_keep(struct submission *s)
{
	struct err e;

	if (s->mode == MODE_BACKGROUND && s->queue) {
		if (!submit_sync(s, &e)) {
			return say_error(&e);
		}
		notice(s, TELL_BACKGROUND);
		go_on_alone(s);
	}
	if (!s->queue) {
		return send_now(s);
	}
	/* Without lock files: rather one session too many. */
	return !take_slot(s) || s->slot >= 0 ? send_now(s) : leave_it(s);
}

static bool tell_refusals(struct submission *s)
{
	struct call *c = s->call;
	const struct refusals r = {
		.problems = &c->envelope.problems,
		.mode = c->options.error_mode,
		.client = c->client,
		.queue = s->queue,
		.account = s->account,
		.id = &c->id,
		.log = s->log,
		.entry = &s->entry,
		.message = &c->message,
	};

	return refusals_tell(&r);
}

/* Nobody gets it; the report about that is on its way. */
static int send_nothing(struct submission *s)
{
	if (s->call->answer) {
		smtp_answer_set(s->call->answer, VERDICT_ACCEPTED, 250, "2.0.0",
				"Ok: nobody gets it, as the aliases say (%s)", s->entry.id);
	}
	if (s->queue && s->mode != MODE_QUEUE) {
		serve_others(s, drain_has_waiting(&s->drain));
	}
	return EX_OK;
}

static int dispatch(struct submission *s)
{
	return s->entry.rcpt_count == 0 ? send_nothing(s)
	       : s->mode == MODE_QUEUE	? queue_only(s)
					: send_or_keep(s);
}

int submit(struct call *c)
{
	struct submission s = { .call = c, .slot = -1 };
	struct err e;
	int status;

	queue_entry_init(&s.entry);
	queue_file_init(&s.store.file);
	buf_init(&s.group, QUEUE_GROUP_MAX);
	if (!call_prepare(c, &e) || !submit_take_in(&s, &e)) {
		status = say_error(&e);
	} else {
		s.log = maillog_open(s.account, &c->id);
		s.drain = (struct drain){ .queue = s.queue, .account = s.account, .id = &c->id,
					  .log = s.log, .group = s.group.data };
		maillog_arrived(s.log, &s.entry, &c->message);
		s.is_refusal_told = tell_refusals(&s);
		if (c->breaks_signature) {
			tell_broken_signature(s.log, s.entry.id);
		}
		s.status = dispatch(&s);
		status = answer(&s);
		maillog_close(s.log);
	}
	drain_clear(&s.drain);
	message_clear(&c->message);
	queue_file_close(&s.store.file);
	queue_entry_clear(&s.entry);
	buf_clear(&s.group);
	queue_close(s.queue);
	return status;
}
