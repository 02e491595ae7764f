/* SPDX-License-Identifier: ISC */
/*
 * bounce: see bounce.h.  RFC 3461 §4 (NOTIFY, RET), §6 (reports); RFC 5321 §6.1: never a
 * report about a report.
 */
#include "app/bounce.h"
#include "app/handover.h"
#include "app/local.h"
#include "app/names.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/addr.h"
#include "smtp/client.h"

#include <stddef.h>

enum {
	/* What dsn_head may need: for each recipient, and for the rest. */
	RCPT_BYTES = 8192,
	HEAD_BYTES = 1 << 20,
	TAIL_BYTES = 128,
};

/* -- who is told ----------------------------------------------------------------------------- */

char *bounce_address(const struct queue_entry *v, const struct account *a, struct identity *id)
{
	const char *system_mail = conf_text(a, KEY_SYSTEM_MAIL);

	if (v->sender[0] == '\0') {
		return NULL;
	}
	/* Who reads the mail of a local name, the service of the machine knows. */
	if (!local_is_own(v->sender, a, id) || handover_is_account(v->account)) {
		return mem_str(v->sender);
	}
	return system_mail ? mem_str(system_mail) : NULL;
}

bool bounce_is_wanted(const struct queue_entry *v, const struct queue_rcpt *r,
		      enum dsn_kind kind)
{
	const unsigned notify = queue_rcpt_notify(v, r);
	static const unsigned bits[DSN_KIND_COUNT] = {
		[DSN_FAILED] = SMTP_NOTIFY_FAILURE,
		[DSN_DELAYED] = SMTP_NOTIFY_DELAY,
		[DSN_RELAYED] = SMTP_NOTIFY_SUCCESS,
	};

	if (notify == 0) {
		return kind != DSN_RELAYED;
	}
	return (notify & SMTP_NOTIFY_NEVER) == 0 && (notify & bits[kind]) != 0;
}

/* For From: providers take only an address of one's own.  The caller frees it. */
static char *author(const struct bounce *b)
{
	const char *from = conf_from(b->account);

	/* CONF_FROM_AUTHOR has no domain either. */
	if (from && addr_domain(span_str(from)).size > 0) {
		return mem_str(from);
	}
	if (!local_is_own(b->entry->sender, b->account, b->id)) {
		return mem_str(b->entry->sender);
	}
	return mem_printf("MAILER-DAEMON@%s", identity_mailname(b->id));
}

/* -- the report ------------------------------------------------------------------------------ */

/*
 * Was it refused because it is too large, or cannot be made 7-bit?  Then so would a report be
 * that has all of it.
 */
static bool would_be_refused(const struct bounce *b)
{
	static const char *const codes[] = { "5.3.4", "5.2.3", "5.6.3" };

	for (size_t i = 0; i < b->rcpt_count; i++) {
		const struct queue_rcpt *r = &b->entry->rcpts[b->rcpts[i]];
		for (size_t k = 0; k < sizeof(codes) / sizeof(codes[0]); k++) {
			if (strcmp(r->dsn, codes[k]) == 0) {
				return true;
			}
		}
		if (r->text && strncmp(r->text, "552", 3) == 0) {
			return true;
		}
	}
	return false;
}

/* RFC 3461 §4.3: RET counts when delivery failed; any other report has the header alone. */
static bool has_all(const struct bounce *b)
{
	if (b->kind != DSN_FAILED || would_be_refused(b)) {
		return false;
	}
	return b->entry->ret == SMTP_RET_FULL ||
	       (b->entry->ret == SMTP_RET_DEFAULT &&
		message_size(b->message) <= BOUNCE_SIZE_LIMIT);
}

static struct dsn_rcpt *list_rcpts(const struct bounce *b)
{
	struct dsn_rcpt *rcpts = mem_alloc(b->rcpt_count, sizeof(*rcpts));

	for (size_t i = 0; i < b->rcpt_count; i++) {
		const struct queue_rcpt *r = &b->entry->rcpts[b->rcpts[i]];
		rcpts[i] = (struct dsn_rcpt){
			.addr = r->addr,
			.orcpt = r->orcpt,
			.status = r->dsn,
			.text = r->text,
			.is_reply = r->is_reply,
			.maybe_sent = r->maybe_sent,
			.remote_mta = r->server,
			.is_last = !bounce_is_wanted(b->entry, r, DSN_FAILED),
		};
	}
	return rcpts;
}

static struct dsn make_dsn(const struct bounce *b, const char *to, const char *from,
			   const struct dsn_rcpt *rcpts)
{
	const struct queue_entry *v = b->entry;
	time_t now = clock_now();
	struct dsn d = {
		.kind = b->kind,
		.to = to,
		.from = from,
		.sender = v->sender,
		.queue_id = v->id,
		.envid = v->envid,
		.arrival = v->arrival,
		.last_attempt = v->last,
		.now = now,
		.retry_until = b->retry_until,
		.zone_minutes = clock_zone_minutes(now),
		.rcpts = rcpts,
		.rcpt_count = b->rcpt_count,
		.is_full = has_all(b),
		.is_utf8 = v->needs_smtputf8,
	};

	clock_random(d.random, sizeof(d.random));
	return d;
}

/* The entry of the report: it goes the same way as the message. */
static bool make_entry(const struct bounce *b, const struct dsn *d, struct queue_entry *v,
		       struct err *e)
{
	queue_entry_init(v);
	v->account = mem_str(b->entry->account);
	v->config = b->entry->config ? mem_str(b->entry->config) : NULL;
	v->sender = mem_str("");
	v->uid = b->entry->uid;
	v->arrival = v->since = d->now;
	v->notify = SMTP_NOTIFY_NEVER;
	v->needs_smtputf8 = dsn_needs_smtputf8(d);
	for (size_t i = 0; i < b->entry->setting_count; i++) {
		queue_entry_add_setting(v, b->entry->settings[i].name,
					b->entry->settings[i].value);
	}
	return queue_entry_add_rcpt(v, d->to, NULL, e);
}

/* Head, message or header, tail: into the queue, durable.  v->id is the ID then. */
static bool put_report(const struct bounce *b, const struct dsn *d, struct span head,
		       struct span header, struct queue_entry *v, struct queue_file *f,
		       struct err *e)
{
	struct buf tail BUF_AUTO;

	buf_init(&tail, TAIL_BYTES);
	BUG_ON(!dsn_tail(d, &tail));
	bool ok = queue_put_begin(b->queue, QUEUE_INCOMING, v, f, e);
	v->is_8bit = dsn_is_8bit(d);
	v->size = head.size + tail.size + (d->is_full ? message_size(b->message) : header.size);
	if (ok && queue_put(f, head, e) &&
	    (d->is_full ? message_copy(b->message, f, e) : queue_put(f, header, e)) &&
	    queue_put(f, buf_span(&tail), e) && queue_put_end(f, v, e) &&
	    queue_sync(b->queue, f, e)) {
		return true;
	}
	struct err more;
	if (!queue_remove(b->queue, f, &more)) {
		/* It is not complete, or will be sent beside the next one: both do no harm. */
		queue_file_close(f);
	}
	return false;
}

/* The header of the report itself. */
static struct span own_header(struct span head)
{
	const char *end = memmem(head.data, head.size, "\r\n\r\n", 4);

	return end ? span_first(head, (size_t)(end - head.data) + 2) : head;
}

static bool write_report(const struct bounce *b, const char *to, bool *ret_told,
			 char ret_id[QUEUE_ID_MAX], struct err *e)
{
	char *from MEM_AUTO = author(b);
	struct dsn_rcpt *rcpts MEM_AUTO = list_rcpts(b);
	const char *domain = conf_text(b->account, KEY_DOMAIN);
	char *own_name MEM_AUTO = names_dns(domain ? domain : identity_host(b->id));
	struct dsn d = make_dsn(b, to, from, rcpts);
	struct buf head BUF_AUTO;
	struct queue_entry v;
	struct queue_file f;
	struct span header;
	struct err wrong;

	d.reporting_mta = own_name;
	buf_init(&head, HEAD_BYTES + b->rcpt_count * RCPT_BYTES);
	if (!message_header(b->message, &header, e)) {
		return false;
	}
	d.is_8bit = d.is_full ? b->message->is_8bit : !text_is_ascii(header);
	if (!dsn_head(&d, &head, &wrong)) {
		/* Such an address cannot be told anything, now or later. */
		return true;
	}
	queue_file_init(&f);
	bool ok = make_entry(b, &d, &v, e) &&
		  put_report(b, &d, buf_span(&head), header, &v, &f, e);
	if (ok) {
		*ret_told = true;
		memcpy(ret_id, v.id, QUEUE_ID_MAX);
		maillog_report(b->log, b->entry, b->kind, &v, own_header(buf_span(&head)));
	}
	queue_file_close(&f);
	queue_entry_clear(&v);
	return ok;
}

bool bounce_put(const struct bounce *b, bool *ret_told, char ret_id[QUEUE_ID_MAX],
		struct err *e)
{
	char *to MEM_AUTO = bounce_address(b->entry, b->account, b->id);

	BUG_ON(b->rcpt_count == 0);
	*ret_told = false;
	if (!to) {
		return true;
	}
	return write_report(b, to, ret_told, ret_id, e);
}
