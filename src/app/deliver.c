/* SPDX-License-Identifier: ISC */
/* deliver: see deliver.h. */
#include "app/deliver.h"
#include "app/maillog.h"
#include "app/say.h"
#include "app/session.h"
#include "app/signals.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/sasl.h"
#include "sys/secret.h"

#include <sysexits.h>
#include <unistd.h>

/* First attempt, then one for each thing the server can turn out to dislike. */
enum { ATTEMPTS_MAX = 4 };

int deliver_exit_status(const struct smtp_rcpt *rcpts, size_t count)
{
	int status = EX_OK;

	for (size_t i = 0; i < count; i++) {
		const struct outcome *o = &rcpts[i].outcome;
		if (o->verdict == VERDICT_ACCEPTED) {
			continue;
		}
		/* A wrong configuration can be put right, but not by trying again. */
		if (o->verdict != VERDICT_PERMANENT && o->cause != CAUSE_CONFIG) {
			return EX_TEMPFAIL;
		}
		if (status == EX_OK) {
			status = cause_row(o->cause)->exit_code;
		}
	}
	return status;
}

static bool read_body(void *context, unsigned long long offset, size_t max, struct span *ret,
		      struct err *e)
{
	return message_read(context, offset, max, ret, e);
}

static bool find_secret(const struct account *a, struct identity *id, struct buf *secret,
			struct err *e)
{
	const char *provider;
	struct secret_query q = {
		.password = conf_text(a, KEY_PASSWORD),
		.password_file = conf_text(a, KEY_PASSWORD_FILE),
		.passwordeval = conf_text(a, KEY_PASSWORDEVAL),
		.host = conf_text(a, KEY_HOST),
		.user = conf_text(a, KEY_USER),
		.home = identity_home(id),
		.may_prompt = isatty(STDERR_FILENO) != 0,
	};

	if (!conf_wants_auth(a) || sasl_needs_no_secret(conf_mechanisms(a))) {
		return true;
	}
	return secret_find(&q, secret, &provider, e);
}

static struct smtp_rcpt *make_rcpts(const struct addr_list *recipients)
{
	struct smtp_rcpt *rcpts = mem_alloc(recipients->count, sizeof(*rcpts));

	for (size_t i = 0; i < recipients->count; i++) {
		rcpts[i].addr = recipients->at[i].spec;
	}
	return rcpts;
}

static bool any_accepted(const struct smtp_txn *txn)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		if (txn->rcpts[i].outcome.verdict == VERDICT_ACCEPTED) {
			return true;
		}
	}
	return false;
}

/* Who got no answer of his own shares the fate of the session. */
static void fill_outcomes(struct smtp_txn *txn, const struct err *e)
{
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		struct outcome *o = &txn->rcpts[i].outcome;
		if (o->verdict == VERDICT_UNTRIED) {
			o->verdict = cause_row(e->cause)->retry == RETRY_LATER ? VERDICT_TEMPORARY
									      : VERDICT_PERMANENT;
			o->cause = e->cause;
			o->verb = "";
			snprintf(o->text, sizeof(o->text), "%.*s", (int)sizeof(o->text) - 1, e->text);
		}
	}
}

/*
 * What a lost attempt may have delivered stays "perhaps delivered", whatever a later attempt
 * was told, unless that one delivered it.
 */
static bool keep_unknown(struct smtp_txn *txn, const bool *perhaps)
{
	bool any = false;

	for (size_t i = 0; i < txn->rcpt_count; i++) {
		struct outcome *o = &txn->rcpts[i].outcome;
		any = any || perhaps[i];
		if (perhaps[i] && o->verdict != VERDICT_ACCEPTED && o->verdict != VERDICT_UNKNOWN) {
			char later[OUTCOME_TEXT_MAX / 2];
			snprintf(later, sizeof(later), "%.*s", (int)sizeof(later) - 1, o->text);
			*o = (struct outcome){ .verdict = VERDICT_UNKNOWN, .cause = CAUSE_UNKNOWN, .verb = "" };
			snprintf(o->text, sizeof(o->text), "the connection was lost after the whole "
				 "message was sent, and the next attempt failed: %s", later);
		}
	}
	return any;
}

/* perhaps[i] becomes true when an attempt before the last may have delivered to i. */
static bool attempt(const struct delivery *d, struct identity *id, struct smtp_txn *txn,
		    bool *perhaps, struct session_facts *facts, struct err *e)
{
	const struct account *a = d->account;
	const struct session_body body = { .context = d->message, .read = read_body };
	const char *domain = conf_text(a, KEY_DOMAIN);
	struct buf secret;

	buf_init_secret(&secret, SECRET_MAX);
	bool ok = find_secret(a, id, &secret, e);
	if (!domain && strchr(identity_host(id), '.')) {
		domain = identity_host(id);
	}
	struct session_options options = {
		.account = a,
		.ehlo_name = domain,
		.secret = buf_span(&secret),
		.trace = d->verbose,
	};
	for (int i = 0; ok && i < ATTEMPTS_MAX; i++) {
		ok = session_run(&options, txn, &body, facts, e);
		if (ok || (facts->avoid & ~options.avoid) == 0 || any_accepted(txn)) {
			break;
		}
		options.avoid |= facts->avoid;
		if (facts->avoid & SMTP_AVOID_AUTH_PIPELINING) {
			/* Who lost track there gets everything one step at a time. */
			options.avoid |= SMTP_AVOID_PIPELINING;
		}
		ok = true;
		for (size_t k = 0; k < txn->rcpt_count; k++) {
			perhaps[k] = perhaps[k] || txn->rcpts[k].outcome.verdict == VERDICT_UNKNOWN;
			txn->rcpts[k].outcome = (struct outcome){ 0 };
		}
	}
	buf_clear(&secret);
	return ok;
}

/* Did the recipient fail only because the session did? */
static bool shares_fate(const struct outcome *o, const struct err *e)
{
	return o->verdict == VERDICT_UNKNOWN ||
	       (o->cause == e->cause && o->verdict != VERDICT_ACCEPTED);
}

/* " (in reply to MAIL FROM)" where the reader would not expect it. */
static void reply_to(const struct outcome *o, char *text, size_t size)
{
	bool is_own = o->code == 0 || !o->verb || !o->verb[0] || strcmp(o->verb, "RCPT TO") == 0;

	snprintf(text, size, is_own ? "%s" : " (in reply to %s)", is_own ? "" : o->verb);
}

static void tell_session(const struct delivery *d, const struct session_facts *facts,
			 const struct outcome *o, const struct err *e)
{
	const char *host = conf_text(d->account, KEY_HOST);
	const char *user = conf_text(d->account, KEY_USER);

	if (facts->login_refused) {
		bool is_tried = facts->mechanism[0] != '\0';
		say("account %s: login as %s%s%s at %s failed: %s", d->account->name,
		    user ? user : "(no user)", is_tried ? " with " : "", facts->mechanism,
		    host ? host : facts->peer, e->text);
	} else if (o->verdict == VERDICT_UNKNOWN) {
		say("account %s: perhaps sent: %s", d->account->name, o->text);
	} else {
		say("account %s: %s", d->account->name, e->text);
	}
}

/* One line for each recipient that failed; one for all that the session took with it, but
 * each is named when others have got the message. */
static void tell(const struct delivery *d, const struct smtp_txn *txn,
		 const struct session_facts *facts, bool session_ok, const struct err *e)
{
	bool one_for_all = !session_ok;

	for (size_t i = 0; i < txn->rcpt_count; i++) {
		one_for_all = one_for_all && shares_fate(&txn->rcpts[i].outcome, e);
	}
	if (one_for_all) {
		tell_session(d, facts, &txn->rcpts[0].outcome, e);
		return;
	}
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		const struct outcome *o = &txn->rcpts[i].outcome;
		char where[64];
		reply_to(o, where, sizeof(where));
		if (o->verdict != VERDICT_ACCEPTED) {
			say("%s: %s: %s%s", txn->rcpts[i].addr,
			    o->verdict == VERDICT_PERMANENT ? "not sent"
			    : o->verdict == VERDICT_UNKNOWN ? "perhaps sent"
							    : "not sent (try again later)",
			    o->text, where);
		}
	}
}

int deliver_now(const struct delivery *d, struct identity *id)
{
	const struct account *a = d->account;
	struct smtp_txn txn = {
		.sender = d->sender,
		.rcpts = make_rcpts(d->recipients),
		.rcpt_count = d->recipients->count,
		.size = message_size(d->message),
		.is_8bit = d->message->is_8bit,
		.needs_smtputf8 = d->needs_smtputf8,
		.notify = (unsigned)conf_number(a, KEY_DSN_NOTIFY),
		.ret = conf_is(a, KEY_DSN_RETURN, "headers") ? SMTP_RET_HDRS
		       : conf_is(a, KEY_DSN_RETURN, "full")  ? SMTP_RET_FULL
							     : SMTP_RET_DEFAULT,
		.envid = d->envid,
	};
	struct session_facts facts = { 0 };
	struct err e = { 0 };
	int64_t start_ms = clock_ms();
	bool *perhaps MEM_AUTO = mem_alloc(txn.rcpt_count, sizeof(*perhaps));
	bool ok = attempt(d, id, &txn, perhaps, &facts, &e);

	if (!ok) {
		fill_outcomes(&txn, &e);
	}
	facts.maybe_twice = keep_unknown(&txn, perhaps);
	int status = deliver_exit_status(txn.rcpts, txn.rcpt_count);
	signals_end_with(status == EX_OK ? "" : "sendmail: stopped by a signal\n", status);
	tell(d, &txn, &facts, ok, &e);
	maillog_write(d, id, &txn, &facts, clock_ms() - start_ms);
	free(txn.rcpts);
	return status;
}
