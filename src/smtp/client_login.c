/* SPDX-License-Identifier: ISC */
/*
 * client_login: AUTH (RFC 4954), and what to do about servers that dislike commands behind
 * it.  The mechanism is the caller's: here are only its lines.  Must never let a byte of a
 * secret into an error text.
 */
#include "smtp/client_state.h"
#include "base/text.h"

#include <stdio.h>

static void start_login(struct smtp_client *c)
{
	if (!c->is_tls && !c->options.allow_cleartext_auth) {	/* rule 5 */
		client_fail_text(c, CAUSE_AUTH, VERB_NONE, 0, FAIL_SURE,
				 "there is no TLS, so the login was not sent");
	} else if (!c->caps.auth || c->caps.mechanisms[0] == '\0') {
		client_fail_text(c, CAUSE_AUTH, VERB_NONE, 0, FAIL_SURE,
				 "the server offers no login (AUTH) %s",
				 c->is_tls ? "here" : "without TLS");
	} else {
		c->phase = PHASE_CHOICE;
	}
}

void client_login_if_due(struct smtp_client *c)
{
	/* A message that cannot be sent here anyway needs no login. */
	if (c->is_login_due && !client_unfit(c) &&
	    !(c->hearing->txn && c->hearing->stage == STAGE_OVER)) {
		c->is_login_due = false;
		start_login(c);
	}
}

/* Puts a line together; the secret is what follows `prefix`. */
static void set_line(struct smtp_client *c, enum verb verb, const char *prefix,
		     const char *empty, const struct span *secret)
{
	struct login *l = &c->login;
	BUF_AUTO struct buf rest;
	struct err e;

	buf_init_secret(&rest, VERB_LINE_MAX);
	buf_reset(&l->line);
	l->is_ready = true;
	l->secret_from = strlen(verb_row(verb)->word) + strlen(prefix);
	bool fits = buf_add_str(&rest, prefix) &&
		    (!secret || (secret->size == 0 ? buf_add_str(&rest, empty)
						   : text_base64_add(&rest, *secret)));
	if (!fits || !verb_add_line(&l->line, verb, buf_span(&rest), &e)) {
		l->is_ready = false;
		client_fail_text(c, CAUSE_AUTH, VERB_AUTH, 0, FAIL_SURE,
				 "the login data is too long to be sent");
		return;
	}
	l->secret_size = secret ? l->line.size - 2 - l->secret_from : 0;
}

void smtp_client_auth(struct smtp_client *c, const char *mechanism,
		      const struct span *initial, bool is_single)
{
	struct login *l = &c->login;
	char prefix[64];

	if (c->phase != PHASE_CHOICE) {
		return;
	}
	c->phase = PHASE_LOGIN;
	l->is_first = true;
	l->is_single = is_single && initial;
	l->is_followed = l->was_challenged = false;
	l->steps = 0;
	snprintf(prefix, sizeof(prefix), "%s%s", mechanism, initial ? " " : "");
	set_line(c, VERB_AUTH, prefix, "=", initial);
}

void smtp_client_auth_reply(struct smtp_client *c, struct span raw, bool is_last)
{
	if (c->phase != PHASE_STEP) {
		return;
	}
	c->phase = PHASE_LOGIN;
	c->login.is_first = false;
	c->login.is_single = is_last;
	set_line(c, VERB_RESPONSE, "", "", &raw);
}

void client_mask(const struct smtp_client *c, char *text, size_t size)
{
	const struct buf *sent = &c->login.sent;
	size_t n = sent->size;
	char *at = text;

	while (n > 0 && sent->data[n - 1] == '=') {
		n--;	/* perhaps it was repeated without padding */
	}
	while (n > 2 && (at = memmem(at, size - (size_t)(at - text), sent->data, n))) {
		memset(at, '*', n);
	}
}

/* Says "*" and then fails with `refusal`. */
static void cancel(struct smtp_client *c)
{
	struct span star = span_str("*");
	struct err e;

	c->phase = PHASE_CANCEL;
	c->login.is_first = c->login.is_single = false;
	buf_reset(&c->login.line);
	BUG_ON(!verb_add_line(&c->login.line, VERB_RESPONSE, star, &e));
	c->login.is_ready = true;
	c->login.secret_from = c->login.secret_size = 0;
}

void smtp_client_auth_cancel(struct smtp_client *c, const struct err *why)
{
	outcome_set(&c->login.refusal, VERDICT_TEMPORARY, why->cause, VERB_NONE, "",
		    why->text);
	if (c->phase == PHASE_STEP) {
		cancel(c);
	} else if (c->phase == PHASE_CHOICE || c->phase == PHASE_VERIFY) {
		client_fail(c, &c->login.refusal, 0, FAIL_SURE);
	}
}

void client_on_cancel(struct smtp_client *c)
{
	client_fail(c, &c->login.refusal, 0, FAIL_SURE);
}

void smtp_client_auth_verified(struct smtp_client *c)
{
	if (c->phase == PHASE_VERIFY) {
		c->login.result = LOGIN_OK;
		c->phase = PHASE_READY;
	}
}

/*
 * 334 though commands stand behind AUTH: the server takes the next of them for the
 * response.  AUTH's answer is still to come, and that command will have none.
 */
static void eat_next(struct smtp_client *c, const struct reply *r)
{
	struct round *round = c->hearing;
	enum verb next = client_front(c);
	struct outcome why;

	outcome_set(&why, VERDICT_TEMPORARY, CAUSE_AUTH, VERB_AUTH, "",
		    "the server wanted more than one step for the login");
	if (next == VERB_MAIL) {
		round->mail = why;
	} else if (next == VERB_RCPT) {
		size_t i = client_next_rcpt(round, round->reply_at, RCPT_SENT);
		round->rcpt[i] = RCPT_REFUSED;
		round->reply_at = i + 1;
		round->txn->rcpts[i].outcome = why;
	} else {
		client_out_of_order(c, VERB_AUTH, r);
		return;
	}
	client_pop(c);
	client_put_back(c, VERB_AUTH);
	c->login.was_challenged = true;
	round->is_bad_sequence = true;
}

static void on_challenge(struct smtp_client *c, const struct reply *r)
{
	struct login *l = &c->login;

	if (l->is_followed) {
		eat_next(c, r);
		return;
	}
	buf_reset(&l->challenge);
	c->phase = PHASE_STEP;
	if (++l->steps > CLIENT_LOGIN_STEPS) {
		outcome_set(&l->refusal, VERDICT_TEMPORARY, CAUSE_PROTOCOL, VERB_AUTH, "",
			    "the server never stops asking");
		cancel(c);
	} else if (!text_base64_decode(&l->challenge, span_trim(buf_span(&r->text)))) {
		outcome_set(&l->refusal, VERDICT_TEMPORARY, CAUSE_PROTOCOL, VERB_AUTH, "",
			    "the server's challenge is not base64");
		cancel(c);
	}
}

/*
 * MAIL was answered while the login took its time: AUTH's answer is still to come.  Read
 * on, for the server took what followed, and must not get it twice.
 */
static void answer_mail_first(struct smtp_client *c)
{
	client_pop(c);
	client_put_back(c, VERB_AUTH);
	c->hearing->is_mail_ok = c->hearing->is_open = true;
}

void client_on_auth(struct smtp_client *c, const struct reply *r)
{
	struct login *l = &c->login;

	if (r->code == 235) {
		l->result = LOGIN_OK;
		if (!l->is_single) {
			c->phase = PHASE_VERIFY;
		}
	} else if (r->code == 334) {
		on_challenge(c, r);
	} else if (r->code / 100 >= 4) {
		l->result = LOGIN_REFUSED;
		outcome_of_reply(&l->refusal, VERB_AUTH, r);
		l->refusal.verdict = VERDICT_TEMPORARY;
		l->refusal.cause = CAUSE_AUTH;
	} else if (r->code == 250 && l->is_followed && client_front(c) == VERB_MAIL) {
		answer_mail_first(c);
	} else {
		client_out_of_order(c, VERB_AUTH, r);
	}
}

/*
 * Does this refusal say that the server did not follow us, rather than that it does not
 * like the name or the password?
 */
static bool is_misunderstood(const struct login *l)
{
	static const int codes[] = { 500, 501, 502, 503, 504, 554 };

	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		if (l->refusal.code == codes[i]) {
			return true;
		}
	}
	return l->was_challenged;
}

bool client_may_blame_following(const struct smtp_client *c)
{
	/* Perhaps MAIL was answered first. */
	bool is_open = c->login.result == LOGIN_OPEN;

	return c->hearing->is_with_auth && (!c->hearing->is_mail_ok || is_open) &&
	       (c->login.result != LOGIN_REFUSED || is_misunderstood(&c->login));
}

void client_settle_login(struct smtp_client *c)
{
	struct login *l = &c->login;

	if (!l->is_followed || !c->hearing->txn) {
		client_fail(c, &l->refusal, 0, FAIL_SURE);
		return;
	}
	if (c->hearing->delivered == c->hearing->to_send && c->hearing->later == 0) {
		l->result = LOGIN_OK;	/* it took the mail: it wants no login */
		c->phase = PHASE_READY;
		return;
	}
	/* What it refused then, it refused for want of a login. */
	client_restart_round(c);
	if (!is_misunderstood(l) || l->has_retried) {
		client_fail(c, &l->refusal, 0, FAIL_SURE);
	} else if (c->is_quit_sent || c->is_out_of_step) {
		client_fail(c, &l->refusal, SMTP_AVOID_AUTH_PIPELINING, FAIL_SURE);
	} else {
		c->learned |= SMTP_AVOID_AUTH_PIPELINING;
		l->has_retried = true;
		l->result = LOGIN_OPEN;
		c->phase = PHASE_CHOICE;
	}
}
