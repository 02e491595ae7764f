/* SPDX-License-Identifier: ISC */
/*
 * client_reply: what each reply does.  Handlers change the state and nothing else: they
 * never build a command, so that a reply in hand can also be judged after the connection
 * is gone.
 */
#include "smtp/client_state.h"
#include "base/text.h"

/* -- before transactions --------------------------------------------------------------- */

static void refuse_session(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	struct outcome why;

	outcome_of_reply(&why, verb, r);
	why.verdict = VERDICT_TEMPORARY;
	client_fail(c, &why, 0, FAIL_SURE);
}

static void on_greeting(struct smtp_client *c, const struct reply *r)
{
	if (r->code / 100 >= 4) {
		refuse_session(c, VERB_GREETING, r);
	} else if (r->code != 220) {
		client_out_of_order(c, VERB_GREETING, r);
	} else {
		c->phase = PHASE_HELLO;
	}
}

/* What EHLO said is final: the session is as it will be, but for the login. */
static void after_hello(struct smtp_client *c)
{
	c->is_hello_done = true;
	c->phase = PHASE_READY;
	if (c->hearing->txn) {
		client_plan(c, c->hearing);
	}
	c->is_login_due = c->options.use_auth;
	client_login_if_due(c);
}

static void on_hello(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	bool needs_tls = c->options.security == SMTP_STARTTLS && !c->is_tls;

	if (r->code / 100 == 2) {
		if (verb != VERB_HELO) {
			caps_parse(&c->caps, buf_span(&r->text));
		}
		if (!needs_tls) {
			after_hello(c);
		} else if (c->caps.starttls) {
			c->phase = PHASE_STARTTLS;
		} else {
			client_fail_text(c, CAUSE_TLS, VERB_NONE, 0, FAIL_SURE,
					 "the server does not offer STARTTLS: either it "
					 "wants TLS from the start (tls_starttls off, "
					 "port 465), or something on the way has removed "
					 "the offer");
		}
	} else if (verb == VERB_EHLO && (r->code == 500 || r->code == 502) &&
		   !needs_tls && !c->options.use_auth) {
		c->is_helo = true;
	} else if (r->code / 100 >= 4) {
		refuse_session(c, verb, r);
	} else {
		client_out_of_order(c, verb, r);
	}
}

static void on_ehlo(struct smtp_client *c, const struct reply *r)
{
	on_hello(c, VERB_EHLO, r);
}

static void on_helo(struct smtp_client *c, const struct reply *r)
{
	on_hello(c, VERB_HELO, r);
}

static void on_lhlo(struct smtp_client *c, const struct reply *r)
{
	on_hello(c, VERB_LHLO, r);
}

static void on_starttls(struct smtp_client *c, const struct reply *r)
{
	if (r->code / 100 >= 4) {
		refuse_session(c, VERB_STARTTLS, r);
	} else if (r->code != 220) {
		client_out_of_order(c, VERB_STARTTLS, r);
	} else {
		c->phase = PHASE_TLS;	/* rule 3 is in client_take_unasked */
	}
}

static void on_response(struct smtp_client *c, const struct reply *r)
{
	if (c->phase == PHASE_CANCEL) {
		client_on_cancel(c);
	} else {
		client_on_auth(c, r);
	}
}

/* About the command, not about a message. */
static bool is_not_understood(const struct reply *r)
{
	return (r->code >= 500 && r->code <= 504) || strncmp(r->enhanced, "5.5.", 4) == 0;
}

static void on_rset(struct smtp_client *c, const struct reply *r)
{
	struct round *round = c->hearing;
	bool is_probe = round->is_probed && round->stage == STAGE_OVER;

	if (r->code / 100 == 2) {
		round->is_open = false;
		c->is_proved = c->is_proved || (is_probe && round->delivered > 0);
	} else if (is_probe && is_not_understood(r)) {
		c->is_each_awaited = true;
	} else if (r->code / 100 >= 4 && round->is_end_given) {
		client_doubt(c, r);
	} else if (r->code / 100 >= 4) {
		c->is_out_of_step = true;
		refuse_session(c, VERB_RSET, r);
	} else {
		client_out_of_order(c, VERB_RSET, r);
	}
}

/* -- transactions ---------------------------------------------------------------------- */

static void on_mail(struct smtp_client *c, const struct reply *r)
{
	if (r->code / 100 >= 4) {
		outcome_of_reply(&c->hearing->mail, VERB_MAIL, r);
		c->hearing->is_bad_sequence = client_is_bad_sequence(c, r);
		client_soften(c, &c->hearing->mail, r);
	} else if (client_is_misplaced(r)) {
		client_out_of_order(c, VERB_MAIL, r);
	} else {
		c->hearing->is_mail_ok = c->hearing->is_open = true;
	}
}

/*
 * RFC 5321 §4.5.3.1.10: 452, and 552 from old servers, to all recipients behind those
 * that were accepted.  Another enhanced code tells about this one, or about the disk.
 */
static bool is_too_many(const struct smtp_client *c, const struct reply *r)
{
	const char *enhanced = r->code == 452 ? "4.5.3" : "5.5.3";

	return c->hearing->taken > 0 && (r->code == 452 || r->code == 552) &&
	       (r->enhanced[0] == '\0' || strcmp(r->enhanced, enhanced) == 0);
}

static void refuse_rcpt(struct smtp_client *c, size_t i, const struct reply *r)
{
	struct round *round = c->hearing;
	struct outcome *o = &round->txn->rcpts[i].outcome;

	round->rcpt[i] = RCPT_REFUSED;
	outcome_of_reply(o, VERB_RCPT, r);
	if (is_too_many(c, r)) {
		o->verdict = VERDICT_TEMPORARY;
		o->cause = CAUSE_TEMP;
	}
	/* After a refused MAIL a bad sequence is what must come. */
	if (round->is_mail_ok && client_is_bad_sequence(c, r)) {
		round->is_bad_sequence = true;
		client_soften(c, o, r);
	}
}

static void on_rcpt(struct smtp_client *c, const struct reply *r)
{
	struct round *round = c->hearing;
	size_t i = client_next_rcpt(round, round->reply_at, RCPT_SENT);

	BUG_ON(i >= round->txn->rcpt_count);
	round->reply_at = i + 1;
	if (is_too_many(c, r) && round->taken < c->rcpts_taken) {
		c->rcpts_taken = round->taken;
	}
	if (client_is_misplaced(r)) {
		client_out_of_order(c, VERB_RCPT, r);
	} else if (r->code / 100 == 2) {
		round->rcpt[i] = RCPT_TAKEN;
		round->taken++;
	} else if (is_too_many(c, r) && !c->is_quit_sent && c->ahead == 0) {
		round->rcpt[i] = RCPT_LATER;
		round->later++;
	} else {
		refuse_rcpt(c, i, r);
	}
}

static void on_data(struct smtp_client *c, const struct reply *r)
{
	struct round *round = c->hearing;

	if (r->code / 100 >= 4) {
		outcome_of_reply(&round->data, VERB_DATA, r);
		round->stage = STAGE_OVER;
		if (round->taken > 0 && client_is_bad_sequence(c, r)) {
			round->is_bad_sequence = true;
		}
	} else if (r->code != 354 || (round->taken == 0 && c->options.is_lmtp)) {
		/* LMTP answers a lone dot with as many replies as recipients: none. */
		client_out_of_order(c, VERB_DATA, r);
	} else {
		client_start_body(c);
		if (round->taken == 0) {	/* rule 7: a lone dot */
			round->body_at = round->txn->size;
		}
	}
}

static void on_end(struct smtp_client *c, const struct reply *r)
{
	client_on_final(c, VERB_END, r);
}

static void on_bdat(struct smtp_client *c, const struct reply *r)
{
	client_on_final(c, VERB_BDAT, r);
}

/* -- dispatch -------------------------------------------------------------------------- */

typedef void handler(struct smtp_client *c, const struct reply *r);

static handler *const handlers[VERB_COUNT] = {
	[VERB_GREETING] = on_greeting,
	[VERB_EHLO] = on_ehlo,
	[VERB_HELO] = on_helo,
	[VERB_LHLO] = on_lhlo,
	[VERB_STARTTLS] = on_starttls,
	[VERB_AUTH] = client_on_auth,
	[VERB_RESPONSE] = on_response,
	[VERB_MAIL] = on_mail,
	[VERB_RCPT] = on_rcpt,
	[VERB_DATA] = on_data,
	[VERB_END] = on_end,
	[VERB_BDAT] = on_bdat,
	[VERB_RSET] = on_rset,
};

/* 421 means the same whatever it answers: the server hangs up, nothing more is taken. */
static void on_closing(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	struct outcome why;

	outcome_of_reply(&why, verb, r);
	c->is_out_of_step = true;
	client_fail(c, &why, 0, FAIL_SURE);
}

/* Whether a whole reply had come before the last WRITE was over, and before it began. */
struct haste {
	bool is_early, is_old;
};

/* False when there is none yet; otherwise it was taken, or the session is over. */
static enum reply_got take(struct smtp_client *c, struct haste *ret_haste)
{
	struct err e;
	size_t used;

	if (!c->is_in_worth) {
		return REPLY_MORE;
	}
	enum reply_got got =
		reply_parse(&c->reply, span_from(buf_span(&c->in), c->in_at), &used, &e);
	if (got == REPLY_DONE && used > c->budget) {
		err_set(&e, CAUSE_PROTOCOL, "the server's answers are too long");
		got = REPLY_BAD;
	}
	if (got == REPLY_BAD) {
		struct outcome why;
		client_mask(c, e.text, strlen(e.text));
		outcome_set(&why, VERDICT_TEMPORARY, e.cause, VERB_NONE, "", e.text);
		client_break(c, &why, false);
	} else if (got == REPLY_MORE) {
		c->is_in_worth = false;
	} else {
		client_mask(c, c->reply.text.data, c->reply.text.size);
		ret_haste->is_early = used <= c->early;
		ret_haste->is_old = used <= c->old_bytes;
		c->early -= used < c->early ? used : c->early;
		c->old_bytes -= used < c->old_bytes ? used : c->old_bytes;
		c->budget -= used;
		c->in_at += used;
		c->replies++;
		c->flight_replies++;
	}
	return got;
}

/*
 * A reply that had come before a write began answers a command before it.  The answer to the
 * last command of a write cannot have come before the write was done, save for a message
 * that is refused while it is being sent.  When the write fails, any refusal may say why.
 */
static bool is_before_its_time(const struct smtp_client *c, const struct reply *r,
			       struct haste haste)
{
	if (haste.is_old && c->old_waits == 0) {
		return true;
	}
	enum verb verb = client_front(c);
	size_t left = c->wait_count - (c->waits[c->wait_count - 1].verb == VERB_QUIT);
	bool may_refuse = verb == VERB_BDAT || verb == VERB_END || c->is_writing;

	return haste.is_early && left == 1 && c->waits[0].count == 1 &&
	       !(may_refuse && r->code / 100 >= 4);
}

bool client_take_reply(struct smtp_client *c)
{
	const struct reply *r = &c->reply;
	struct haste haste = { .is_early = false };
	enum reply_got got = take(c, &haste);

	if (got != REPLY_DONE) {
		return got == REPLY_BAD;
	}
	enum verb verb = client_front(c);
	if (r->code == 421) {
		on_closing(c, verb, r);
	} else if (is_before_its_time(c, r, haste)) {
		client_out_of_order(c, verb, r);	/* rule 2 */
	} else {
		c->old_waits -= c->old_waits > 0;
		client_pop(c);
		handlers[verb](c, r);
	}
	return true;
}

bool client_take_unasked(struct smtp_client *c)
{
	struct haste haste;

	if (c->phase == PHASE_TLS) {	/* rule 3 */
		if (c->in.size == c->in_at) {
			return false;
		}
		client_fail_text(c, CAUSE_TLS, VERB_NONE, 0, FAIL_BROKEN,
				 "bytes came in the clear behind the server's answer to "
				 "STARTTLS: somebody on the way tampers with the "
				 "connection");
		return true;
	}
	enum reply_got got = take(c, &haste);
	if (got == REPLY_DONE && c->reply.code == 421) {
		on_closing(c, VERB_NONE, &c->reply);
	} else if (got == REPLY_DONE) {	/* rule 2 */
		client_out_of_order(c, VERB_NONE, &c->reply);
	}
	return got != REPLY_MORE;
}
