/* SPDX-License-Identifier: ISC */
/*
 * submit_take: the message on its way in: from standard input into memory or the queue's
 * file, mended, and durable when it must be.  Never talks to a server.
 */
#include "app/submit_state.h"
#include "app/compose.h"
#include "app/mend.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mail/repair.h"
#include "smtp/server.h"

#include <sysexits.h>
#include <unistd.h>

const int submit_nothing_kept[2] = { -1, -1 };

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

/* What no server would take, or no reader show as it was meant, does not leave so. */
static bool mend(struct submission *s, struct err *e)
{
	struct message *m = &s->call->message;
	enum repair_need need = repair_guess(buf_span(&m->header), false, &m->wire);
	bool is_in_memory = !m->store && m->fd < 0;

	return need == REPAIR_NOTHING || (need == REPAIR_LABEL && !is_in_memory) ||
	       mend_message(m, false, &s->store, e);
}

/* Nobody gets it, as the aliases say; but perhaps the sender gets it back. */
static bool take_for_nobody(struct submission *s, struct err *e)
{
	struct message *m = &s->call->message;

	s->store.queue = NULL;
	if (!message_read_body(m, STDIN_FILENO, &s->store, e)) {
		return false;
	}
	s->entry.size = message_size(m);
	s->entry.is_8bit = m->is_8bit;
	name_it(&s->entry);
	return true;
}

static bool make_parts(struct submission *s, struct err *e)
{
	struct call *c = s->call;

	s->part_count = 1 + s->entry.via_count;
	s->parts = mem_alloc(s->part_count, sizeof(*s->parts));
	for (unsigned i = 0; i < s->part_count; i++) {
		struct part *p = &s->parts[i];
		p->account = i == 0 ? c->account : c->vias[i].account;
		p->slot = -1;
		buf_init(&p->group, QUEUE_GROUP_MAX);
		if (!queue_entry_group(&s->entry, i, &p->group)) {
			return err_set(e, CAUSE_USAGE,
				       "the settings on the command line are too long");
		}
	}
	return true;
}

bool submit_take_in(struct submission *s, struct err *e)
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
	if (!make_parts(s, e)) {
		return false;
	}
	s->store.entry = &s->entry;
	open_queue(s);
	if (s->call->envelope.recipients.count == 0) {
		return take_for_nobody(s, e);
	}
	if (s->mode == MODE_QUEUE && !s->queue) {
		*e = s->no_queue;
		return false;
	}
	if (!message_read_body(m, STDIN_FILENO, &s->store, e) || !mend(s, e)) {
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

bool submit_sync(struct submission *s, struct err *e)
{
	signals_hold();
	bool ok = queue_sync(s->queue, &s->store.file, e);
	if (!ok) {
		give_up_file(s);
	} else if (s->call->answer) {
		smtp_answer_set(s->call->answer, VERDICT_ACCEPTED, 250, "2.0.0",
				"Ok: queued as %s", s->entry.id);
		s->call->answer->result.some_have_it = true;
	}
	signals_keep(submit_nothing_kept);
	signals_end_with(ok ? "" : "sendmail: stopped by a signal; nothing was sent\n",
			 ok ? EX_OK : EX_TEMPFAIL);
	signals_release();
	return ok;
}
