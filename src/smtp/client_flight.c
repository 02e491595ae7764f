/* SPDX-License-Identifier: ISC */
/*
 * client_flight: the transactions of a session, from submit to SETTLED, and when one may be
 * sent behind others that have no answer yet (RFC 2920 lets RSET follow BDAT, and RFC 3030
 * makes the end of a BDAT certain whatever the server thinks of it).  Must never build a
 * command nor judge a reply.
 *
 * Before the first overlap RSET goes behind a message, as QUIT would behind the last one.
 * A server that does not answer it with 250 throws away, or does not understand, what comes
 * there: it gets one message after the other.
 */
#include "smtp/client_state.h"
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* -- the ring -------------------------------------------------------------------------- */

static struct round *round_at(const struct smtp_client *c, size_t i)
{
	return &c->rounds[(c->oldest + i) % c->round_max];
}

static void find_places(struct smtp_client *c)
{
	c->hearing = round_at(c, c->settled);
	c->sending = round_at(c, c->settled + c->ahead);
}

void client_init_rounds(struct smtp_client *c)
{
	unsigned *most = &c->options.in_flight_max;

	*most = *most == 0 ? 1 : *most > SMTP_IN_FLIGHT_MAX ? SMTP_IN_FLIGHT_MAX : *most;
	/* Those in flight, one that is held, and an empty one behind them. */
	c->round_max = *most + 2;
	c->rounds = mem_alloc(c->round_max, sizeof(*c->rounds));
	c->rcpts_taken = CLIENT_QUIT_RCPTS;
	find_places(c);
}

static void forget(struct round *r)
{
	free(r->rcpt);
	*r = (struct round){ .stage = STAGE_MAIL };
}

void client_free_rounds(struct smtp_client *c)
{
	for (size_t i = 0; i < c->round_max; i++) {
		forget(&c->rounds[i]);
	}
	free(c->rounds);
}

bool client_has_held(const struct smtp_client *c)
{
	return c->open > c->ahead + 1;
}

struct round *client_unfit(const struct smtp_client *c)
{
	struct round *last = round_at(c, c->settled + c->open - 1);

	return c->open > 0 && last->adapt ? last : NULL;
}

struct round *client_add_round(struct smtp_client *c, struct smtp_txn *txn)
{
	struct round *r = round_at(c, c->settled + c->open);

	BUG_ON(c->is_quit_wanted || client_has_held(c) || c->settled > 0 ||
	       (c->open > 0 && !c->sending->is_next_asked));
	forget(r);
	r->txn = txn;
	r->rcpt = mem_alloc(txn->rcpt_count + 1, 1);
	c->open++;
	c->is_idle_owed = true;
	return r;
}

void client_close_round(struct smtp_client *c)
{
	c->flight_bytes -= c->hearing->bytes;
	c->flight_commands -= c->hearing->commands;
	c->settled++;
	c->open--;
	c->ahead -= c->ahead > 0;
	find_places(c);
}

struct smtp_txn *client_give_back(struct smtp_client *c)
{
	struct round *r = round_at(c, 0);
	struct smtp_txn *txn = r->txn;

	BUG_ON(c->settled == 0);
	forget(r);
	c->oldest = (c->oldest + 1) % c->round_max;
	c->settled--;
	find_places(c);
	return txn;
}

/* -- what the caller is told ----------------------------------------------------------- */

static size_t replies_outstanding(const struct smtp_client *c)
{
	size_t count = 0;

	for (size_t i = 0; i < c->wait_count; i++) {
		count += c->waits[i].verb == VERB_QUIT ? 0 : c->waits[i].count;
	}
	return count;
}

void client_mark_written(struct smtp_client *c)
{
	c->old_bytes = c->in.size - c->in_at;
	c->old_waits = replies_outstanding(c) - c->unwritten;
	c->unwritten = 0;
	for (size_t i = 0; i < c->open && i <= c->ahead; i++) {
		struct round *r = round_at(c, c->settled + i);
		r->txn->was_begun = r->txn->was_begun || r->is_begun;
		r->is_end_given = r->is_end_given || r->stage == STAGE_SENT;
	}
}

/* The end of data that the caller may still send something with. */
bool client_asks_next(struct smtp_client *c)
{
	struct round *r = c->sending;
	bool asks = r->txn && r->stage == STAGE_SENT && !r->is_end_given &&
		    !r->is_next_asked && !c->is_quit_wanted && !client_has_held(c);

	r->is_next_asked = r->is_next_asked || asks;
	return asks;
}

/* -- one behind the other -------------------------------------------------------------- */

/* At least what its commands will be. */
static size_t most_line_bytes(const struct smtp_txn *t)
{
	size_t size = strlen(t->sender) + 512;

	for (size_t i = 0; i < t->rcpt_count; i++) {
		size += strlen(t->rcpts[i].addr) + (t->rcpts[i].orcpt ? 600 : 64);
	}
	return size;
}

/* Is there room for one more, with all that is in flight? */
static bool has_room(const struct smtp_client *c, const struct smtp_txn *t)
{
	unsigned long long bytes = t->size;
	size_t in_flight = c->ahead + 1, most = c->options.in_flight_max;

	for (size_t i = 0; i < in_flight; i++) {
		bytes += round_at(c, c->settled + i)->txn->size;
	}
	/* Half of them together: fewer and larger writes than one by one. */
	return in_flight < most && (c->out.size > 0 || in_flight <= most / 2) &&
	       bytes <= CLIENT_OVERLAP_BYTES &&
	       c->flight_commands + t->rcpt_count + 3 <= CLIENT_FLIGHT_COMMANDS &&
	       c->flight_bytes + most_line_bytes(t) <= CLIENT_FLIGHT_MAX;
}

/* In this session, and with this server. */
static bool may_overlap(const struct smtp_client *c)
{
	return c->options.in_flight_max > 1 && !c->is_each_awaited &&
	       !(c->options.avoid & SMTP_AVOID_OVERLAP) && !c->options.is_lmtp &&
	       client_may_pipeline(c) && client_may_chunk(c);
}

bool client_probes(const struct smtp_client *c)
{
	const struct round *r = c->sending;

	return r->stage == STAGE_SENT && !r->is_end_given && !r->is_probed &&
	       client_has_held(c) && !c->is_proved && may_overlap(c);
}

/* What the server says to it is all in one place, and needs no second round. */
static bool is_simple(const struct smtp_client *c, const struct round *r)
{
	return r->later == 0 && r->to_send <= c->rcpts_taken;
}

void client_overlap(struct smtp_client *c)
{
	struct round *last = c->sending;

	if (!client_has_held(c) || c->phase != PHASE_READY || !c->is_proved ||
	    !may_overlap(c) || last->stage != STAGE_SENT || !is_simple(c, last)) {
		return;
	}
	struct round *held = round_at(c, c->settled + c->ahead + 1);
	bool is_small = held->txn->size <= CLIENT_OVERLAP_SIZE &&
			held->txn->size <= c->options.eager_max;
	if (held->stage != STAGE_MAIL || !is_simple(c, held) || !is_small ||
	    !has_room(c, held->txn)) {
		return;
	}
	last->is_overlapped = held->is_overlapped = true;
	c->ahead++;
	find_places(c);
	/* A server that refuses a BDAT keeps the transaction open. */
	c->needs_rset = true;
}

void client_soften(struct smtp_client *c, struct outcome *o, const struct reply *r)
{
	char text[OUTCOME_TEXT_MAX];

	if (!c->hearing->is_overlapped || !client_is_bad_sequence(c, r)) {
		return;
	}
	c->is_each_awaited = true;
	snprintf(text, sizeof(text), "the server did not follow several messages sent "
		 "together: %.400s", o->text);
	o->verdict = VERDICT_TEMPORARY;
	o->cause = CAUSE_PROTOCOL;
	memcpy(o->text, text, sizeof(text));
}
