/* SPDX-License-Identifier: ISC */
/*
 * client_fail: the end of a session before its time.  Owns what is then known about each
 * recipient: above all rule 8, that a loss after end-of-data proves nothing.
 */
#include "smtp/client_state.h"

#include <stdarg.h>
#include <stdio.h>

/* Perhaps the server has the end of the message, and it refused nothing on the way. */
static bool may_be_taken(const struct round *r)
{
	return r->is_end_given && r->stage == STAGE_SENT &&
	       r->mail.verdict == VERDICT_UNTRIED && r->data.verdict == VERDICT_UNTRIED;
}

static void set_outcome(const struct round *r, struct outcome *o, enum rcpt_state state,
			const struct outcome *why, enum fail_how how)
{
	if (how == FAIL_BROKEN && may_be_taken(r) &&
	    (state == RCPT_SENT || state == RCPT_TAKEN)) {
		char text[OUTCOME_TEXT_MAX];
		snprintf(text, sizeof(text),
			 "the whole message was sent, but no answer came: %.400s",
			 why->text);
		outcome_set(o, VERDICT_UNKNOWN, CAUSE_UNKNOWN, VERB_NONE, "", text);
	} else if (r->mail.verdict != VERDICT_UNTRIED) {
		*o = r->mail;
	} else if (r->data.verdict != VERDICT_UNTRIED && state == RCPT_TAKEN) {
		*o = r->data;
	} else {
		*o = *why;
		o->verdict = VERDICT_TEMPORARY;
	}
}

/* Every recipient that has no outcome gets one.  True when there was such a recipient. */
static bool give_outcomes(struct round *r, const struct outcome *why, enum fail_how how)
{
	bool was_open = false;

	for (size_t i = 0; i < r->txn->rcpt_count; i++) {
		enum rcpt_state state = r->rcpt[i];
		if (state == RCPT_WAITING || state == RCPT_SENT || state == RCPT_TAKEN ||
		    state == RCPT_LATER) {
			set_outcome(r, &r->txn->rcpts[i].outcome, state, why, how);
			was_open = true;
		}
	}
	return was_open;
}

void client_fail(struct smtp_client *c, const struct outcome *why, unsigned avoid,
		 enum fail_how how)
{
	struct outcome because = *why;	/* it may stand in what is forgotten here */
	bool was_leaving = c->phase == PHASE_LEAVING;
	bool is_told = how == FAIL_BROKEN;
	bool had_any = c->open > 0, was_open = false;

	if (c->phase == PHASE_OVER && !had_any) {
		return;
	}
	while (c->open > 0) {
		/* What was learned is no reason to send again what perhaps was taken. */
		is_told = is_told && !may_be_taken(c->hearing);
		was_open = give_outcomes(c->hearing, &because, how) || was_open;
		client_close_round(c);
	}
	/* All that was asked for has its answer: the rest does not matter. */
	bool is_done = !had_any ? was_leaving && !c->has_failed
				: c->is_quit_wanted && !was_open && !was_leaving;
	if (was_open) {
		c->is_moot = false;
	}
	if (!is_done && !c->has_failed) {
		c->has_failed = true;
		c->is_moot = c->is_idle_owed && !was_open && !c->is_quit_wanted;
		err_set(&c->err, because.cause, "%s%s%s", because.verb,
			because.verb[0] ? ": " : "", because.text);
		c->avoid = (avoid | (is_told ? c->learned : 0)) & ~c->options.avoid;
	}
	c->wait_count = c->unwritten = 0;
	c->is_writing = false;
	c->secret_from = c->secret_size = 0;
	c->body_from = c->body_size = 0;
	buf_reset(&c->out);
	if (how == FAIL_SURE && !was_leaving) {
		client_leave(c);
	} else {
		c->phase = PHASE_OVER;
	}
}

void client_fail_text(struct smtp_client *c, enum cause cause, enum verb verb,
		      unsigned avoid, enum fail_how how, const char *format, ...)
{
	char text[OUTCOME_TEXT_MAX];
	struct outcome why;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	outcome_set(&why, VERDICT_TEMPORARY, cause, verb, "", text);
	client_fail(c, &why, avoid, how);
}

/* A server that answers the first command of a flight and swallows the others. */
static bool is_flight_swallowed(const struct smtp_client *c)
{
	return c->flight_commands > 1 && c->flight_replies == 1;
}

void client_break(struct smtp_client *c, const struct outcome *why, bool is_timeout)
{
	bool is_ours = why->cause == CAUSE_SIGNAL || why->cause == CAUSE_OS ||
		       why->cause == CAUSE_INPUT || why->cause == CAUSE_BUG;
	/*
	 * A server that is only slow may yet take the message, and must not get it twice.
	 * One that has answered AUTH, and nothing behind it, has thrown it away.
	 */
	const struct round *r = c->hearing;
	bool is_slow = is_timeout && may_be_taken(r) && c->login.result == LOGIN_OPEN;
	unsigned avoid = 0;

	if (is_ours || is_slow || !r->txn || r->is_overlapped || c->is_one_step) {
		avoid = 0;
	} else if (r->is_probed && r->stage == STAGE_OVER) {
		avoid = SMTP_AVOID_OVERLAP;	/* all is answered but RSET behind it */
	} else if (client_may_blame_following(c)) {
		avoid = SMTP_AVOID_AUTH_PIPELINING;
	} else if (r->is_pipelined && !r->is_with_auth && is_flight_swallowed(c)) {
		avoid = SMTP_AVOID_PIPELINING;
	}
	client_fail(c, why, avoid, FAIL_BROKEN);
}

void client_out_of_order(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	const struct round *round = c->hearing;
	bool is_running_ahead = round->txn && !c->is_one_step;
	struct outcome why;
	char text[OUTCOME_TEXT_MAX], line[400];
	unsigned avoid = 0;

	if (round->is_overlapped) {
		avoid = SMTP_AVOID_OVERLAP;
	} else if (is_running_ahead && client_may_blame_following(c)) {
		avoid = SMTP_AVOID_AUTH_PIPELINING;
	} else if (is_running_ahead && round->is_pipelined && !c->is_writing) {
		avoid = SMTP_AVOID_PIPELINING;	/* when a write failed, it is that */
	}
	reply_line(r, line, sizeof(line));
	snprintf(text, sizeof(text), "the server answered out of order: %s", line);
	outcome_set(&why, VERDICT_TEMPORARY, CAUSE_PROTOCOL, verb, "", text);
	client_fail(c, &why, avoid, FAIL_BROKEN);
}
