/* SPDX-License-Identifier: ISC */
/*
 * client_round: recipients.  A transaction of the caller is one round (MAIL … end of data)
 * or more: a server that takes only so many recipients at once gets the rest in the next.
 */
#include "smtp/client_state.h"
#include "base/text.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Longest address that fits into a command with all parameters. */
#define ADDRESS_MAX 4096

#define NEEDS_SMTPUTF8 "needs SMTPUTF8, which the server does not offer"
#define INSTEAD "that is ASCII before the \"@\", or another server"

size_t client_next_rcpt(const struct round *r, size_t from, enum rcpt_state state)
{
	size_t i = from;

	while (i < r->txn->rcpt_count && r->rcpt[i] != state) {
		i++;
	}
	return i;
}

void client_accept(struct smtp_client *c, size_t i, enum verb verb, const struct reply *r)
{
	struct outcome *o = &c->hearing->txn->rcpts[i].outcome;

	outcome_of_reply(o, verb, r);
	o->verdict = VERDICT_ACCEPTED;
	o->cause = CAUSE_NONE;
	c->hearing->rcpt[i] = RCPT_DELIVERED;
	c->hearing->delivered++;
}

/* -- what can be tried ----------------------------------------------------------------- */

/* Starts a round with the recipients that are WAITING or LATER, as many as may be. */
static void begin_round(const struct smtp_client *c, struct round *r)
{
	size_t most = c->caps.rcpt_max > 0 ? c->caps.rcpt_max : SIZE_MAX;

	*r = (struct round){ .stage = STAGE_MAIL, .txn = r->txn, .rcpt = r->rcpt,
			     .is_next_asked = r->is_next_asked };
	for (size_t i = 0; i < r->txn->rcpt_count; i++) {
		if (r->rcpt[i] != RCPT_WAITING && r->rcpt[i] != RCPT_LATER) {
			r->rcpt[i] = RCPT_FINAL;
		} else if (r->to_send < most) {
			r->rcpt[i] = RCPT_WAITING;
			r->to_send++;
		} else {
			r->rcpt[i] = RCPT_LATER;
			r->later++;
		}
	}
	if (r->to_send == 0) {
		r->stage = STAGE_OVER;
	}
}

static bool is_too_large(const struct smtp_client *c, const struct smtp_txn *t)
{
	return c->caps.has_size && c->caps.size_max > 0 && t->size > c->caps.size_max;
}

static bool has_utf8_address(const struct round *r)
{
	const struct smtp_txn *t = r->txn;
	bool has = !text_is_ascii(span_str(t->sender));

	for (size_t i = 0; i < t->rcpt_count && !has; i++) {
		has = r->rcpt[i] == RCPT_WAITING && !text_is_ascii(span_str(t->rcpts[i].addr));
	}
	return has;
}

/* What it must become for this server: enum smtp_adapt. */
static unsigned find_unfit(const struct smtp_client *c, const struct round *r)
{
	unsigned adapt = 0;

	if (r->txn->is_8bit && !c->caps.eightbitmime) {
		adapt |= SMTP_ADAPT_7BIT;
	}
	if (!c->caps.smtputf8 && (r->txn->needs_smtputf8 || has_utf8_address(r))) {
		adapt |= SMTP_ADAPT_ASCII;
	}
	return is_too_large(c, r->txn) ? 0 : adapt;
}

/* Why the whole message cannot be sent to this server, or NULL. */
static const char *find_obstacle(const struct smtp_client *c, const struct smtp_txn *t,
				 enum cause *ret_cause, const char **ret_enhanced,
				 char *text, size_t size)
{
	struct span sender = span_str(t->sender);

	if (is_too_large(c, t)) {
		*ret_cause = CAUSE_REFUSED;
		*ret_enhanced = "5.3.4";
		snprintf(text, size,
			 "the message has %llu bytes, and the server takes at most %llu",
			 t->size, c->caps.size_max);
		return text;
	}
	*ret_cause = CAUSE_DATA;
	*ret_enhanced = "5.6.7";
	if (!c->caps.smtputf8 && !text_is_ascii(sender)) {
		snprintf(text, size, "the sender %.200s " NEEDS_SMTPUTF8 ": use a sender " INSTEAD,
			 t->sender);
		return text;
	}
	if (!c->caps.smtputf8 && t->needs_smtputf8) {
		return "an address in the header " NEEDS_SMTPUTF8 ": use one " INSTEAD;
	}
	*ret_enhanced = "5.1.7";
	if (text_has_line_break(sender) || sender.size > ADDRESS_MAX) {
		return "the sender's address cannot be sent";
	}
	return NULL;
}

static void plan_rcpt(const struct smtp_client *c, struct round *r, size_t i)
{
	struct outcome *o = &r->txn->rcpts[i].outcome;
	struct span addr = span_str(r->txn->rcpts[i].addr);

	if (addr.size == 0 || addr.size > ADDRESS_MAX || text_has_line_break(addr)) {
		outcome_set(o, VERDICT_PERMANENT, CAUSE_DATA, VERB_RCPT, "5.1.3",
			    "the address cannot be sent");
		r->rcpt[i] = RCPT_FINAL;
	} else if (!c->caps.smtputf8 && !text_is_ascii(addr)) {
		outcome_set(o, VERDICT_PERMANENT, CAUSE_DATA, VERB_RCPT, "5.6.7",
			    "the address " NEEDS_SMTPUTF8 ": use one " INSTEAD);
		r->rcpt[i] = RCPT_FINAL;
	}
}

void client_plan_adapted(struct smtp_client *c, struct round *r)
{
	char text[400];
	const char *enhanced;
	enum cause cause;
	const char *obstacle =
		find_obstacle(c, r->txn, &cause, &enhanced, text, sizeof(text));

	for (size_t i = 0; i < r->txn->rcpt_count; i++) {
		if (r->rcpt[i] != RCPT_WAITING) {
			continue;
		}
		if (r->txn->rcpts[i].outcome.verdict != VERDICT_UNTRIED) {
			r->rcpt[i] = RCPT_FINAL;	/* it could not be adapted */
		} else if (obstacle) {
			outcome_set(&r->txn->rcpts[i].outcome, VERDICT_PERMANENT, cause,
				    VERB_MAIL, enhanced, obstacle);
			r->rcpt[i] = RCPT_FINAL;
		} else {
			plan_rcpt(c, r, i);
		}
	}
	begin_round(c, r);
}

void client_plan(struct smtp_client *c, struct round *r)
{
	r->adapt = find_unfit(c, r);
	if (!r->adapt) {
		client_plan_adapted(c, r);
	}
}

/* The recipients of this round that were not accepted, once more. */
void client_restart_round(struct smtp_client *c)
{
	struct round *r = c->hearing;

	c->needs_rset = c->needs_rset || r->is_open;
	for (size_t i = 0; i < r->txn->rcpt_count; i++) {
		if (r->rcpt[i] != RCPT_FINAL && r->rcpt[i] != RCPT_DELIVERED) {
			r->txn->rcpts[i].outcome = (struct outcome){ .verb = "" };
			r->rcpt[i] = RCPT_WAITING;
		}
	}
	begin_round(c, r);
}

/* -- all replies are read -------------------------------------------------------------- */

bool client_is_bad_sequence(const struct smtp_client *c, const struct reply *r)
{
	return r->code == 500 || r->code == 502 || r->code == 503 ||
	       strcmp(r->enhanced, "5.5.1") == 0 ||
	       (r->code == 530 && c->hearing->is_with_auth && c->login.result == LOGIN_OK);
}

/*
 * The server did not follow a flight of several commands, and took nothing: once more, one
 * command at a time.  In this session, unless QUIT was in that flight.
 */
static void redo(struct smtp_client *c)
{
	struct round *r = c->hearing;
	unsigned avoid = SMTP_AVOID_PIPELINING;
	struct outcome why = r->mail.verdict != VERDICT_UNTRIED ? r->mail : r->data;

	if (r->is_with_auth) {
		avoid = SMTP_AVOID_AUTH_PIPELINING;
	}
	if (why.verdict == VERDICT_UNTRIED) {
		outcome_set(&why, VERDICT_TEMPORARY, CAUSE_PROTOCOL, VERB_RCPT, "",
			    "the server did not follow the order of the commands");
	}
	client_restart_round(c);
	if (c->is_quit_sent || c->is_out_of_step) {
		client_fail(c, &why, avoid, FAIL_SURE);
		return;
	}
	c->learned |= avoid;
	c->is_one_step = true;
	c->needs_rset = true;
}

static void give_outcomes(struct smtp_client *c)
{
	struct round *r = c->hearing;
	bool is_mail = r->mail.verdict != VERDICT_UNTRIED;
	const struct outcome *why = is_mail ? &r->mail : &r->data;

	if (why->verdict == VERDICT_UNTRIED) {
		return;
	}
	for (size_t i = 0; i < r->txn->rcpt_count; i++) {
		bool is_open = r->rcpt[i] == RCPT_WAITING || r->rcpt[i] == RCPT_SENT ||
			       r->rcpt[i] == RCPT_TAKEN || r->rcpt[i] == RCPT_LATER;
		/* After a refused MAIL what RCPT says is only a consequence. */
		bool is_consequence = r->rcpt[i] == RCPT_REFUSED && is_mail;
		/* DATA without a recipient is refused too: nothing about LATER. */
		bool is_spared = r->rcpt[i] == RCPT_LATER && !is_mail && r->taken == 0;
		if ((is_open || is_consequence) && !is_spared) {
			r->txn->rcpts[i].outcome = *why;
			r->rcpt[i] = RCPT_FINAL;
		}
	}
}

static void fail_out_of_step(struct smtp_client *c)
{
	client_fail_text(c, CAUSE_PROTOCOL, VERB_NONE, 0, FAIL_BROKEN,
			 "the server did not follow: a new session is needed");
}

static void finish(struct smtp_client *c)
{
	client_check_farewell(c);
	client_close_round(c);
	if (c->open == 0 && c->is_quit_wanted) {
		client_leave(c);
	} else if (c->is_out_of_step) {
		fail_out_of_step(c);
	}
}

static void end_round(struct smtp_client *c)
{
	struct round *r = c->hearing;

	if (r->is_bad_sequence && r->is_pipelined && !r->is_overlapped &&
	    r->delivered == 0 && !c->is_one_step) {
		redo(c);
		return;
	}
	give_outcomes(c);
	c->needs_rset = c->needs_rset || r->is_open;
	if (client_next_rcpt(r, 0, RCPT_LATER) == r->txn->rcpt_count) {
		finish(c);
	} else if (c->is_out_of_step) {
		fail_out_of_step(c);
	} else {
		begin_round(c, r);
	}
}

/*
 * Behind several in flight only the end of data counts: all has been sent.  RSET's answer
 * comes first: it shows that the answers fit the commands.
 */
static bool is_answered(const struct smtp_client *c)
{
	return !client_awaits(c) || (c->ahead > 0 && c->hearing->stage == STAGE_OVER &&
				     client_front(c) != VERB_RSET);
}

/* No reply is outstanding: is there anything to send in this round? */
static bool is_over(const struct smtp_client *c)
{
	const struct round *r = c->hearing;
	bool has_taker = r->taken > 0;

	return r->stage == STAGE_OVER || r->mail.verdict != VERDICT_UNTRIED ||
	       (r->stage == STAGE_DATA && !has_taker) ||
	       (r->stage == STAGE_RCPT && !has_taker && c->login.result == LOGIN_REFUSED);
}

bool client_settle(struct smtp_client *c)
{
	bool is_refused = c->login.result == LOGIN_REFUSED;

	if ((c->phase != PHASE_LOGIN && c->phase != PHASE_READY) || c->login.is_ready ||
	    !is_answered(c)) {
		return false;
	}
	if (c->phase == PHASE_LOGIN && !is_refused) {
		c->phase = PHASE_READY;
		return true;
	}
	if (c->hearing->txn && c->hearing->stage != STAGE_MAIL && !is_over(c)) {
		return false;	/* there is more to send */
	}
	if (is_refused) {
		client_settle_login(c);
	} else if (c->hearing->txn && c->hearing->stage != STAGE_MAIL) {
		end_round(c);
	} else if (!c->hearing->txn && c->is_quit_wanted) {
		client_leave(c);
	} else {
		return false;
	}
	return true;
}
