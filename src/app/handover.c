/* SPDX-License-Identifier: ISC */
/*
 * handover: see handover.h.  Works with the rights of the caller, and knows nothing that he
 * may not know.  Must never rewrite: who is who is for the service to say, which knows by itself
 * who calls.
 */
#include "app/handover.h"
#include "app/handover_keep.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/session.h"
#include "app/tell.h"
#include "base/clock.h"
#include "base/mem.h"
#include "mail/header.h"
#include "smtp/server.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

/* How long a service that is full is tried again, and how long we wait between two tries. */
enum { FULL_SECONDS = 30, PAUSE_MIN_MS = 50, PAUSE_MAX_MS = 500 };

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

/* -F is nothing that an envelope could say. */
static bool add_author(struct call *c, struct err *e)
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

/* -od: later than the machine would, but never sooner. */
static enum smtp_mode mode_of(const struct options *o)
{
	return !o->delivery				? SMTP_MODE_DEFAULT
	       : strcmp(o->delivery, "queue") == 0	? SMTP_MODE_QUEUE
	       : strcmp(o->delivery, "background") == 0 ? SMTP_MODE_BACKGROUND
							: SMTP_MODE_DEFAULT;
}

/* Our caller hears of whoever is refused, by line and status; an SMTP client of ours does not. */
static enum smtp_errors errors_of(const struct call *c)
{
	bool by_mail = c->options.error_mode == ERRORS_MAIL ||
		       c->options.error_mode == ERRORS_MAIL_ZERO;

	return c->client ? c->client->errors : by_mail ? SMTP_ERRORS_MAIL : SMTP_ERRORS_REPLY;
}

/* -N and -R, and no other setting of the command line. */
static bool set_reports(struct account *a, const struct options *o, struct err *e)
{
	const struct conf_env env = { .home = NULL };

	for (size_t i = 0; i < o->setting_count; i++) {
		const struct option_setting *s = &o->settings[i];
		if ((s->key == KEY_DSN_NOTIFY || s->key == KEY_DSN_RETURN) &&
		    !conf_set(a, s->key, span_str(s->value), "command line", &env, e)) {
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
		.mode = mode_of(&c->options),
		.errors = errors_of(c),
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
	return facts->peer[0] != '\0' && !h->job.txn.was_begun && h->why.cause != CAUSE_DATA &&
	       cause_row(h->why.cause)->retry == RETRY_LATER;
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
}

/* -- what the caller hears ------------------------------------------------------------- */

static const char *words_of(const struct outcome *o)
{
	return o->verdict == VERDICT_PERMANENT ? "not sent"
	       : o->verdict == VERDICT_UNKNOWN ? "perhaps sent"
					       : "not sent (try again later)";
}

/* Did they all fail, in the same words? */
static bool is_one_fate(const struct smtp_txn *t)
{
	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct outcome *o = &t->rcpts[i].outcome;
		if (o->verdict == VERDICT_ACCEPTED ||
		    strcmp(o->text, t->rcpts[0].outcome.text) != 0) {
			return false;
		}
	}
	return true;
}

const char handover_remedy[] =
	"start it (systemctl start relay-submit.socket; see THE MACHINE'S MAIL in sendmail(8)), "
	"or write a ~/.relayrc of your own";

static void tell(const struct handover *h)
{
	const struct smtp_txn *t = &h->job.txn;
	bool is_one = is_one_fate(t);

	if (h->is_kept) {
		say("not sent yet, kept in your own queue as %s: %s; the next queue run tries again",
		    h->id, t->rcpts[0].outcome.text);
	} else if (h->is_missing) {
		say("%s; nobody takes the mail of the machine there: %s", h->why.text,
		    handover_remedy);
	} else if (is_one) {
		say("%s: %s", words_of(&t->rcpts[0].outcome), t->rcpts[0].outcome.text);
	}
	for (size_t i = 0; i < t->rcpt_count && !h->is_missing; i++) {
		const struct outcome *o = &t->rcpts[i].outcome;
		bool is_told = o->verdict == VERDICT_ACCEPTED || is_one ||
			       (h->is_kept && o->verdict != VERDICT_PERMANENT);
		if (!is_told) {
			say("%s: %s: %s", t->rcpts[i].addr, words_of(o), o->text);
		}
	}
}

/* The words of the service for an SMTP client of ours: "250 2.0.0 Ok: queued as ID". */
static void answer_client(const struct handover *h)
{
	const struct smtp_txn *t = &h->job.txn;
	const struct outcome *first = &t->rcpts[0].outcome;
	const char *colon = strstr(first->text, "queued as ");
	struct smtp_fate fate = { .txn = t, .id = h->id, .is_kept = h->is_kept };

	if (first->verdict == VERDICT_ACCEPTED) {
		fate.id = colon ? colon + strlen("queued as ") : "";
	}
	smtp_server_judge(h->call->answer, &fate);
}

static int finish(struct handover *h)
{
	int status;
	struct err e;

	run_session(h);
	status = tell_exit_status(&h->job.txn, false);
	if (status == EX_TEMPFAIL && handover_can_keep(h) && !handover_keep(h, &e)) {
		say("it cannot be kept in your own queue: %s", e.text);
	}
	if (h->is_missing && !h->is_kept && h->why.os_errno == ENOENT) {
		status = EX_CONFIG;
	}
	status = h->is_kept ? tell_exit_status(&h->job.txn, true) : status;
	if (h->call->answer) {
		answer_client(h);
	}
	if (h->call->options.error_mode != ERRORS_QUIET &&
	    (status != EX_OK ||
	     (h->is_kept && (h->call->options.verbose || isatty(STDERR_FILENO))))) {
		tell(h);
	}
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
		       scope_file, scope_socket, handover_remedy);
}

static bool read_message(struct call *c, struct err *e)
{
	struct message *m = &c->message;
	struct message_store nowhere = { .queue = NULL };

	queue_file_init(&nowhere.file);
	/* The account may have been missed after the header had been read. */
	return (m->in_body || m->is_read ||
		message_read_header(m, STDIN_FILENO, !c->options.ignore_dots, e)) &&
	       find_envelope(c, e) && add_author(c, e) &&
	       message_read_body(m, STDIN_FILENO, &nowhere, e);
}

int handover(struct call *c)
{
	struct handover h = { .call = c };
	struct conf conf;
	struct err e;
	int status;

	conf_init(&conf);
	scope_drop_settings(&c->options);
	h.account = handover_account(&conf, &e);
	if (!h.account || !set_reports(h.account, &c->options, &e) || !is_possible(&h, &e) ||
	    !read_message(c, &e)) {
		status = say_error(&e);
	} else {
		fill_txn(&h);
		status = finish(&h);
	}
	free(h.job.txn.rcpts);
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
