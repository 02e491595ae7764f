/* SPDX-License-Identifier: ISC */
/*
 * maillog: see maillog.h.  Words, order and punctuation of the lines are what log tools
 * match; what is our own stands behind them.
 */
#include "app/maillog.h"
#include "app/logsink.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mail/rewrite.h"

#include <stdarg.h>
#include <unistd.h>

struct maillog {
	struct logsink *sink;
	const struct account *account;
};

/* Longest part of a Message-ID that is logged. */
enum { MESSAGE_ID_MAX = 1000 };

struct maillog *maillog_open(const struct account *a, struct identity *id)
{
	struct logsink *sink = logsink_open(a, id);

	if (!sink) {
		return NULL;
	}
	struct maillog *log = mem_alloc(1, sizeof(*log));
	*log = (struct maillog){ .sink = sink, .account = a };
	return log;
}

void maillog_close(struct maillog *log)
{
	if (log) {
		logsink_close(log->sink);
		free(log);
	}
}

static void put(struct maillog *log, const char *service, const char *format, ...)
	RELAY_PRINTF(3, 4);
static void put(struct maillog *log, const char *service, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	logsink_put(log->sink, service, format, args);
	va_end(args);
}

/* -- a message ---------------------------------------------------------------------------- */

static void put_message_id(struct maillog *log, const char *id, struct span header)
{
	struct span message_id = span_first(rewrite_message_id(header), MESSAGE_ID_MAX);

	put(log, "cleanup", "%s: message-id=%.*s", id, SPAN_ARG(message_id));
}

static void put_active(struct maillog *log, const struct queue_entry *v)
{
	put(log, "qmgr", "%s: from=<%s>, size=%llu, nrcpt=%zu (queue active)", v->id, v->sender,
	    v->size, v->rcpt_count);
}

void maillog_arrived(struct maillog *log, const struct queue_entry *v, struct message *m)
{
	struct span header;
	struct err e;

	if (!log) {
		return;
	}
	if (!message_header(m, &header, &e)) {
		header = span_of(NULL, 0);
	}
	put(log, "pickup", "%s: uid=%lu from=<%s>", v->id,
	    (unsigned long)(v->uid >= 0 ? v->uid : getuid()), v->sender);
	put_message_id(log, v->id, header);
	put_active(log, v);
}

void maillog_report(struct maillog *log, const struct queue_entry *v, enum dsn_kind kind,
		    const struct queue_entry *report, struct span header)
{
	static const char *const words[DSN_KIND_COUNT] = {
		[DSN_FAILED] = "non-delivery",
		[DSN_DELAYED] = "delay",
		[DSN_RELAYED] = "delivery status",
	};

	if (!log) {
		return;
	}
	put_message_id(log, report->id, header);
	put(log, "bounce", "%s: sender %s notification: %s", v->id, words[kind], report->id);
	put_active(log, report);
}

void maillog_note(struct maillog *log, const char *id, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	if (!log) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(log, "qmgr", "%s: %s", id, text);
}

/* -- a recipient and an attempt ------------------------------------------------------------ */

static const char *const verdict_words[] = {
	[VERDICT_UNTRIED] = "deferred",	  [VERDICT_ACCEPTED] = "sent",
	[VERDICT_TEMPORARY] = "deferred", [VERDICT_PERMANENT] = "bounced",
	[VERDICT_UNKNOWN] = "deferred",
};

/* A line of an attempt. */
struct attempt {
	const struct queue_entry *entry;
	const char *addr;			/* of the recipient */
	const struct outcome *outcome;
	const char *account;			/* where facts do not name one */
	const struct session_facts *facts;	/* NULL = it was not tried itself */
	long long delay_ms;
	bool maybe_twice;
};

/*
 * From the arrival; the clock that only moves forward counts when the message arrived just
 * before the attempt, and it has fractions.  A clock that went back makes no delay.
 */
static long long delay_since(int64_t arrival, int64_t start_ms)
{
	long long own_ms = start_ms > 0 ? (long long)(clock_ms() - start_ms) : 0;
	long long seconds = (long long)clock_now() - arrival;

	return seconds * 1000 <= own_ms + 1000 ? (own_ms > 0 ? own_ms : 0) : seconds * 1000;
}

/* "HOST[ADDRESS]:PORT", the path of a socket, or "". */
static void relay_of(const struct session_facts *facts, char *relay, size_t size)
{
	relay[0] = '\0';
	if (facts && facts->peer[0] && facts->host[0]) {
		snprintf(relay, size, "%s[%s]:%u", facts->host, facts->peer, facts->port);
	} else if (facts) {
		snprintf(relay, size, "%s", facts->peer);
	}
}

static void put_attempt(struct maillog *log, const struct attempt *t)
{
	const struct session_facts *facts = t->facts;
	const struct outcome *o = t->outcome;
	const struct account *a = facts && facts->account ? facts->account : log->account;
	const char *account = facts && facts->account ? facts->account->name : t->account;
	const char *tls = facts && facts->tls_version[0] ? facts->tls_version : "none";
	const char *login = facts && facts->mechanism[0] ? facts->mechanism : "none";
	const char *service = !facts ? "error" : conf_is(a, KEY_PROTOCOL, "lmtp") ? "lmtp" : "smtp";
	char dsn[16], relay[512];

	relay_of(facts, relay, sizeof(relay));
	outcome_status(o, dsn);
	put(log, service,
	    "%s: to=<%s>, relay=%s, delay=%lld.%02lld, dsn=%s, status=%s (%s%s), account=%s, "
	    "tls=%s, auth=%s",
	    t->entry->id, t->addr, relay[0] ? relay : "none",
	    t->delay_ms / 1000, t->delay_ms % 1000 / 10, dsn, verdict_words[o->verdict],
	    o->text[0] ? o->text : "no answer", t->maybe_twice ? "; possible duplicate" : "",
	    account, tls, login);
}

void maillog_attempt(struct maillog *log, const struct delivery *d,
		     const struct session_facts *facts)
{
	const struct queue_entry *v = d->entry;
	struct attempt t = { .entry = v, .account = queue_via_account(v, d->via) };

	if (!log) {
		return;
	}
	t.delay_ms = delay_since(v->arrival, d->start_ms);
	/* A tool that reads one day's log has not seen its arrival. */
	if (v->has_state) {
		put_active(log, v);
	}
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		const struct outcome *o = t.outcome = &d->job.txn.rcpts[i].outcome;
		t.addr = d->job.txn.rcpts[i].addr;
		t.facts = delivery_facts(d, i, facts);
		t.maybe_twice = o->verdict == VERDICT_UNKNOWN ||
				(o->verdict == VERDICT_ACCEPTED &&
				 (d->perhaps[i] || v->rcpts[d->index[i]].maybe_sent));
		put_attempt(log, &t);
	}
}

void maillog_refused(struct maillog *log, const struct queue_entry *v, const char *addr,
		     const char *text)
{
	struct outcome o = { .verdict = VERDICT_PERMANENT, .cause = CAUSE_CONFIG };
	struct attempt t = { .entry = v, .addr = addr, .outcome = &o };

	if (!log) {
		return;
	}
	t.account = log->account->name;
	t.delay_ms = delay_since(v->arrival, 0);
	snprintf(o.text, sizeof(o.text), "%s", text);
	put_attempt(log, &t);
}

void maillog_suspended(struct maillog *log, const struct delivery *d, const struct err *why)
{
	struct outcome o = { .verdict = VERDICT_TEMPORARY, .cause = why->cause };
	struct attempt t = { .entry = d->entry, .outcome = &o };

	if (!log) {
		return;
	}
	t.account = queue_via_account(d->entry, d->via);
	t.delay_ms = delay_since(d->entry->arrival, 0);
	snprintf(o.text, sizeof(o.text), "delivery temporarily suspended: %.*s",
		 (int)sizeof(o.text) - 40, why->text);
	for (size_t i = 0; i < d->job.txn.rcpt_count; i++) {
		t.addr = d->job.txn.rcpts[i].addr;
		put_attempt(log, &t);
	}
}
