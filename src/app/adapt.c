/* SPDX-License-Identifier: ISC */
/*
 * adapt: see adapt.h.  Addresses first, which cost nothing; a message that nobody can get
 * is not converted.  Must never send an address to the server that means another mailbox
 * than the one that the caller named (mail/domains.h sees to that).
 */
#include "app/adapt.h"
#include "app/mend.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/domains.h"
#include "sys/idn.h"

#include <stdio.h>

/* One read of a message; what its header may become. */
enum { READ_SIZE = 512 << 10 };
#define HEADER_MAX (4 * MESSAGE_HEADER_MAX)

/* What the transaction had before. */
struct adapted {
	const char *sender;
	const char **addrs;	/* of its recipients */
	char **made;		/* ours: theirs and, behind them, the sender's; or NULL */
	size_t count;
};

static bool to_ascii(void *context, struct span domain, struct buf *to, struct err *e)
{
	(void)context;
	return idn_to_ascii(domain, to, e);
}

static const struct domains domains = { .to_ascii = to_ascii };

/* -- what cannot be adapted ------------------------------------------------------------- */

/* Permanent, unless it can be put right here (a full disk, no libidn2). */
static void refuse(struct smtp_rcpt *r, const struct err *e, const char *enhanced)
{
	bool is_final = e->cause == CAUSE_DATA;

	outcome_set(&r->outcome, is_final ? VERDICT_PERMANENT : VERDICT_TEMPORARY, e->cause,
		    VERB_NONE, is_final ? enhanced : "", e->text);
}

static void refuse_all(struct smtp_txn *t, const struct err *e, const char *enhanced)
{
	for (size_t i = 0; i < t->rcpt_count; i++) {
		if (t->rcpts[i].outcome.verdict == VERDICT_UNTRIED) {
			refuse(&t->rcpts[i], e, enhanced);
		}
	}
}

/* Somebody can still get it.  What is not ASCII now the engine refuses. */
static bool has_taker(const struct smtp_txn *t, unsigned adapt)
{
	bool must_be_ascii = adapt & SMTP_ADAPT_ASCII;
	bool has = false;

	for (size_t i = 0; i < t->rcpt_count && !has; i++) {
		has = t->rcpts[i].outcome.verdict == VERDICT_UNTRIED &&
		      (!must_be_ascii || text_is_ascii(span_str(t->rcpts[i].addr)));
	}
	return has && (!must_be_ascii || text_is_ascii(span_str(t->sender)));
}

/* -- the envelope ----------------------------------------------------------------------- */

static struct adapted *remember(const struct smtp_txn *t)
{
	struct adapted *a = mem_alloc(1, sizeof(*a));

	a->sender = t->sender;
	a->count = t->rcpt_count;
	a->addrs = mem_alloc(a->count, sizeof(*a->addrs));
	a->made = mem_alloc(a->count + 1, sizeof(*a->made));
	for (size_t i = 0; i < a->count; i++) {
		a->addrs[i] = t->rcpts[i].addr;
	}
	return a;
}

static void adapt_sender(struct smtp_txn *t, char **made)
{
	struct err e;

	if (!domains_spec(&domains, t->sender, made, &e)) {
		err_ctx(&e, "the sender %s", t->sender);
		refuse_all(t, &e, "5.6.7");
	} else if (*made) {
		t->sender = *made;
	}
}

static void adapt_rcpt(struct smtp_rcpt *r, char **made)
{
	struct err e;

	if (r->outcome.verdict != VERDICT_UNTRIED) {
		return;
	}
	if (!domains_spec(&domains, r->addr, made, &e)) {
		refuse(r, &e, "5.6.7");
	} else if (*made) {
		r->addr = *made;
	}
}

static void adapt_envelope(struct session_job *job)
{
	struct smtp_txn *t = &job->txn;

	BUG_ON(job->adapted);
	job->adapted = remember(t);
	adapt_sender(t, &job->adapted->made[t->rcpt_count]);
	for (size_t i = 0; i < t->rcpt_count; i++) {
		adapt_rcpt(&t->rcpts[i], &job->adapted->made[i]);
	}
}

void adapt_undo(struct session_job *job)
{
	struct adapted *a = job->adapted;

	if (!a) {
		return;
	}
	job->txn.sender = a->sender;
	for (size_t i = 0; i < a->count; i++) {
		job->txn.rcpts[i].addr = a->addrs[i];
		free(a->made[i]);
	}
	free(a->made[a->count]);
	free(a->made);
	free(a->addrs);
	free(a);
	job->adapted = NULL;
}

/* -- the header ------------------------------------------------------------------------- */

/* Of a message in a queue file: all of it, without its blank line; *ret_body: what follows. */
static bool read_header(struct message *m, struct buf *header, unsigned long long *ret_body,
			struct err *e)
{
	const unsigned long long size = message_size(m);
	const char *end = NULL;
	struct span bytes;

	for (unsigned long long at = 0; at < size && !end; at += bytes.size) {
		size_t seen = header->size > 3 ? header->size - 3 : 0;
		if (!message_read(m, at, READ_SIZE, &bytes, e)) {
			return false;
		}
		if (!buf_add_span(header, bytes)) {
			return err_set(e, CAUSE_DATA, "the header is too large");
		}
		end = header->data[0] == '\r'
			      ? header->data
			      : memmem(header->data + seen, header->size - seen, "\r\n\r\n", 4);
	}
	/* Without a body there is no blank line either. */
	size_t border = !end		      ? header->size
			: end == header->data ? 0
					      : (size_t)(end - header->data) + 2;
	*ret_body = end ? border + 2 : border;
	buf_drop_end(header, header->size - border);
	return true;
}

/* The same message with another header, in memory or in an unnamed file. */
static bool copy_body(struct message *m, unsigned long long at, struct buf *header,
		      struct err *e)
{
	const unsigned long long size = message_size(m);
	struct message_store nowhere = { .queue = NULL };
	struct message to;
	struct span bytes;

	message_init(&to);
	to.header = *header;
	bool ok = true;
	for (; ok && at < size; at += bytes.size) {
		ok = message_read(m, at, READ_SIZE, &bytes, e) &&
		     message_put(&to, bytes, &nowhere, e);
	}
	if (ok && message_put_end(&to, &nowhere, e)) {
		to.is_8bit = m->is_8bit;
		message_clear(m);
		*m = to;
		return true;
	}
	message_clear(&to);
	return false;
}

/* Takes the new header, or frees it. */
static bool replace_header(struct message *m, unsigned long long body, struct buf *header,
			   struct err *e)
{
	if (m->file) {
		return copy_body(m, body, header, e);
	}
	buf_clear(&m->header);
	m->header = *header;
	return true;
}

static bool adapt_header(struct message *m, struct err *e)
{
	unsigned long long body = 0;
	BUF_AUTO struct buf queued;
	struct buf out;

	buf_init(&queued, HEADER_MAX + READ_SIZE);
	buf_init(&out, HEADER_MAX);
	if ((!m->file || read_header(m, &queued, &body, e)) &&
	    domains_header(&domains, buf_span(m->file ? &queued : &m->header), &out, e)) {
		return replace_header(m, body, &out, e);
	}
	buf_clear(&out);
	return false;
}

/* -- all of it -------------------------------------------------------------------------- */

/* The header first: a field that is ASCII then keeps its form. */
static void adapt_message(struct session_job *job, unsigned adapt)
{
	struct smtp_txn *t = &job->txn;
	struct message *m = job->message;
	bool has_utf8 = (adapt & SMTP_ADAPT_ASCII) && t->needs_smtputf8;
	struct err e;

	if (has_utf8 && !adapt_header(m, &e)) {
		err_ctx(&e, "the header needs SMTPUTF8, which the server does not offer");
		refuse_all(t, &e, "5.6.7");
		return;
	}
	t->needs_smtputf8 = t->needs_smtputf8 && !has_utf8;
	if ((adapt & SMTP_ADAPT_7BIT) && !mend_message(m, true, NULL, &e)) {
		err_ctx(&e, "the server does not offer 8BITMIME, and the message cannot be "
			"made 7-bit");
		refuse_all(t, &e, "5.6.3");
	}
	t->size = message_size(m);
	t->is_8bit = m->is_8bit;
}

void adapt_job(struct session_job *job, unsigned adapt)
{
	if (adapt & SMTP_ADAPT_ASCII) {
		adapt_envelope(job);
	}
	if (has_taker(&job->txn, adapt)) {
		adapt_message(job, adapt);
	}
}
