/* SPDX-License-Identifier: ISC */
/* caller: see caller.h. */
#include "unit.h"

#include "caller.h"

bool wrong(struct run *r, const struct step *s, const char *format, ...)
{
	char what[600];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(r->error, sizeof(r->error), "line %u (%s %zu%s): %s", s->line,
		 r->is_bytewise ? "byte by byte" : "cut at", r->cut,
		 r->quits_early ? ", early QUIT" : "", what);
	return false;
}

void caller_submit(struct run *r, const struct message *m)
{
	struct smtp_txn *t = &r->given[r->given_count].txn;

	assert_true(r->given_count < CALLER_MESSAGES);
	r->given[r->given_count++].message = m;
	*t = m->txn;
	t->rcpts = calloc(m->txn.rcpt_count + 1, sizeof(*t->rcpts));
	assert_non_null(t->rcpts);
	for (size_t i = 0; i < m->txn.rcpt_count; i++) {
		t->rcpts[i] = m->txn.rcpts[i];
	}
	smtp_client_submit(r->c, t);
	if (m->is_last && r->quits_early) {
		smtp_client_quit(r->c);
	}
}

/* The next message of the file, if it is one that waits to be asked for. */
static const struct message *find_next(const struct run *r)
{
	size_t seen = 0;

	for (size_t i = 0; i < r->t->count; i++) {
		const struct step *s = &r->t->steps[i];
		if (s->kind == STEP_MESSAGE && seen++ == r->given_count) {
			return s->message->is_next ? s->message : NULL;
		}
	}
	return NULL;
}

bool caller_is_done(const struct run *r)
{
	size_t count = 0;

	for (size_t i = 0; i < r->t->count; i++) {
		count += r->t->steps[i].kind == STEP_MESSAGE;
	}
	for (size_t i = 0; i < r->given_count; i++) {
		if (r->given[i].message->adapt && !r->given[i].is_adapted) {
			return false;
		}
	}
	return count == r->given_count;
}

static bool was_last(const struct run *r)
{
	return r->given_count > 0 && r->given[r->given_count - 1].message->is_last;
}

static void answer_next(struct run *r)
{
	const struct message *next = find_next(r);

	assert_true(r->given_count > r->asked_after && !(was_last(r) && r->quits_early));
	r->asked_after = r->given_count;
	if (next) {
		caller_submit(r, next);
	} else if (was_last(r)) {
		smtp_client_quit(r->c);
	}
}

static size_t place_of(const struct run *r, const struct smtp_txn *txn)
{
	size_t i = 0;

	while (i < r->given_count && &r->given[i].txn != txn) {
		i++;
	}
	assert_true(i < r->given_count);
	return i;
}

/* Once, and only for what the file says. */
static void adapt(struct run *r, const struct smtp_action *a)
{
	size_t place = place_of(r, a->txn);
	const struct message *m = r->given[place].message;
	struct smtp_txn *t = a->txn;

	assert_int_equal(a->adapt, m->adapt);
	assert_true(a->adapt && !r->given[place].is_adapted);
	r->given[place].is_adapted = true;
	t->is_8bit = t->is_8bit && (m->stays_8bit || !(a->adapt & SMTP_ADAPT_7BIT));
	t->needs_smtputf8 = t->needs_smtputf8 && m->stays_utf8;
	t->size = m->adapted.size ? m->adapted.size : t->size;
	t->sender = m->now_from ? m->now_from : t->sender;
	for (size_t i = 0; i < t->rcpt_count && i < sizeof(m->now) / sizeof(m->now[0]); i++) {
		t->rcpts[i].addr = m->now[i].addr ? m->now[i].addr : t->rcpts[i].addr;
		if (m->now[i].is_refused) {
			outcome_set(&t->rcpts[i].outcome, VERDICT_PERMANENT, CAUSE_DATA,
				    VERB_MAIL, "5.6.3", "cannot be adapted");
		}
	}
	smtp_client_adapted(r->c);
}

static void give_body(struct run *r, const struct smtp_action *a)
{
	size_t place = place_of(r, a->txn);
	const struct message *m = r->given[place].message;
	bool is_adapted = r->given[place].is_adapted && m->adapted.size > 0;
	struct span whole = buf_span(is_adapted ? &m->adapted : &m->body);
	struct span body = span_from(whole, (size_t)a->offset);
	size_t most = body.size > 100000 ? 65536 : r->is_bytewise ? 7 : a->max;

	smtp_client_body(r->c, span_first(body, most < a->max ? most : a->max));
}

/* The session is dead, but all had its outcome: that is found out with the next message. */
static void submit_further(struct run *r)
{
	r->further_rcpt = (struct smtp_rcpt){ .addr = "further@server.test" };
	r->further = (struct smtp_txn){ .sender = "joe@client.test", .size = 1000,
					.rcpts = &r->further_rcpt, .rcpt_count = 1 };
	smtp_client_submit(r->c, &r->further);
}

static void settle(struct run *r, const struct smtp_txn *txn)
{
	if (txn == &r->further) {
		assert_false(txn->was_begun);
		assert_int_equal(r->further_rcpt.outcome.verdict, VERDICT_TEMPORARY);
		return;
	}
	assert_true(r->settled_count < r->given_count);
	assert_ptr_equal(txn, &r->given[r->settled_count].txn);
	r->settled_count++;
	for (size_t i = 0; i < txn->rcpt_count; i++) {
		assert_int_not_equal(txn->rcpts[i].outcome.verdict, VERDICT_UNTRIED);
	}
}

struct smtp_action caller_next(struct run *r)
{
	for (;;) {
		struct smtp_action a = smtp_client_next(r->c);
		if (a.kind == SMTP_NEXT) {
			answer_next(r);
		} else if (a.kind == SMTP_ADAPT) {
			adapt(r, &a);
		} else if (a.kind == SMTP_SETTLED) {
			settle(r, a.txn);
		} else {
			return a;
		}
	}
}

struct smtp_action caller_drive(struct run *r, enum smtp_action_kind wanted)
{
	for (;;) {
		struct smtp_action a = caller_next(r);
		if (a.kind == SMTP_BODY) {
			give_body(r, &a);
		} else if (a.kind == SMTP_IDLE && wanted != SMTP_IDLE && find_next(r)) {
			caller_submit(r, find_next(r));
		} else if (a.kind == SMTP_IDLE && was_last(r)) {
			assert_false(r->quits_early);
			smtp_client_quit(r->c);
		} else if (a.kind == SMTP_IDLE && wanted == SMTP_FAIL && !r->further.rcpts) {
			submit_further(r);
		} else {
			bool is_end = a.kind == SMTP_IDLE || a.kind == SMTP_DONE ||
				      a.kind == SMTP_FAIL;
			assert_true(!is_end || r->settled_count == r->given_count);
			return a;
		}
	}
}

void caller_free(struct run *r)
{
	for (size_t i = 0; i < r->given_count; i++) {
		free(r->given[i].txn.rcpts);
	}
}
