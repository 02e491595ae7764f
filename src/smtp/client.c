/* SPDX-License-Identifier: ISC */
/*
 * client: see client.h.  This file owns the order in which actions are given out, and what
 * the caller hands in.  It must never build a command (client_send.c) nor judge a reply
 * (client_reply.c).
 */
#include "smtp/client_state.h"
#include "base/mem.h"
#include "mail/wire.h"

#include <stdlib.h>

static void wait_for_greeting(struct smtp_client *c)
{
	c->phase = PHASE_GREETING;
	client_put_back(c, VERB_GREETING);
}

struct smtp_client *smtp_client_new(const struct smtp_options *options)
{
	struct smtp_client *c = mem_alloc(1, sizeof(*c));

	c->options = *options;
	c->budget = CLIENT_BUDGET_START;
	buf_init_secret(&c->out, CLIENT_OUT_MAX);
	buf_init(&c->in, CLIENT_IN_MAX);
	buf_init_secret(&c->login.line, VERB_LINE_MAX);
	buf_init_secret(&c->login.sent, VERB_LINE_MAX);
	buf_init_secret(&c->login.challenge, REPLY_TEXT_MAX);
	reply_init(&c->reply);
	client_init_rounds(c);
	if (options->security == SMTP_IMPLICIT_TLS) {
		c->phase = PHASE_TLS;
	} else {
		wait_for_greeting(c);
	}
	return c;
}

void smtp_client_free(struct smtp_client *c)
{
	if (!c) {
		return;
	}
	buf_clear(&c->out);
	buf_clear(&c->in);
	buf_clear(&c->login.line);
	buf_clear(&c->login.sent);
	buf_clear(&c->login.challenge);
	reply_clear(&c->reply);
	client_free_rounds(c);
	mem_wipe(c, sizeof(*c));
	free(c);
}

/* -- actions --------------------------------------------------------------------------- */

static unsigned capped(const struct smtp_client *c, unsigned seconds)
{
	unsigned most = c->options.timeout_s;

	return most > 0 && most < seconds ? most : seconds;
}

static struct smtp_action write_action(struct smtp_client *c)
{
	unsigned blocks = (unsigned)(c->out.size / CLIENT_OUT_BLOCK) + 1;

	if (!c->is_writing) {
		client_mark_written(c);
		c->is_writing = true;
	}
	return (struct smtp_action){
		.kind = SMTP_WRITE,
		.data = buf_span(&c->out),
		.secret_from = c->secret_from,
		.secret_size = c->secret_size,
		.body_from = c->body_from,
		.body_size = c->body_size,
		.timeout_s = capped(c, 180) * blocks,
	};
}

/* How long the next answer may take. */
static unsigned patience(const struct smtp_client *c)
{
	enum { OWN_ANSWER_S = 60, OWN_VERDICT_S = 3600 };
	enum verb verb = client_front(c);

	return !c->options.is_own_service	      ? verb_row(verb)->timeout_s
	       : verb == VERB_END || verb == VERB_BDAT ? OWN_VERDICT_S
						      : OWN_ANSWER_S;
}

static struct smtp_action read_action(struct smtp_client *c)
{
	return (struct smtp_action){
		.kind = SMTP_READ,
		.timeout_s = capped(c, patience(c)),
		.reply_no = c->replies,
	};
}

static struct smtp_action body_action(struct smtp_client *c)
{
	const struct round *r = c->sending;
	unsigned long long left = r->txn->size - r->body_at;
	size_t room = CLIENT_OUT_TARGET - c->out.size;

	return (struct smtp_action){
		.kind = SMTP_BODY,
		.txn = r->txn,
		.offset = r->body_at,
		.max = left < room ? (size_t)left : room,
	};
}

static struct smtp_action adapt_action(const struct round *r)
{
	return (struct smtp_action){ .kind = SMTP_ADAPT, .txn = r->txn, .adapt = r->adapt };
}

static struct smtp_action over_action(struct smtp_client *c)
{
	if (c->is_moot && !c->is_quit_wanted) {
		return (struct smtp_action){ .kind = SMTP_IDLE };
	}
	if (c->is_moot) {
		return (struct smtp_action){ .kind = SMTP_DONE };
	}
	return (struct smtp_action){
		.kind = c->has_failed ? SMTP_FAIL : SMTP_DONE,
		.err = c->has_failed ? &c->err : NULL,
		.avoid = c->has_failed ? c->avoid : 0,
	};
}

/*
 * Nothing is outstanding, and commands are to be built: a reply that is in hand already
 * cannot be their answer (rule 2).  A 421 may: it ends the session whatever it answers.
 */
static bool has_stale_reply(const struct smtp_client *c)
{
	bool is_flight_next = c->phase == PHASE_HELLO || c->phase == PHASE_STARTTLS ||
			      c->phase == PHASE_LOGIN || c->phase == PHASE_CANCEL ||
			      c->phase == PHASE_READY;
	struct reply r;
	struct err e;
	size_t used;

	if (!is_flight_next || c->wait_count > 0 || c->out.size > 0 || c->in.size == c->in_at) {
		return false;
	}
	reply_init(&r);
	struct span in_hand = span_from(buf_span(&c->in), c->in_at);
	bool is_stale = reply_parse(&r, in_hand, &used, &e) == REPLY_DONE && r.code != 421;
	reply_clear(&r);
	return is_stale;
}

/* What the caller is to do while nothing is outstanding. */
static struct smtp_action caller_action(struct smtp_client *c)
{
	struct smtp_action a = { .kind = SMTP_IDLE };

	switch (c->phase) {
	case PHASE_TLS:
		a.kind = SMTP_TLS;
		break;
	case PHASE_CHOICE:
		a.kind = SMTP_AUTH;
		a.caps = &c->caps;
		a.is_tls = c->is_tls;
		break;
	case PHASE_STEP:
		a.kind = SMTP_STEP;
		a.data = buf_span(&c->login.challenge);
		break;
	case PHASE_VERIFY:
		a.kind = SMTP_VERIFY;
		break;
	case PHASE_READY:
		c->is_idle_owed = false;
		break;
	case PHASE_GREETING:
	case PHASE_HELLO:
	case PHASE_STARTTLS:
	case PHASE_LOGIN:
	case PHASE_CANCEL:
	case PHASE_LEAVING:
	case PHASE_OVER:
		BUG_ON(true);	/* here something is outstanding, or to be sent */
	}
	return a;
}

/* The last of the settled ones is followed by IDLE before the server is heard again. */
static bool owes_idle(const struct smtp_client *c)
{
	return c->is_idle_owed && c->open == 0 && c->phase == PHASE_READY &&
	       !c->is_quit_wanted;
}

/* False when the state changed so that it must be looked at again. */
static bool decide(struct smtp_client *c, struct smtp_action *ret_action)
{
	if (client_wants_body(c) && c->sending->body_at == c->sending->txn->size) {
		client_end_body(c);
	}
	if (client_asks_next(c)) {
		*ret_action = (struct smtp_action){ .kind = SMTP_NEXT };
		return true;
	}
	if (client_settle(c)) {
		return false;
	}
	if (owes_idle(c)) {
		*ret_action = caller_action(c);
		return true;
	}
	if (has_stale_reply(c) && client_take_unasked(c)) {
		return false;
	}
	client_pump(c);
	if (c->phase == PHASE_OVER ||
	    (c->out.size == 0 && client_awaits(c) && client_take_reply(c))) {
		return false;
	}
	if (client_wants_body(c) && c->out.size < CLIENT_OUT_TARGET) {
		*ret_action = body_action(c);
		return c->sending->body_at < c->sending->txn->size;
	}
	if (c->out.size > 0) {
		*ret_action = write_action(c);
		return true;
	}
	if (client_awaits(c)) {
		*ret_action = read_action(c);
		return true;
	}
	if (c->phase == PHASE_LEAVING) {
		c->phase = PHASE_OVER;
		return false;
	}
	if (client_take_unasked(c)) {
		return false;
	}
	*ret_action = caller_action(c);
	return true;
}

/*
 * Commands are built before the input is looked at, and the input is looked at only when
 * all that was built is written: so the output is the same however the input was cut.
 */
struct smtp_action smtp_client_next(struct smtp_client *c)
{
	struct smtp_action a;

	do {
		if (c->settled > 0) {
			return (struct smtp_action){ .kind = SMTP_SETTLED,
						     .txn = client_give_back(c) };
		}
		if (c->phase == PHASE_OVER) {
			return over_action(c);
		}
		if (c->is_writing) {
			return write_action(c);
		}
		if (client_unfit(c)) {
			return adapt_action(client_unfit(c));
		}
	} while (!decide(c, &a));
	return a;
}

/* -- what the caller hands in ---------------------------------------------------------- */

void smtp_client_submit(struct smtp_client *c, struct smtp_txn *txn)
{
	struct round *r = client_add_round(c, txn);

	txn->was_begun = false;
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		struct outcome *o = &txn->rcpts[i].outcome;
		if (o->verdict != VERDICT_ACCEPTED && o->verdict != VERDICT_PERMANENT) {
			*o = (struct outcome){ .verb = "" };
			r->rcpt[i] = RCPT_WAITING;
		}
	}
	if (c->phase == PHASE_OVER || c->phase == PHASE_LEAVING) {
		client_fail_text(c, CAUSE_LOST, VERB_NONE, 0, FAIL_BROKEN,
				 "the session was over before this message");
	} else if (c->is_hello_done) {
		client_plan(c, r);
		client_login_if_due(c);
	}
}

void smtp_client_quit(struct smtp_client *c)
{
	c->is_quit_wanted = true;
}

void smtp_client_wrote(struct smtp_client *c)
{
	c->is_writing = false;
	c->secret_from = c->secret_size = 0;
	c->body_from = c->body_size = 0;
	buf_reset(&c->out);
	c->early = c->in.size - c->in_at;
}

void smtp_client_feed(struct smtp_client *c, struct span bytes)
{
	if (c->phase == PHASE_OVER || bytes.size == 0) {
		return;
	}
	buf_drop(&c->in, c->in_at);
	c->in_at = 0;
	if (!buf_add_span(&c->in, bytes)) {
		client_fail_text(c, CAUSE_PROTOCOL, VERB_NONE, 0, FAIL_BROKEN,
				 "the server floods us with bytes nobody asked for");
		return;
	}
	const char *end = memrchr(bytes.data, '\n', bytes.size);
	c->in_line = end ? (size_t)(bytes.data + bytes.size - end) - 1
			 : c->in_line + bytes.size;
	c->is_in_worth = c->is_in_worth || end || c->in_line >= REPLY_LINE_MAX;
}

void smtp_client_tls_done(struct smtp_client *c)
{
	BUG_ON(c->phase != PHASE_TLS);
	if (c->in.size > c->in_at) {	/* rule 3 */
		client_fail_text(c, CAUSE_TLS, VERB_NONE, 0, FAIL_BROKEN,
				 "bytes came in the clear before TLS was up: "
				 "somebody on the way tampers with the connection");
		return;
	}
	c->is_tls = true;
	c->caps = (struct smtp_caps){ .pipelining = false };	/* rule 4 */
	if (c->options.security == SMTP_IMPLICIT_TLS) {
		wait_for_greeting(c);
	} else {
		c->phase = PHASE_HELLO;
	}
}

void smtp_client_adapted(struct smtp_client *c)
{
	struct round *r = client_unfit(c);

	if (r) {
		client_plan_adapted(c, r);
		client_login_if_due(c);
	}
}

void smtp_client_body(struct smtp_client *c, struct span bytes)
{
	BUG_ON(c->is_writing || !client_wants_body(c) || bytes.size == 0 ||
	       bytes.size > body_action(c).max);
	size_t before = c->out.size;
	struct round *r = c->sending;
	bool fits = r->is_raw ? buf_add_span(&c->out, bytes)
			      : wire_stuff(&r->at_line_start, bytes, &c->out);
	BUG_ON(!fits);	/* CLIENT_OUT_MAX has room for every byte twice */
	c->body_from = c->body_size > 0 ? c->body_from : before;
	c->body_size += c->out.size - before;
	r->body_at += bytes.size;
}

void smtp_client_lost(struct smtp_client *c, const struct err *why)
{
	struct outcome o;

	if (c->is_writing) {
		c->early = c->in.size - c->in_at;
	}
	/* What the server said before still counts. */
	while (c->phase != PHASE_OVER && c->phase != PHASE_LEAVING &&
	       (client_settle(c) || (client_awaits(c) && client_take_reply(c)))) {
		;
	}
	if (c->phase == PHASE_OVER) {
		return;
	}
	outcome_set(&o, VERDICT_TEMPORARY, why->cause, VERB_NONE, "", why->text);
	client_break(c, &o, err_is_timeout(why));
	if (c->has_failed) {
		c->err.os_errno = why->os_errno;
	}
}

const struct smtp_caps *smtp_client_caps(const struct smtp_client *c)
{
	return &c->caps;
}
