/* SPDX-License-Identifier: ISC */
/*
 * client_final: what the server says about the message: once in SMTP, to each accepted
 * recipient in LMTP (RFC 2033 §4.2).  Like client_reply.c it changes the state and must
 * never build a command.
 */
#include "smtp/client_state.h"

#include <stdio.h>

bool client_is_misplaced(const struct reply *r)
{
	return r->code == 220 || r->code == 221 || r->code == 235 || r->code / 100 == 3;
}

/*
 * Refused while the message is still being sent: what is left of it cannot be taken back,
 * so the session ends here.
 */
static void refuse_early(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	outcome_of_reply(&c->hearing->data, verb, r);
	if (c->options.is_lmtp && r->code / 100 == 5) {
		/* This was about the first of them. */
		c->hearing->data.verdict = VERDICT_TEMPORARY;
		c->hearing->data.cause = CAUSE_PROTOCOL;
	}
	c->hearing->stage = STAGE_OVER;
	c->is_out_of_step = true;
	c->wait_count = 0;
}

/* Does this say that BDAT is not known, rather than that the message is not wanted? */
static bool is_puzzled(const struct smtp_client *c, enum verb verb, const struct reply *r)
{
	/* 503 to a flight can be about its order; when nothing else was open it is not. */
	bool is_unknown = r->code == 500 || r->code == 502 || r->code == 504 ||
			  (r->code == 503 && !c->hearing->is_pipelined);

	/* Where other transactions are in flight, BDAT was accepted before. */
	return verb == VERB_BDAT && is_unknown && !c->hearing->is_overlapped;
}

/* It takes the message for commands: nothing it says now can be trusted. */
static void give_up_chunking(struct smtp_client *c, const struct reply *r)
{
	struct outcome why;

	c->is_out_of_step = true;
	c->wait_count = 0;
	if (c->hearing->taken > 0) {
		c->learned |= SMTP_AVOID_CHUNKING;
		outcome_of_reply(&why, VERB_BDAT, r);
		client_fail(c, &why, SMTP_AVOID_CHUNKING, FAIL_SURE);
	} else {
		c->hearing->stage = STAGE_OVER;
	}
}

/* In LMTP the next accepted recipient's own answer; true when more of them follow. */
static bool answer_one(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	struct round *round = c->hearing;
	size_t i = client_next_rcpt(round, round->final_at, RCPT_TAKEN);
	struct outcome *o = &round->txn->rcpts[i].outcome;

	round->final_at = i + 1;
	if (r->code / 100 == 2) {
		client_accept(c, i, verb, r);
	} else {
		bool puzzled = is_puzzled(c, verb, r);
		outcome_of_reply(o, verb, r);
		round->rcpt[i] = puzzled ? RCPT_PUZZLED : RCPT_REFUSED;
		round->puzzled += puzzled;
	}
	return ++round->finals < round->taken;
}

/* In LMTP 500 can be about one recipient: only when all say so it is about BDAT. */
static void answer_each(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	struct round *round = c->hearing;

	if (answer_one(c, verb, r)) {
		client_put_back(c, verb);
		return;
	}
	round->stage = STAGE_OVER;
	round->is_open = false;
	if (round->puzzled == round->taken) {
		for (size_t i = 0; i < round->txn->rcpt_count; i++) {
			if (round->rcpt[i] == RCPT_PUZZLED) {
				round->rcpt[i] = RCPT_TAKEN;
			}
		}
		give_up_chunking(c, r);
	}
}

/* Takes the result out of our reply, for whoever wants it: what is left is one line. */
static void take_result(struct smtp_client *c)
{
	struct buf *told = c->hearing->txn->told, *text = &c->reply.text;
	const char *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;

	if (!told || !c->caps.xsubmit) {
		return;
	}
	buf_reset(told);
	if (end) {
		struct span rest = span_from(buf_span(text), (size_t)(end - text->data) + 1);
		/* What does not fit is left out: it is for people. */
		if (!buf_add_span(told, rest)) {
			buf_reset(told);
		}
		buf_drop_end(text, rest.size + 1);
	}
}

static void answer_all(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	struct round *round = c->hearing;

	take_result(c);
	if (r->code / 100 >= 4) {
		outcome_of_reply(&round->data, verb, r);
		if (round->taken > 0 && client_is_bad_sequence(c, r)) {
			round->is_bad_sequence = true;
			client_soften(c, &round->data, r);
		}
		/* What a server does with a BDAT that it refuses is up to it: RSET. */
		round->is_open = round->is_open && verb == VERB_BDAT;
		return;
	}
	for (size_t i = 0; i < round->txn->rcpt_count; i++) {
		if (round->rcpt[i] == RCPT_TAKEN) {
			client_accept(c, i, verb, r);
		}
	}
	round->is_open = false;
}

void client_on_final(struct smtp_client *c, enum verb verb, const struct reply *r)
{
	struct round *round = c->hearing;
	bool is_ended = round->stage != STAGE_BODY;
	bool is_each = c->options.is_lmtp && round->taken > 0 && is_ended;

	if (is_each && !client_is_misplaced(r)) {
		answer_each(c, verb, r);
	} else if (is_puzzled(c, verb, r)) {
		give_up_chunking(c, r);
	} else if (client_is_misplaced(r) || (r->code / 100 == 2 && !is_ended)) {
		client_out_of_order(c, verb, r);
	} else if (!is_ended) {
		refuse_early(c, verb, r);
	} else {
		answer_all(c, verb, r);
		round->stage = STAGE_OVER;
	}
}

/* Takes one whole reply off the front of *in. */
static bool take_from(struct reply *r, struct span *in)
{
	struct err e;
	size_t used = 0;
	bool is_there = reply_parse(r, *in, &used, &e) == REPLY_DONE;

	*in = span_from(*in, used);
	return is_there;
}

/* Perhaps the acceptance belonged to something else. */
static void doubt(struct round *round, const char *text)
{
	for (size_t i = 0; i < round->txn->rcpt_count; i++) {
		if (round->rcpt[i] == RCPT_DELIVERED) {
			outcome_set(&round->txn->rcpts[i].outcome, VERDICT_UNKNOWN,
				    CAUSE_UNKNOWN, VERB_NONE, "", text);
		}
	}
}

/*
 * QUIT's answer is not waited for.  But when it is in hand and cannot be QUIT's, and one
 * more stands behind it, there was one answer too many before: what looked like the
 * message's acceptance was perhaps another command's, and this is the message's.  Then
 * nobody knows who has got it.
 */
void client_check_farewell(struct smtp_client *c)
{
	struct round *round = c->hearing;
	char line[OUTCOME_TEXT_MAX / 2], text[OUTCOME_TEXT_MAX];
	struct span in_hand = span_from(buf_span(&c->in), c->in_at);
	struct reply r;

	if (client_front(c) != VERB_QUIT || round->delivered == 0) {
		return;
	}
	reply_init(&r);
	bool fits = !take_from(&r, &in_hand) || r.code == 221 || r.code == 421 ||
		    (r.code >= 500 && r.code <= 504);
	reply_line(&r, line, sizeof(line));
	fits = fits || !take_from(&r, &in_hand);
	if (!fits) {
		snprintf(text, sizeof(text), "the server's answers do not fit our commands; "
			 "the last one was: %s", line);
		c->is_out_of_step = true;
	}
	reply_clear(&r);
	if (!fits) {
		doubt(round, text);
	}
}

/*
 * RSET is always answered with 250: what looks like its refusal can be what the server says
 * to the message before it, after an answer too many.
 */
void client_doubt(struct smtp_client *c, const struct reply *r)
{
	char line[OUTCOME_TEXT_MAX / 2], text[OUTCOME_TEXT_MAX];

	reply_line(r, line, sizeof(line));
	snprintf(text, sizeof(text), "the server's answers do not fit our commands; "
		 "RSET was answered with: %s", line);
	doubt(c->hearing, text);
	c->is_out_of_step = true;
	client_fail_text(c, CAUSE_PROTOCOL, VERB_NONE,
			 c->hearing->is_overlapped ? SMTP_AVOID_OVERLAP : 0, FAIL_BROKEN,
			 "%s", text);
}
