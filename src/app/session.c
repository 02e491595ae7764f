/* SPDX-License-Identifier: ISC */
/* session: see session.h. */
#include "app/session.h"
#include "app/adapt.h"
#include "app/handover.h"
#include "app/names.h"
#include "app/session_login.h"
#include "app/settings.h"
#include "app/signals.h"
#include "app/trace.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/stream.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <sysexits.h>

/* Without `timeout`: connecting, and TLS, may take this long. */
enum { CONNECT_SECONDS = 30, TLS_SECONDS = 60 };
/* How long the server may take for its goodbye, where we wait for it. */
enum { GOODBYE_SECONDS = 5 };
enum { INPUT_SIZE = 16 << 10 };
/* Reads after the connection broke: a server that floods us has no last words. */
enum { LAST_READS = 64 };

struct session {
	const struct session_options *options;
	const struct account *account;
	const struct session_source *source;
	struct session_facts *facts;
	struct names names;
	struct stream stream;
	struct smtp_client *client;
	struct login login;
	struct trace trace;
	unsigned long long reply_no;	/* whose deadline runs */
	int64_t deadline;
	int64_t reach_until;		/* it must have greeted us by then */
};

static struct session_job *job_of(struct smtp_txn *txn)
{
	return (struct session_job *)((char *)txn - offsetof(struct session_job, txn));
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* The account's timeout caps what we would wait otherwise. */
static int64_t deadline_after(const struct session *s, unsigned seconds)
{
	unsigned cap = (unsigned)conf_number(s->account, KEY_TIMEOUT);

	return earlier(clock_deadline(cap > 0 && cap < seconds ? cap : seconds), s->reach_until);
}

static bool connect_server(struct session *s, struct err *e)
{
	struct net_target target = settings_target(s->account, &s->names, s->options->hop->port);

	if (target.unix_path) {
		trace_note(&s->trace, "connecting to %s", target.unix_path);
	} else {
		trace_note(&s->trace, "connecting to %s port %u", s->options->hop->host,
			   target.port);
	}
	int fd = net_connect(&target, deadline_after(s, CONNECT_SECONDS), s->facts->peer, e);

	if (fd < 0) {
		return false;
	}
	stream_init(&s->stream, fd);
	return true;
}

static bool start_tls(struct session *s, struct err *e)
{
	const struct hop *hop = s->options->hop;
	struct tls_options options = settings_tls(s->account);
	bool is_named = conf_is_set(s->account, KEY_TLS_HOST_OVERRIDE);

	options.host = s->names.tls_host;
	options.srv_domain = hop->srv_domain[0] && !is_named ? hop->srv_domain : NULL;
	options.is_starttls = hop->is_starttls;
	if (!stream_start_tls(&s->stream, &options, deadline_after(s, TLS_SECONDS), e)) {
		return false;
	}
	snprintf(s->facts->tls_version, sizeof(s->facts->tls_version), "%s",
		 tls_version(s->stream.tls));
	snprintf(s->facts->tls_cipher, sizeof(s->facts->tls_cipher), "%s",
		 tls_cipher(s->stream.tls));
	trace_note(&s->trace, "TLS %s %s", s->facts->tls_version, s->facts->tls_cipher);
	return true;
}

static bool begin_login(struct session *s, const struct smtp_action *action, struct err *e)
{
	bool ok = login_begin(&s->login, s->client, action, s->stream.tls, e);

	snprintf(s->facts->mechanism, sizeof(s->facts->mechanism), "%s", s->login.mechanism);
	return ok;
}

/* What a read gave goes into the engine. */
static bool hear(struct session *s, const char *input, ssize_t n, struct err *e)
{
	if (n > 0) {
		trace_received(&s->trace, span_of(input, (size_t)n));
		smtp_client_feed(s->client, span_of(input, (size_t)n));
	} else if (n == 0) {
		err_set(e, CAUSE_LOST, "the server closed the connection");
	}
	return n > 0;
}

static bool read_some(struct session *s, int64_t deadline, struct err *e)
{
	char input[INPUT_SIZE];

	return hear(s, input, stream_read(&s->stream, input, sizeof(input), deadline, e), e);
}

/* What is there already.  *ret_any = false: nothing, which is no error. */
static bool take_some(struct session *s, bool *ret_any, struct err *e)
{
	char input[INPUT_SIZE];
	ssize_t n = stream_take(&s->stream, input, sizeof(input), e);

	*ret_any = n > 0;
	return n == FLIGHT_NOTHING || hear(s, input, n, e);
}

/* A server that hangs up often said why first. */
static void lose(struct session *s, const struct err *why)
{
	bool any = true;

	for (int i = 0; i < LAST_READS && any; i++) {
		struct err ignored;
		if (!take_some(s, &any, &ignored)) {
			break;
		}
	}
	smtp_client_lost(s->client, why);
}

static void write_out(struct session *s, const struct smtp_action *action)
{
	struct err e;

	if (action->body_size > 0) {
		signals_end_with("sendmail: stopped by a signal; the message may have been sent\n",
				 EX_TEMPFAIL);
	}
	trace_sent(&s->trace, action);
	if (stream_write(&s->stream, action->data, clock_deadline(action->timeout_s), &e)) {
		smtp_client_wrote(s->client);
	} else {
		lose(s, &e);
	}
}

/* Both sides wait for the other's first word, if the server wants TLS before it. */
static void explain_silence(const struct session *s, const struct smtp_action *action,
			    struct err *e)
{
	bool is_own = handover_is_account(s->account->name);

	if (action->reply_no == 0 && !s->stream.tls && !is_own && e->os_errno == ETIMEDOUT) {
		err_set(e, CAUSE_LOST, "the server did not greet us in time: if it wants TLS "
			"from the start, set %s",
			conf_on(s->account, KEY_TLS) ? "tls_starttls off" : "tls on");
		e->os_errno = ETIMEDOUT;
	}
}

static void read_reply(struct session *s, const struct smtp_action *action)
{
	struct err e;

	if (s->reply_no != action->reply_no) {
		s->reply_no = action->reply_no;
		s->reach_until = s->reply_no == 0 ? s->reach_until : DEADLINE_NEVER;
		s->deadline = earlier(clock_deadline(action->timeout_s), s->reach_until);
	}
	if (!read_some(s, s->deadline, &e)) {
		explain_silence(s, action, &e);
		lose(s, &e);
	}
}

static void give_body(struct session *s, const struct smtp_action *action)
{
	struct span bytes;
	struct err e;
	bool any;

	/* A refusal in the middle of a large message ends it early. */
	if (action->offset > 0 && !take_some(s, &any, &e)) {
		smtp_client_lost(s->client, &e);
		return;
	}
	if (message_read(job_of(action->txn)->message, action->offset, action->max, &bytes, &e)) {
		smtp_client_body(s->client, bytes);
	} else {
		smtp_client_lost(s->client, &e);
	}
}

/* The next message, or goodbye. */
static void submit_next(struct session *s)
{
	struct session_job *job = s->source->next(s->source->context);

	if (job) {
		smtp_client_submit(s->client, &job->txn);
	} else {
		smtp_client_quit(s->client);
	}
}

static void settle(struct session *s, struct smtp_txn *txn)
{
	s->facts->has_dsn = smtp_client_caps(s->client)->dsn;
	s->facts->size_max = smtp_client_caps(s->client)->size_max;
	adapt_undo(job_of(txn));
	s->source->settled(s->source->context, job_of(txn));
}

/* Does what the engine asks for, until it is done. */
static bool pump(struct session *s, struct err *e)
{
	for (;;) {
		struct smtp_action action = smtp_client_next(s->client);
		struct err why;

		switch (action.kind) {
		case SMTP_WRITE:
			write_out(s, &action);
			break;
		case SMTP_READ:
			read_reply(s, &action);
			break;
		case SMTP_TLS:
			if (start_tls(s, &why)) {
				smtp_client_tls_done(s->client);
			} else {
				smtp_client_lost(s->client, &why);
			}
			break;
		case SMTP_AUTH:
			if (!begin_login(s, &action, &why)) {
				smtp_client_lost(s->client, &why);
			}
			break;
		case SMTP_STEP:
			login_step(&s->login, s->client, action.data);
			break;
		case SMTP_VERIFY:
			if (login_finish(&s->login, &why)) {
				smtp_client_auth_verified(s->client);
			} else {
				smtp_client_lost(s->client, &why);
			}
			break;
		case SMTP_ADAPT:
			adapt_job(job_of(action.txn), action.adapt);
			smtp_client_adapted(s->client);
			break;
		case SMTP_BODY:
			give_body(s, &action);
			break;
		case SMTP_NEXT:
		case SMTP_IDLE:
			submit_next(s);
			break;
		case SMTP_SETTLED:
			settle(s, action.txn);
			break;
		case SMTP_DONE:
			return true;
		case SMTP_FAIL:
			s->facts->avoid = action.avoid;
			*e = *action.err;
			return false;
		}
	}
}

/* Reads and forgets what the server still says, until it hangs up. */
static void see_off(struct session *s)
{
	int64_t deadline = clock_deadline(GOODBYE_SECONDS);
	char input[1024];
	struct err ignored;

	for (int i = 0; i < LAST_READS; i++) {
		if (stream_read(&s->stream, input, sizeof(input), deadline, &ignored) <= 0) {
			break;
		}
	}
}

static bool converse(struct session *s, struct session_job *first, struct err *e)
{
	const struct account *a = s->account;
	char literal[80];
	struct smtp_options options = {
		.is_lmtp = conf_is(a, KEY_PROTOCOL, "lmtp"),
		.security = !conf_on(a, KEY_TLS)   ? SMTP_NO_TLS
			    : s->options->hop->is_starttls ? SMTP_STARTTLS
							       : SMTP_IMPLICIT_TLS,
		.use_auth = conf_wants_auth(a),
		.allow_cleartext_auth = !conf_on(a, KEY_TLS),
		.is_own_service = handover_is_account(a->name),
		.timeout_s = (unsigned)conf_number(a, KEY_TIMEOUT),
		.avoid = s->options->avoid,
		.eager_max = 1 << 20,
		.in_flight_max = (unsigned)conf_number(a, KEY_MESSAGES_IN_FLIGHT),
	};

	stream_address_literal(&s->stream, literal, sizeof(literal));
	options.ehlo_name = s->names.ehlo ? s->names.ehlo : literal;
	login_init(&s->login, s->options->hop, s->options->secret, s->names.host);
	s->client = smtp_client_new(&options);
	smtp_client_submit(s->client, &first->txn);
	bool ok = pump(s, e);
	if (!ok && e->cause == CAUSE_AUTH) {
		s->facts->login_refused = true;
		login_add_reason(&s->login, e);
	}
	if (ok && s->source->sees_off && s->source->sees_off(s->source->context)) {
		see_off(s);
	}
	stream_close(&s->stream);
	smtp_client_free(s->client);
	login_clear(&s->login);
	return ok;
}

bool session_run(const struct session_options *o, const struct session_source *source,
		 struct session_facts *facts, struct err *e)
{
	struct session s = {
		.options = o,
		.account = o->hop->account,
		.source = source,
		.facts = facts,
		.reply_no = ULLONG_MAX,	/* no deadline runs yet */
		.reach_until = o->reach_ms > 0 ? clock_ms() + o->reach_ms : DEADLINE_NEVER,
	};

	*facts = (struct session_facts){ .account = o->hop->account, .port = o->hop->port };
	snprintf(facts->host, sizeof(facts->host), "%s", o->hop->host);
	struct session_job *first = source->next(source->context);
	if (!first) {
		return true;
	}
	trace_init(&s.trace, o->trace);
	bool ok = names_find(&s.names, o->hop, o->ehlo_name, e) && connect_server(&s, e);
	if (ok) {
		ok = converse(&s, first, e);
	} else {
		source->settled(source->context, first);
	}
	trace_clear(&s.trace);
	names_clear(&s.names);
	return ok;
}
