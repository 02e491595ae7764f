/* SPDX-License-Identifier: ISC */
/*
 * submit_end: when all accounts have done with the message: its place in the queue, and what
 * the caller hears of it.
 */
#include "app/say.h"
#include "app/signals.h"
#include "app/submit_state.h"
#include "base/mem.h"
#include "smtp/server.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

void submit_notice(const struct submission *s, enum tell_why why)
{
	const struct call *c = s->call;

	if (!s->is_alone &&
	    (c->options.verbose || c->is_watched || isatty(STDERR_FILENO))) {
		tell_kept(&s->entry, why);
	}
}

/* The outcomes of all accounts, as if they were of one transaction.  The caller frees rcpts. */
static struct smtp_txn merge(const struct submission *s)
{
	struct smtp_txn all = { .sender = s->entry.sender };

	all.rcpts = mem_alloc(s->entry.rcpt_count, sizeof(*all.rcpts));
	for (unsigned i = 0; i < s->part_count; i++) {
		const struct smtp_txn *txn = &s->parts[i].delivery.job.txn;
		for (size_t k = 0; k < txn->rcpt_count; k++) {
			all.rcpts[all.rcpt_count++] = txn->rcpts[k];
		}
	}
	return all;
}

static bool is_refused_for_all(const struct smtp_txn *txn)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		if (txn->rcpts[i].outcome.verdict != VERDICT_PERMANENT) {
			return false;
		}
	}
	return true;
}

/* Does the program that calls hear at once who was refused? */
static bool hears_of_each(const struct submission *s)
{
	const struct smtp_envelope *client = s->call->client;

	return !client || client->errors != SMTP_ERRORS_DEFAULT;
}

/*
 * Is a report owed for what is refused?  An SMTP client can hear of one fate for all
 * recipients only.
 */
static bool wants_report(const struct submission *s, const struct smtp_txn *all)
{
	enum error_mode mode = s->call->options.error_mode;
	bool by_mail = mode == ERRORS_MAIL || mode == ERRORS_MAIL_ZERO ||
		       (!hears_of_each(s) && !is_refused_for_all(all));

	return s->is_alone || (s->queue && by_mail);
}

static void answer_client(const struct submission *s, const struct smtp_txn *all, bool is_kept,
			  bool is_reported)
{
	const struct smtp_fate fate = {
		.txn = all,
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

static bool is_sent_to_any(const struct smtp_txn *txn)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		if (txn->rcpts[i].outcome.verdict == VERDICT_ACCEPTED) {
			return true;
		}
	}
	return false;
}

static void tell_parts(const struct submission *s, const struct smtp_txn *all, bool is_kept)
{
	bool some_have_it = is_sent_to_any(all);

	for (unsigned i = 0; i < s->part_count; i++) {
		const struct part *p = &s->parts[i];
		tell_failures(p->account, &p->delivery, &p->facts,
			      p->why.cause ? &p->why : NULL, is_kept, some_have_it);
	}
}

/* Nobody has tried to send to those who wait. */
static bool is_waiting_untried(const struct submission *s)
{
	for (unsigned i = 0; i < s->part_count; i++) {
		if (s->parts[i].is_left) {
			return !s->settle.change.is_put_off;
		}
	}
	return false;
}

static void end(struct submission *s, const struct smtp_txn *all)
{
	enum error_mode errors = s->call->options.error_mode;
	struct err e;

	s->settle.is_told = !wants_report(s, all);
	s->settle.must_keep = s->is_alone;
	enum settled settled = settle_end(&s->settle, &s->entry, &s->call->message, &e);
	bool is_kept = settled == SETTLED_KEPT;
	s->status = tell_exit_status(all, is_kept);
	if (errors == ERRORS_MAIL_ZERO && settled != SETTLED_ERROR && is_cared_for(s, is_kept)) {
		s->status = EX_OK;
	}
	signals_keep(submit_nothing_kept);
	signals_end_with(s->status == EX_OK ? "" : "sendmail: stopped by a signal\n", s->status);
	signals_release();
	if (s->is_alone) {
		return;
	}
	bool is_reported = !hears_of_each(s) && !s->settle.is_told && settled != SETTLED_ERROR;
	answer_client(s, all, is_kept, is_reported);
	if (errors != ERRORS_QUIET) {
		tell_parts(s, all, is_kept);
		if (settled == SETTLED_ERROR || (s->status == EX_TEMPFAIL && s->no_queue.cause)) {
			say("it cannot be kept in the queue: %s",
			    settled == SETTLED_ERROR ? e.text : s->no_queue.text);
		}
	}
	if (is_kept) {
		submit_notice(s, is_waiting_untried(s) ? TELL_BUSY : TELL_TRIED);
	}
}

/* With signals held. */
static void end_part(struct submission *s, struct part *p)
{
	p->is_over = true;
	s->is_over = p == &s->parts[s->part_count - 1];
	if (s->is_over) {
		struct smtp_txn all = merge(s);
		end(s, &all);
		free(all.rcpts);
	} else {
		settle_save(&s->settle, &s->entry);
		signals_release();
	}
}

void submit_part_over(struct submission *s, struct part *p, const struct session_facts *facts,
		      const struct err *why)
{
	p->facts = facts ? *facts : (struct session_facts){ .port = 0 };
	p->why = why ? *why : (struct err){ .cause = CAUSE_NONE };
	signals_hold();
	settle_take(&s->settle, &p->delivery, facts, why);
	end_part(s, p);
}

void submit_part_left(struct submission *s, struct part *p)
{
	p->is_left = true;
	err_set(&p->why, CAUSE_TEMP, "all its sessions are in use");
	delivery_suspend(&p->delivery, &p->why);
	signals_hold();
	end_part(s, p);
}

/* What the caller hears: a target that an alias names and that gets nothing is no success. */
int submit_answer(const struct submission *s)
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
		a->result.some_have_it = s->entry.rcpt_count > 0;
	}
	return s->is_refusal_told && s->call->options.error_mode == ERRORS_MAIL_ZERO
		       ? EX_OK
		       : EX_CONFIG;
}
