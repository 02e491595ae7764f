/* SPDX-License-Identifier: ISC */
/* handover_keep: see handover_keep.h. */
#include "app/handover_keep.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mail/header.h"

#include <stdlib.h>

/* The first of his accounts that has one says which queue it is. */
static const struct account *keeper(const struct handover *h)
{
	const struct conf *c = &h->call->conf;

	for (size_t i = 0; i < c->count; i++) {
		if (conf_on(&c->accounts[i], KEY_QUEUE)) {
			return &c->accounts[i];
		}
	}
	return NULL;
}

bool handover_can_keep(const struct handover *h)
{
	return keeper(h) != NULL;
}

bool handover_add_author(struct call *c, struct err *e)
{
	struct buf *header = &c->message.header;
	const char *name = c->options.full_name, *sender = c->envelope.sender;
	struct header_field found;

	if (!name || !name[0] || header_find(buf_span(header), "From", &found)) {
		return true;
	}
	return (buf_add_str(header, "From: ") && addr_add_phrase(header, span_str(name)) &&
		buf_printf(header, " <%s>\r\n",
			   sender[0] ? sender : identity_login(&c->id))) ||
	       err_set(e, CAUSE_DATA, "the header is too large");
}

/* Why it waits, as after every attempt: mailq shows it, and a queue run logs what may double. */
static void note_reason(struct queue_rcpt *r, const struct outcome *o)
{
	r->text = mem_str(o->text);
	outcome_status(o, r->dsn);
	r->is_reply = o->code > 0;
	r->maybe_sent = o->verdict == VERDICT_UNKNOWN;
}

static bool make_entry(const struct handover *h, struct queue_entry *v, struct err *e)
{
	const struct smtp_txn *t = &h->job.txn;
	const struct queue_times times = settings_times(keeper(h), t->sender);
	uint32_t random;

	clock_random(&random, sizeof(random));
	v->arrival = v->since = v->last = clock_now();
	v->attempts = 1;
	v->next = v->last + queue_backoff(&times, v->attempts, random);
	v->account = mem_str(h->account->name);
	v->sender = mem_str(t->sender);
	v->envid = t->envid ? mem_str(t->envid) : NULL;
	v->notify = t->notify;
	v->ret = (unsigned)t->ret;
	v->needs_smtputf8 = t->needs_smtputf8;
	v->is_8bit = t->is_8bit;
	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct smtp_rcpt *r = &t->rcpts[i];
		bool is_over = r->outcome.verdict == VERDICT_ACCEPTED ||
			       r->outcome.verdict == VERDICT_PERMANENT;
		if (is_over) {
			continue;
		}
		if (!queue_entry_add_rcpt(v, r->addr, r->orcpt, e)) {
			return false;
		}
		v->rcpts[v->rcpt_count - 1].notify = r->notify;
		note_reason(&v->rcpts[v->rcpt_count - 1], &r->outcome);
	}
	return true;
}

/* Without it the message waits all the same. */
static void save_state(struct queue *q, struct queue_entry *v)
{
	bool may_be_sent = false;
	struct err ignored;

	for (size_t i = 0; i < v->rcpt_count; i++) {
		may_be_sent = may_be_sent || v->rcpts[i].maybe_sent;
	}
	if (!queue_save(q, v, may_be_sent, &ignored)) {
		return;
	}
}

static bool put(struct handover *h, struct queue *q, struct queue_entry *v, struct err *e)
{
	struct queue_file f;
	struct err ignored;

	queue_file_init(&f);
	/* The queue knows nothing of -F. */
	bool ok = handover_add_author(h->call, e) &&
		  queue_put_begin(q, QUEUE_DEFERRED, v, &f, e);
	v->size = message_size(&h->call->message);
	h->is_kept = ok && message_copy(&h->call->message, &f, e) && queue_put_end(&f, v, e) &&
		     queue_sync(q, &f, e);
	if (h->is_kept) {
		save_state(q, v);
	} else if (!queue_remove(q, &f, &ignored)) {
		/* Not complete, or sent beside what the caller sends again: no mail is lost. */
		queue_file_close(&f);
	}
	queue_file_close(&f);
	memcpy(h->id, v->id, sizeof(h->id));
	h->next = v->next;
	return h->is_kept;
}

bool handover_keep(struct handover *h, struct err *e)
{
	struct queue *q = NULL;
	struct queue_entry v;

	queue_entry_init(&v);
	char *path MEM_AUTO = settings_queue_path(keeper(h), &h->call->id, e);
	bool ok = path && queue_open(path, true, &q, e) && make_entry(h, &v, e) &&
		  put(h, q, &v, e);
	queue_close(q);
	queue_entry_clear(&v);
	return ok;
}
