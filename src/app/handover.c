/* SPDX-License-Identifier: ISC */
/*
 * handover: see handover.h.  Works with the rights of the caller, and knows nothing that he
 * may not know.  Must never rewrite: who is who is for the service to say, which knows by itself
 * who calls.
 */
#include "app/handover.h"
#include "app/handover_keep.h"
#include "app/handover_tell.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/session.h"
#include "app/tell.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/header.h"
#include "smtp/reply.h"
#include "smtp/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* How long a service that is full is tried again, and how long we wait between two tries. */
enum { FULL_SECONDS = 30, PAUSE_MIN_MS = 25, PAUSE_MAX_MS = 250 };

bool handover_is_account(const char *name)
{
	return name && strcmp(name, scope_socket) == 0;
}

struct account *handover_account(struct conf *c, struct err *e)
{
	static const struct {
		enum key key;
		const char *value;
	} settings[] = {
		{ KEY_SOCKET, scope_socket },
		{ KEY_TLS, "off" },
		{ KEY_AUTH, "off" },
	};
	struct account *a = conf_add_account(c, scope_socket);
	const struct conf_env env = { .home = NULL };

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (!conf_set(a, settings[i].key, span_str(settings[i].value), scope_socket,
			      &env, e)) {
			return NULL;
		}
	}
	return a;
}

/* -- the envelope ---------------------------------------------------------------------- */

/* As it was given: the service adds domains, and knows the aliases. */
static bool find_envelope(struct call *c, struct err *e)
{
	struct envelope *v = &c->envelope;
	const struct options *o = &c->options;

	if (!envelope_from_header(v, o, buf_span(&c->message.header), e)) {
		return false;
	}
	if (!v->sender) {
		v->sender = mem_str(v->given ? v->given : identity_login(&c->id));
	}
	addr_list_unique(&v->recipients);
	return v->recipients.count > 0 ||
	       err_set(e, CAUSE_USAGE, "no recipients: name them as arguments, or use -t and "
				       "name them in To, Cc or Bcc");
}

/* Can the service make From of -F itself?  As it makes every other. */
static bool fits_parameter(const char *name)
{
	struct buf xtext BUF_AUTO;

	buf_init(&xtext, VERB_NAME_MAX);
	for (const char *p = name; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f) {
			return false;
		}
	}
	return text_is_utf8(span_str(name)) && verb_add_xtext(&xtext, span_str(name));
}

static const char *name_of(const struct call *c)
{
	const char *name = c->options.full_name;

	return name && fits_parameter(name) ? name : NULL;
}

/* -od: later than the machine would, but never sooner. */
static enum smtp_mode mode_of(const struct account *a)
{
	return conf_is(a, KEY_DELIVERY_MODE, "queue")	     ? SMTP_MODE_QUEUE
	       : conf_is(a, KEY_DELIVERY_MODE, "background") ? SMTP_MODE_BACKGROUND
							     : SMTP_MODE_DEFAULT;
}

/* Our caller hears of whoever is refused, by line and status; an SMTP client of ours does not. */
static enum smtp_errors errors_of(const struct call *c)
{
	static const enum smtp_errors errors[] = {
		[ERRORS_PRINT] = SMTP_ERRORS_PRINT,
		[ERRORS_MAIL] = SMTP_ERRORS_MAIL,
		[ERRORS_MAIL_ZERO] = SMTP_ERRORS_ZERO,
		[ERRORS_QUIET] = SMTP_ERRORS_QUIET,
	};

	return c->client ? c->client->errors : errors[c->options.error_mode];
}

/* -N, -R and -od: no other setting of the command line is left. */
static bool set_wishes(struct account *a, const struct options *o, struct err *e)
{
	const struct conf_env env = { .home = NULL };

	for (size_t i = 0; i < o->setting_count; i++) {
		const struct option_setting *s = &o->settings[i];
		if (!conf_set(a, s->key, span_str(s->value), "command line", &env, e)) {
			e->cause = CAUSE_USAGE;
			return false;
		}
	}
	return true;
}

static void fill_txn(struct handover *h)
{
	struct call *c = h->call;
	const struct account *a = h->account;
	const struct addr_list *to = &c->envelope.recipients;
	const struct smtp_envelope *client = c->client;
	/* An SMTP client of ours said more about each. */
	bool is_same = client && client->rcpt_count == to->count;
	struct smtp_txn *t = &h->job.txn;

	*t = (struct smtp_txn){
		.sender = c->envelope.sender,
		.rcpts = mem_alloc(to->count, sizeof(*t->rcpts)),
		.rcpt_count = to->count,
		.size = message_size(&c->message),
		.is_8bit = c->message.is_8bit,
		.needs_smtputf8 = header_needs_smtputf8(buf_span(&c->message.header)),
		.notify = (unsigned)conf_number(a, KEY_DSN_NOTIFY),
		.ret = conf_is(a, KEY_DSN_RETURN, "headers") ? SMTP_RET_HDRS
		       : conf_is(a, KEY_DSN_RETURN, "full")  ? SMTP_RET_FULL
							     : SMTP_RET_DEFAULT,
		.envid = c->options.envid,
		.mode = mode_of(a),
		.errors = errors_of(c),
		.wants_notice = !client && (c->options.verbose || isatty(STDERR_FILENO)),
		.full_name = name_of(c),
		.told = &h->told,
	};
	for (size_t i = 0; i < to->count; i++) {
		t->rcpts[i].addr = to->at[i].spec;
		t->rcpts[i].orcpt = is_same ? client->rcpts[i].orcpt : NULL;
		t->rcpts[i].notify = is_same ? client->rcpts[i].notify : 0;
	}
	h->job.message = &c->message;
}

/* -- the session ----------------------------------------------------------------------- */

static struct session_job *next(void *context)
{
	struct handover *h = context;
	bool is_first = !h->is_given;

	h->is_given = true;
	return is_first ? &h->job : NULL;
}

static void settled(void *context, struct session_job *job)
{
	(void)context;
	(void)job;
}

static void pause_a_little(void)
{
	uint32_t random;
	int64_t deadline;

	clock_random(&random, sizeof(random));
	deadline = clock_ms() + PAUSE_MIN_MS + random % (PAUSE_MAX_MS - PAUSE_MIN_MS);
	while (clock_left(deadline) > 0) {
		if (poll(NULL, 0, clock_left(deadline)) < 0 && errno != EINTR) {
			return;
		}
	}
}

/*
 * Too many are at it at this moment: it was there, and hung up or said so before a word of
 * the message.
 */
static bool is_full(const struct handover *h, const struct session_facts *facts)
{
	return facts->peer[0] != '\0' && !h->job.txn.was_begun &&
	       h->job.txn.rcpts[0].outcome.code / 100 != 5 &&
	       (h->why.cause == CAUSE_LOST || h->why.cause == CAUSE_TEMP);
}

/* RFC 3463: 4.3.5, the system is incorrectly configured.  To whom waits, it still is. */
static void note_configuration(struct smtp_txn *t)
{
	for (size_t i = 0; i < t->rcpt_count; i++) {
		struct outcome *o = &t->rcpts[i].outcome;
		if (o->verdict == VERDICT_TEMPORARY && strcmp(o->enhanced, "4.3.5") == 0) {
			o->cause = CAUSE_CONFIG;
		}
	}
}

static void run_session(struct handover *h)
{
	const struct hop hop = { .account = h->account };
	const struct session_options options = {
		.hop = &hop,
		.trace = h->call->options.verbose,
	};
	const struct session_source source = { h, next, settled, NULL };
	const int64_t deadline = clock_deadline(FULL_SECONDS);
	struct session_facts facts;

	for (;;) {
		h->is_given = false;
		h->has_failed = !session_run(&options, &source, &facts, &h->why);
		if (!h->has_failed || !is_full(h, &facts) || clock_left(deadline) <= 0) {
			break;
		}
		pause_a_little();
	}
	h->is_missing = h->has_failed && facts.peer[0] == '\0';
	for (size_t i = 0; h->has_failed && i < h->job.txn.rcpt_count; i++) {
		struct outcome *o = &h->job.txn.rcpts[i].outcome;
		if (o->verdict == VERDICT_UNTRIED) {
			outcome_set(o, VERDICT_TEMPORARY, h->why.cause, VERB_NONE, "",
				    h->why.text);
		}
	}
	note_configuration(&h->job.txn);
	if (facts.size_max > 0 && h->job.txn.size > facts.size_max) {
		h->is_too_large = true;
		err_set(&h->why, CAUSE_DATA,
			"the message is larger than message_size_limit (%llu bytes)",
			facts.size_max);
	}
}

/* -- how it ends ----------------------------------------------------------------------- */

/* Who has it must not get it once more; who was refused has lost it for good. */
static bool is_worth_keeping(const struct handover *h)
{
	for (size_t i = 0; i < h->job.txn.rcpt_count && !h->some_have_it; i++) {
		enum verdict verdict = h->job.txn.rcpts[i].outcome.verdict;
		if (verdict != VERDICT_ACCEPTED && verdict != VERDICT_PERMANENT) {
			return handover_can_keep(h);
		}
	}
	return false;
}

static int finish(struct handover *h)
{
	int status;
	struct err e;

	run_session(h);
	handover_take_result(h);
	status = handover_status(h);
	if (is_worth_keeping(h) && !handover_keep(h, &e)) {
		say("it cannot be kept in your own queue: %s", e.text);
	}
	if (h->is_missing && !h->is_kept && h->why.os_errno == ENOENT) {
		status = EX_CONFIG;
	}
	status = h->is_kept ? tell_exit_status(&h->job.txn, true) : status;
	if (h->call->answer) {
		handover_answer_client(h);
	}
	if (h->is_too_large) {
		return say_error(&h->why);
	}
	handover_tell(h, status);
	return status;
}

/* Whoever cannot hand it over, now or later, hears it before the message is read. */
static bool is_possible(const struct handover *h, struct err *e)
{
	struct stat st;

	if (handover_can_keep(h) || lstat(scope_socket, &st) == 0 || errno != ENOENT) {
		return true;
	}
	return err_set(e, CAUSE_CONFIG, "you have no configuration of your own, may not read %s, "
			"and nobody takes the mail of the machine at %s: %s",
		       scope_file, scope_socket, handover_remedy(ENOENT));
}

static bool read_message(struct call *c, struct err *e)
{
	struct message *m = &c->message;
	struct message_store nowhere = { .queue = NULL };

	queue_file_init(&nowhere.file);
	/* The account may have been missed after the header had been read. */
	return (m->in_body || m->is_read ||
		message_read_header(m, STDIN_FILENO, !c->options.ignore_dots, e)) &&
	       find_envelope(c, e) && (name_of(c) || handover_add_author(c, e)) &&
	       message_read_body(m, STDIN_FILENO, &nowhere, e);
}

int handover(struct call *c)
{
	struct handover h = { .call = c };
	struct conf conf;
	struct err e;
	int status;

	conf_init(&conf);
	buf_init(&h.told, REPLY_TEXT_MAX);
	scope_drop_settings(&c->options);
	h.account = handover_account(&conf, &e);
	if (!h.account || !set_wishes(h.account, &c->options, &e) || !is_possible(&h, &e) ||
	    !read_message(c, &e)) {
		status = say_error(&e);
	} else {
		fill_txn(&h);
		status = finish(&h);
	}
	free(h.job.txn.rcpts);
	buf_clear(&h.told);
	conf_clear(&conf);
	return status;
}

bool handover_refuse(struct err *e)
{
	return err_set(e, CAUSE_CONFIG, "you have no account of your own: your mail goes through "
			"the service of the machine, %s, which has its own settings",
		       scope_socket);
}

bool handover_envelope(struct call *c, struct err *e)
{
	const struct handover h = { .call = c };

	return is_possible(&h, e) && find_envelope(c, e);
}
