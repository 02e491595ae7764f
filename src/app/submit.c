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
#include "app/compose.h"
#include "app/drain.h"
#include "app/maillog.h"
#include "app/say.h"
#include "app/signals.h"
#include "app/tell.h"
#include "base/clock.h"
#include "base/mem.h"
#include "queue/slot.h"
#include "smtp/server.h"

#include <sysexits.h>
#include <unistd.h>

enum delivery_mode { MODE_INTERACTIVE, MODE_BACKGROUND, MODE_QUEUE };

struct submission {
	struct call *call;
	const struct account *account;
	enum delivery_mode mode;
	struct queue *queue;	/* NULL: off, or it cannot be used */
	struct err no_queue;	/* why it cannot be used; cause NONE = it is off */
	struct queue_entry entry;
	struct message_store store;	/* its file is this message's */
	struct maillog *log;
	struct buf group;
	int slot;
	struct drain drain;	/* others that wait */
	struct delivery delivery;
	bool is_taken;		/* `delivery` was given to the session */
	bool is_over;
	bool is_alone;		/* the caller has its answer: this goes on in the background */
	int status;
};

/* -- into the queue -------------------------------------------------------------------- */

static void open_queue(struct submission *s)
{
	char *path MEM_AUTO = NULL;

	s->no_queue = (struct err){ 0 };
	s->mode = MODE_INTERACTIVE;
	if (!conf_on(s->account, KEY_QUEUE)) {
		return;
	}
	s->mode = (enum delivery_mode)conf_number(s->account, KEY_DELIVERY_MODE);
	path = settings_queue_path(s->account, &s->call->id, &s->no_queue);
	if (path && queue_open(path, true, &s->queue, &s->no_queue)) {
		s->store.queue = s->queue;
		s->store.place = s->mode == MODE_QUEUE ? QUEUE_DEFERRED : QUEUE_INCOMING;
	}
}

/* The queue turned out to be of no use; the message can still be sent at once. */
static void lose_queue(struct submission *s, const struct err *why)
{
	s->no_queue = *why;
	queue_close(s->queue);
	s->queue = NULL;
	s->store.queue = NULL;
}

static void give_up_file(struct submission *s)
{
	struct err ignored;

	if (s->queue && s->store.file.fd >= 0 &&
	    !queue_remove(s->queue, &s->store.file, &ignored)) {
		queue_file_close(&s->store.file);
	}
}

static const int nothing_kept[2] = { -1, -1 };

/* From now on a signal does not lose the message. */
static bool store(struct submission *s, struct err *e)
{
	int fds[2];

	signals_hold();
	bool ok = message_store(&s->call->message, &s->store, e);
	if (ok) {
		queue_sync_descriptors(s->queue, &s->store.file, fds);
		signals_keep(fds);
	}
	signals_release();
	return ok;
}

/* The log wants a name for it also without a queue. */
static void name_it(struct queue_entry *v)
{
	uint32_t random;

	clock_random(&random, sizeof(random));
	queue_id_make(v->id, (int64_t)v->arrival * 1000000, random);
}

/* Reads the message to its end, into the queue when there is one. */
static bool take_in(struct submission *s, struct err *e)
{
	struct message *m = &s->call->message;
	struct err why;

	if (!compose_header(s->call, e)) {
		return false;
	}
	s->account = s->call->account;
	if (!compose_entry(s->call, &s->entry, e)) {
		return false;
	}
	if (!queue_entry_group(&s->entry, &s->group)) {
		return err_set(e, CAUSE_USAGE, "the settings on the command line are too long");
	}
	s->store.entry = &s->entry;
	open_queue(s);
	if (s->mode == MODE_QUEUE && !s->queue) {
		*e = s->no_queue;
		return false;
	}
	if (!message_read_body(m, STDIN_FILENO, &s->store, e)) {
		give_up_file(s);
		return false;
	}
	if (s->queue && !s->store.queue) {
		lose_queue(s, &s->store.why);
	}
	bool is_in_memory = !m->store;
	if (s->queue && !store(s, &why)) {
		if (!is_in_memory || s->mode == MODE_QUEUE) {
			*e = why;
			return false;
		}
		lose_queue(s, &why);
	}
	s->entry.size = message_size(m);
	s->entry.is_8bit = m->is_8bit;
	if (!s->queue) {
		name_it(&s->entry);
	}
	return true;
}

/* Durable: from now on exit status 0 is true. */
static bool sync_file(struct submission *s, struct err *e)
{
	signals_hold();
	bool ok = queue_sync(s->queue, &s->store.file, e);
	if (!ok) {
		give_up_file(s);
	}
	signals_keep(nothing_kept);
	signals_end_with(ok ? "" : "sendmail: stopped by a signal; nothing was sent\n",
			 ok ? EX_OK : EX_TEMPFAIL);
	signals_release();
	return ok;
}

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
	return s->is_alone || (s->queue && (s->call->options.error_mode == ERRORS_MAIL ||
					    (s->call->answer &&
					     !is_refused_for_all(&s->delivery.job.txn))));
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
	signals_keep(nothing_kept);
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
	bool has_problem = s->call->envelope.problems.count > 0;

	return s->status == EX_OK && has_problem ? EX_CONFIG : s->status;
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

	if (!sync_file(s, &e)) {
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

	if (!sync_file(s, &e)) {
		return say_error(&e);
	}
	notice(s, TELL_TRIED);
	return EX_OK;
}

static int send_or_keep(struct submission *s)
{
	struct err e;

	if (s->mode == MODE_BACKGROUND && s->queue) {
		if (!sync_file(s, &e)) {
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

int submit(struct call *c)
{
	struct submission s = { .call = c, .slot = -1 };
	struct err e;
	int status;

	queue_entry_init(&s.entry);
	queue_file_init(&s.store.file);
	buf_init(&s.group, QUEUE_GROUP_MAX);
	if (!call_prepare(c, &e) || !take_in(&s, &e)) {
		status = say_error(&e);
	} else {
		s.log = maillog_open(s.account, &c->id);
		s.drain = (struct drain){ .queue = s.queue, .account = s.account, .id = &c->id,
					  .log = s.log, .group = s.group.data };
		maillog_arrived(s.log, &s.entry, &c->message);
		tell_problems(&c->envelope.problems, s.log, s.entry.id);
		s.status = s.mode == MODE_QUEUE ? queue_only(&s) : send_or_keep(&s);
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
