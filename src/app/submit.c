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
#include "app/handover.h"
#include "app/maillog.h"
#include "app/refusals.h"
#include "app/say.h"
#include "app/signals.h"
#include "app/submit_state.h"
#include "base/mem.h"
#include "queue/slot.h"
#include "smtp/server.h"

#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

/* The caller gets its answer; whatever is left to do for others is done by a child. */
static void go_on_alone(struct submission *s)
{
	if (!s->is_alone) {
		background_go_on(submit_answer(s));
		s->is_alone = true;
	}
}

/* -- sending --------------------------------------------------------------------------- */

static bool take_slot(struct submission *s, struct part *p)
{
	unsigned max = (unsigned)conf_number(p->account, KEY_MAX_CONNECTIONS);

	return slot_take(s->queue, p->group.data, max, &p->slot);
}

static struct part *current(struct submission *s)
{
	return &s->parts[s->part_at];
}

static struct delivery *next(void *context)
{
	struct submission *s = context;
	struct part *p = current(s);

	if (!p->is_taken) {
		p->is_taken = true;
		return &p->delivery;
	}
	if (s->part_at + 1 < s->part_count) {
		return NULL;
	}
	/* While this process holds the session, it serves those who did not get one. */
	struct delivery *other = s->queue && queue_has_others(s->queue, s->entry.id)
					 ? drain_next(&p->drain)
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
	struct part *p = current(s);

	if (d != &p->delivery) {
		drain_over(&p->drain, d, facts, why);
		return;
	}
	submit_part_over(s, p, facts, why);
	/* Somebody else sends now, and may get our slot: the session is ended with care. */
	if (s->is_over && (p->drain.active > 0 ||
			   (s->queue && queue_has_others(s->queue, s->entry.id)))) {
		go_on_alone(s);
	}
}

static void gave_back(void *context, const struct account *a, const char *group)
{
	struct submission *s = context;

	drain_look_later(&current(s)->drain, a, group);
}

/* Whose caller waits only for its own message does not wait for the server's goodbye. */
static bool sees_off(void *context)
{
	const struct submission *s = context;

	return s->is_alone;
}

/* Those who found all sessions taken, until there are none (queue/slot.h). */
static void serve_others(struct submission *s, struct part *p, bool some_wait)
{
	struct session_facts facts;
	struct err e;

	/* Without lock files nobody has found them taken. */
	while (some_wait && take_slot(s, p) && p->slot >= 0) {
		go_on_alone(s);
		some_wait = drain_run(&p->drain, &facts, &e);
		slot_release(&p->slot);
		some_wait = some_wait && drain_has_waiting(&p->drain);
	}
}

/* What other accounts have to send, when all of this message is done. */
static void serve_other_accounts(struct submission *s, struct part *p)
{
	if (s->queue && drain_has_others(&p->drain) && queue_has_others(s->queue, s->entry.id)) {
		go_on_alone(s);
		drain_others(&p->drain);
	}
}

/* True: the account can be used. */
static bool send_part(struct submission *s, struct part *p)
{
	const struct deliver_source source = { s, next, over, sees_off, gave_back };
	const struct deliver_options options = {
		.conf = &s->call->conf,
		.account = p->account,
		.queue = s->queue,
		.group = p->group.data,
		.id = &s->call->id,
		.verbose = s->call->options.verbose,
		.may_prompt = !s->is_alone && isatty(STDERR_FILENO),
		.may_unlock = !s->is_alone,
		.waited_ms = s->queue && !s->is_alone ? &s->waited_ms : NULL,
		.has_others = s->part_count > 1,
	};
	struct session_facts facts;
	struct err e;

	bool ok = deliver_run(&options, &source, &facts, &e);
	if (!p->is_over) {
		submit_part_over(s, p, NULL, &e);
	}
	if (s->is_alone) {
		drain_others(&p->drain);
	}
	slot_release(&p->slot);
	return ok;
}

/* The message's own account has its slot already. */
static bool may_send(struct submission *s, struct part *p)
{
	if (p == s->parts || !s->queue || take_slot(s, p)) {
		return true;
	}
	submit_part_left(s, p);
	return false;
}

static int send_now(struct submission *s)
{
	bool *is_up MEM_AUTO = mem_alloc(s->part_count, sizeof(*is_up));

	for (unsigned i = 0; i < s->part_count; i++) {
		delivery_init(&s->parts[i].delivery, &s->entry, i, &s->call->message);
	}
	for (s->part_at = 0; s->part_at < s->part_count; s->part_at++) {
		struct part *p = current(s);
		is_up[s->part_at] = may_send(s, p) && send_part(s, p);
	}
	for (unsigned i = 0; i < s->part_count; i++) {
		struct part *p = &s->parts[i];
		bool has_more = is_up[i] && s->queue && drain_has_waiting(&p->drain);
		serve_others(s, p, has_more || p->is_left);
		serve_other_accounts(s, p);
	}
	return s->status;
}

/* No session is free: it waits for those who have one. */
static int leave_it(struct submission *s)
{
	struct err e;

	if (!submit_sync(s, &e)) {
		return say_error(&e);
	}
	submit_notice(s, TELL_BUSY);
	queue_file_close(&s->store.file);
	s->status = EX_OK;
	serve_others(s, s->parts, true);
	return EX_OK;
}

static int queue_only(struct submission *s)
{
	struct err e;

	if (!submit_sync(s, &e)) {
		return say_error(&e);
	}
	submit_notice(s, TELL_TRIED);
	return EX_OK;
}

static int send_or_keep(struct submission *s)
{
	struct err e;

	if (s->mode == MODE_BACKGROUND && s->queue) {
		if (!submit_sync(s, &e)) {
			return say_error(&e);
		}
		submit_notice(s, TELL_BACKGROUND);
		go_on_alone(s);
	}
	return !s->queue || take_slot(s, s->parts) ? send_now(s) : leave_it(s);
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
	maillog_note(s->log, s->entry.id, "removed");
	if (s->call->answer) {
		smtp_answer_set(s->call->answer, VERDICT_ACCEPTED, 250, "2.0.0",
				"Ok: nobody gets it, as the aliases say (%s)", s->entry.id);
	}
	if (s->queue && s->mode != MODE_QUEUE) {
		serve_others(s, s->parts, drain_has_waiting(&s->parts->drain));
	}
	return EX_OK;
}

static int dispatch(struct submission *s)
{
	return s->entry.rcpt_count == 0 ? send_nothing(s)
	       : s->mode == MODE_QUEUE	? queue_only(s)
					: send_or_keep(s);
}

static void begin(struct submission *s)
{
	struct call *c = s->call;

	s->log = maillog_open(s->account, &c->id);
	s->settle = (struct settle){ .queue = s->queue, .file = &s->store.file,
				     .account = s->account, .id = &c->id, .log = s->log };
	for (unsigned i = 0; i < s->part_count; i++) {
		struct part *p = &s->parts[i];
		p->drain = (struct drain){ .queue = s->queue, .conf = &c->conf,
					   .account = p->account, .id = &c->id, .log = s->log,
					   .group = p->group.data };
	}
	maillog_arrived(s->log, &s->entry, &c->message);
	s->is_refusal_told = tell_refusals(s);
	if (c->breaks_signature) {
		tell_broken_signature(s->log, s->entry.id);
	}
}

static void clear(struct submission *s)
{
	for (unsigned i = 0; i < s->part_count; i++) {
		struct part *p = &s->parts[i];
		drain_clear(&p->drain);
		delivery_clear(&p->delivery);
		buf_clear(&p->group);
	}
	free(s->parts);
	maillog_close(s->log);
	message_clear(&s->call->message);
	queue_file_close(&s->store.file);
	queue_entry_clear(&s->entry);
	queue_close(s->queue);
}

int submit(struct call *c)
{
	struct submission s = { .call = c };
	struct err e;
	int status;

	queue_entry_init(&s.entry);
	queue_file_init(&s.store.file);
	if (!call_prepare(c, &e) || !submit_take_in(&s, &e)) {
		status = c->id.may_hand_over ? handover(c) : say_error(&e);
	} else {
		begin(&s);
		s.status = dispatch(&s);
		status = submit_answer(&s);
	}
	clear(&s);
	return status;
}
