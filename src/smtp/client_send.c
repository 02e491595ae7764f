/* SPDX-License-Identifier: ISC */
/*
 * client_send: what is sent, and how far sending may run ahead of the answers.
 *
 * next_verb says what comes next, may_follow whether it may be sent now: together they are
 * PIPELINING (RFC 2920), AUTH's exception (RFC 4954 §4) and BDAT (RFC 3030).  Nothing here
 * looks at replies.
 */
#include "smtp/client_state.h"

#include <stdio.h>

/* -- the FIFO of what is outstanding --------------------------------------------------- */

enum verb client_front(const struct smtp_client *c)
{
	return c->wait_count > 0 ? c->waits[0].verb : VERB_NONE;
}

bool client_awaits(const struct smtp_client *c)
{
	return c->wait_count > 0 && c->waits[0].verb != VERB_QUIT;
}

/* Is AUTH, or its last response, in front of what is outstanding? */
static bool is_login_in_front(const struct smtp_client *c)
{
	return client_front(c) == VERB_AUTH || client_front(c) == VERB_RESPONSE;
}

static void push(struct smtp_client *c, enum verb verb)
{
	struct waits *last = c->wait_count > 0 ? &c->waits[c->wait_count - 1] : NULL;
	struct round *r = c->sending;

	if (!last) {
		c->flight_bytes = c->flight_commands = c->flight_replies = 0;
		r->bytes = r->commands = 0;
	} else if (verb != VERB_QUIT) {
		c->login.is_followed = c->login.is_followed || is_login_in_front(c);
		r->is_pipelined = true;
		r->is_with_auth = r->is_with_auth ||
				  (verb == VERB_MAIL && is_login_in_front(c));
	}
	c->unwritten += verb != VERB_QUIT;
	c->flight_commands++;
	r->commands++;
	c->budget += CLIENT_BUDGET_COMMAND;
	if (last && last->verb == verb && verb == VERB_RCPT) {
		last->count++;
		return;
	}
	BUG_ON(c->wait_count == CLIENT_WAITS_MAX);
	c->waits[c->wait_count++] = (struct waits){ .verb = verb, .count = 1 };
}

void client_pop(struct smtp_client *c)
{
	BUG_ON(c->wait_count == 0);
	if (--c->waits[0].count == 0) {
		c->wait_count--;
		memmove(c->waits, c->waits + 1, c->wait_count * sizeof(c->waits[0]));
	}
}

void client_put_back(struct smtp_client *c, enum verb verb)
{
	BUG_ON(c->wait_count == CLIENT_WAITS_MAX);
	memmove(c->waits + 1, c->waits, c->wait_count * sizeof(c->waits[0]));
	c->waits[0] = (struct waits){ .verb = verb, .count = 1 };
	c->wait_count++;
}

/* -- lines ----------------------------------------------------------------------------- */

/* False after a failure: then the session is over. */
static bool add_line(struct smtp_client *c, enum verb verb, struct span rest)
{
	size_t before = c->out.size;
	struct err e;

	if (!verb_add_line(&c->out, verb, rest, &e)) {
		client_fail_text(c, e.cause, VERB_NONE, 0, FAIL_BROKEN, "%s", e.text);
		return false;
	}
	push(c, verb);
	c->flight_bytes += c->out.size - before;
	c->sending->bytes += c->out.size - before;
	return true;
}

static void send_mail(struct smtp_client *c)
{
	BUF_AUTO struct buf line;

	buf_init(&line, VERB_LINE_MAX);
	client_mail_line(c, &line);
	if (add_line(c, VERB_MAIL, buf_span(&line))) {
		c->sending->stage = STAGE_RCPT;
		c->sending->is_begun = true;
	}
}

static void send_rcpt(struct smtp_client *c)
{
	struct round *r = c->sending;
	size_t i = client_next_rcpt(r, r->send_at, RCPT_WAITING);
	BUF_AUTO struct buf line;

	buf_init(&line, VERB_LINE_MAX);
	client_rcpt_line(c, &r->txn->rcpts[i], &line);
	if (!add_line(c, VERB_RCPT, buf_span(&line))) {
		return;
	}
	r->rcpt[i] = RCPT_SENT;
	r->send_at = i + 1;
	r->sent++;
	if (r->sent == r->to_send) {
		r->stage = STAGE_DATA;
	}
}

bool client_may_chunk(const struct smtp_client *c)
{
	return c->caps.chunking &&
	       !((c->options.avoid | c->learned) & SMTP_AVOID_CHUNKING);
}

static void send_data(struct smtp_client *c)
{
	char size[40];

	if (!client_may_chunk(c)) {
		if (add_line(c, VERB_DATA, span_of(NULL, 0))) {
			c->sending->stage = STAGE_GO;
		}
		return;
	}
	snprintf(size, sizeof(size), "%llu LAST", c->sending->txn->size);
	if (add_line(c, VERB_BDAT, span_str(size))) {
		c->sending->stage = STAGE_BODY;
		c->sending->is_raw = true;
	}
}

static void send_login(struct smtp_client *c)
{
	struct login *l = &c->login;

	c->secret_from = c->out.size + l->secret_from;
	c->secret_size = l->secret_size;
	buf_reset(&l->sent);
	BUG_ON(!buf_add_span(&c->out, buf_span(&l->line)) ||
	       !buf_add(&l->sent, l->line.data + l->secret_from, l->secret_size));
	push(c, l->is_first ? VERB_AUTH : VERB_RESPONSE);
	buf_reset(&l->line);
	l->is_ready = false;
}

static void send_hello(struct smtp_client *c, enum verb verb)
{
	add_line(c, verb, span_str(c->options.ehlo_name));
}

static void send_bare(struct smtp_client *c, enum verb verb)
{
	if (add_line(c, verb, span_of(NULL, 0))) {
		if (verb == VERB_RSET) {
			c->needs_rset = false;
			c->sending->is_probed = c->sending->stage == STAGE_SENT;
		}
		c->is_quit_sent = c->is_quit_sent || verb == VERB_QUIT;
	}
}

static void send_verb(struct smtp_client *c, enum verb verb)
{
	switch (verb) {
	case VERB_EHLO:
	case VERB_HELO:
	case VERB_LHLO:
		send_hello(c, verb);
		break;
	case VERB_STARTTLS:
	case VERB_RSET:
	case VERB_QUIT:
		send_bare(c, verb);
		break;
	case VERB_AUTH:
	case VERB_RESPONSE:
		send_login(c);
		break;
	case VERB_MAIL:
		send_mail(c);
		break;
	case VERB_RCPT:
		send_rcpt(c);
		break;
	case VERB_DATA:
	case VERB_BDAT:
		send_data(c);
		break;
	case VERB_NONE:
	case VERB_GREETING:
	case VERB_END:
	case VERB_COUNT:
		BUG_ON(true);
	}
}

/* -- the pump -------------------------------------------------------------------------- */

static enum verb next_in_round(const struct smtp_client *c)
{
	const struct round *r = c->sending;

	if (!r->txn) {
		return VERB_NONE;
	}
	switch (r->stage) {
	case STAGE_MAIL:
		return c->needs_rset ? VERB_RSET : VERB_MAIL;
	case STAGE_RCPT:
		return VERB_RCPT;
	case STAGE_DATA:
		return client_may_chunk(c) ? VERB_BDAT : VERB_DATA;
	case STAGE_SENT:
		if (client_probes(c)) {
			return VERB_RSET;
		}
		/* Not for itself: only in the flight with the end of the last message. */
		return c->is_quit_wanted && !c->is_quit_sent && !r->is_end_given &&
				       !client_has_held(c)
			       ? VERB_QUIT
			       : VERB_NONE;
	case STAGE_GO:
	case STAGE_BODY:
	case STAGE_OVER:
		break;
	}
	return VERB_NONE;
}

static enum verb next_verb(const struct smtp_client *c)
{
	switch (c->phase) {
	case PHASE_HELLO:
		return c->options.is_lmtp ? VERB_LHLO
		       : c->is_helo	  ? VERB_HELO
					  : VERB_EHLO;
	case PHASE_STARTTLS:
		return VERB_STARTTLS;
	case PHASE_LOGIN:
	case PHASE_CANCEL:
		if (c->login.is_ready) {
			return !c->login.is_first ? VERB_RESPONSE
			     : c->needs_rset	  ? VERB_RSET
						  : VERB_AUTH;
		}
		return c->phase == PHASE_LOGIN ? next_in_round(c) : VERB_NONE;
	case PHASE_READY:
		return next_in_round(c);
	case PHASE_GREETING:
	case PHASE_TLS:
	case PHASE_CHOICE:
	case PHASE_STEP:
	case PHASE_VERIFY:
	case PHASE_LEAVING:
	case PHASE_OVER:
		break;
	}
	return VERB_NONE;
}

bool client_may_pipeline(const struct smtp_client *c)
{
	return c->caps.pipelining && !c->is_one_step &&
	       !((c->options.avoid | c->learned) & SMTP_AVOID_PIPELINING);
}

static bool may_lead(const struct smtp_client *c, enum verb verb)
{
	return !verb_row(verb)->ends_group ||
	       ((verb == VERB_AUTH || verb == VERB_RESPONSE) && c->login.is_single &&
		!((c->options.avoid | c->learned) & SMTP_AVOID_AUTH_PIPELINING));
}

/* How far sending may run ahead: the one place that decides it. */
static bool may_follow(const struct smtp_client *c, enum verb verb)
{
	if (c->wait_count == 0) {
		return true;
	}
	if (!client_may_pipeline(c) || !may_lead(c, c->waits[c->wait_count - 1].verb)) {
		return false;
	}
	bool has_room = c->flight_bytes < CLIENT_FLIGHT_MAX &&
			c->flight_commands < CLIENT_FLIGHT_COMMANDS;
	switch (verb) {
	case VERB_MAIL:
	case VERB_RCPT:
		return has_room;
	case VERB_DATA:
	case VERB_BDAT:
		return has_room && c->sending->txn->size <= c->options.eager_max;
	case VERB_QUIT:
		return c->sending->later == 0 &&
		       c->sending->txn->rcpt_count <= CLIENT_QUIT_RCPTS;
	case VERB_RSET:
		return has_room && (c->ahead > 0 || c->sending->stage == STAGE_SENT);
	case VERB_NONE:
	case VERB_GREETING:
	case VERB_EHLO:
	case VERB_HELO:
	case VERB_LHLO:
	case VERB_STARTTLS:
	case VERB_AUTH:
	case VERB_RESPONSE:
	case VERB_END:
	case VERB_COUNT:
		break;
	}
	return false;
}

void client_pump(struct smtp_client *c)
{
	for (;;) {
		client_overlap(c);
		enum verb verb = next_verb(c);
		if (verb == VERB_NONE || !may_follow(c, verb)) {
			return;
		}
		send_verb(c, verb);
	}
}

/* -- the message, and goodbye ---------------------------------------------------------- */

bool client_wants_body(const struct smtp_client *c)
{
	return c->sending->txn && c->sending->stage == STAGE_BODY;
}

void client_start_body(struct smtp_client *c)
{
	BUG_ON(c->ahead > 0);
	c->sending->stage = STAGE_BODY;
	c->sending->is_raw = false;
	c->sending->at_line_start = true;
	push(c, VERB_END);
}

void client_end_body(struct smtp_client *c)
{
	struct err e;

	/* The message is in wire form and ends with CRLF; if not, its end is safe anyway. */
	struct round *r = c->sending;

	BUG_ON(!r->is_raw &&
	       ((!r->at_line_start && !buf_add_str(&c->out, "\r\n")) ||
		!verb_add_line(&c->out, VERB_END, span_of(NULL, 0), &e)));
	r->stage = STAGE_SENT;
}

void client_leave(struct smtp_client *c)
{
	bool is_clean = c->wait_count == 0 && c->out.size == 0 && !c->is_out_of_step;

	c->phase = PHASE_LEAVING;
	if (is_clean && !c->is_quit_sent) {
		send_bare(c, VERB_QUIT);
	}
}
