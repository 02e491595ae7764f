/* SPDX-License-Identifier: ISC */
/*
 * honest: many messages in a session with a server that knows what it has taken
 * (mailserver.c), and that may be cut off anywhere.  What the engine says about each
 * recipient must be true:
 *
 *	ACCEPTED	it was taken, once
 *	TEMPORARY	it was not taken
 *	PERMANENT	it was not taken, and refused for good
 *	UNKNOWN		only after the session broke, which a sound server never does
 *	not begun	the server knows nothing about it
 *
 *	fuzz_honest COUNT [SEED]	the same numbers give the same sessions; with -v as
 *					third word what is said is printed
 */
#include "fuzz.h"
#include "mailserver.h"

#include "smtp/client.h"

#include <errno.h>

struct session {
	struct dice dice;
	struct mailserver server;
	struct smtp_client *c;
	struct smtp_txn txns[MAIL_MESSAGES];
	struct smtp_rcpt rcpts[MAIL_MESSAGES][MAIL_RCPTS];
	char addrs[MAIL_MESSAGES][MAIL_RCPTS + 1][24];
	char bodies[MAIL_MESSAGES][4000];
	unsigned count, submitted, settled;
	bool is_over, is_quit, is_loud;
};

/* What all sessions of a run had. */
struct totals {
	unsigned long verdicts[VERDICT_UNKNOWN + 1], untouched, most_open, sessions;
};

static void show(const struct session *s, const char *who, struct span bytes)
{
	if (s->is_loud) {
		fprintf(stderr, "%s: %.*s\n", who, SPAN_ARG(bytes));
	}
}

static void make_message(struct session *s, unsigned m)
{
	struct smtp_txn *t = &s->txns[m];
	size_t size = 20 + roll(&s->dice, roll(&s->dice, 10) > 0 ? 200 : 3900);
	char *body = s->bodies[m];
	int n = snprintf(body, 40, "Message %u\r\n", m);

	memset(body + n, 'x', size);
	memcpy(body + size - 2, "\r\n", 2);
	snprintf(s->addrs[m][MAIL_RCPTS], 24, "s%u@x", m);
	*t = (struct smtp_txn){
		.sender = s->addrs[m][MAIL_RCPTS],
		.rcpts = s->rcpts[m],
		.rcpt_count = 1 + (roll(&s->dice, 3) > 0 ? 0 : roll(&s->dice, MAIL_RCPTS)),
		.size = size,
		.is_8bit = roll(&s->dice, 8) == 0,
	};
	for (unsigned i = 0; i < t->rcpt_count; i++) {
		snprintf(s->addrs[m][i], 24, "%u.%u@x", i, m);
		t->rcpts[i].addr = s->addrs[m][i];
	}
}

static void submit(struct session *s)
{
	make_message(s, s->submitted);
	smtp_client_submit(s->c, &s->txns[s->submitted++]);
	if (s->submitted == s->count && roll(&s->dice, 4) == 0) {
		s->is_quit = true;
		smtp_client_quit(s->c);
	}
}

static void submit_or_quit(struct session *s)
{
	MUST(!s->is_quit);
	if (s->submitted < s->count) {
		submit(s);
	} else {
		s->is_quit = true;
		smtp_client_quit(s->c);
	}
}

/* It becomes 7-bit, and so larger; sometimes that cannot be, or not for all. */
static void adapt(struct session *s, struct smtp_txn *t)
{
	size_t m = (size_t)(t - s->txns);

	MUST(t->is_8bit && !t->was_begun && !s->server.fates[m].was_seen);
	t->is_8bit = false;
	if (t->size + 10 < sizeof(s->bodies[m])) {
		memset(s->bodies[m] + t->size - 2, '=', 10);
		t->size += 10;
		memcpy(s->bodies[m] + t->size - 2, "\r\n", 2);
	}
	unsigned refused = roll(&s->dice, 3) == 0 ? roll(&s->dice, 1u << MAIL_RCPTS) : 0;
	for (size_t i = 0; i < t->rcpt_count; i++) {
		if (refused & 1u << i) {
			outcome_set(&t->rcpts[i].outcome, VERDICT_PERMANENT, CAUSE_DATA,
				    VERB_NONE, "5.6.3", "ours");
			s->server.fates[m].refused[i] = true;
		}
	}
	smtp_client_adapted(s->c);
}

static void judge(struct session *s, const struct smtp_txn *t, struct totals *totals)
{
	const struct fate *fate = &s->server.fates[s->settled];
	bool is_sound = mailserver_is_sound(&s->server);

	MUST(s->settled < s->submitted && t == &s->txns[s->settled]);
	MUST(t->was_begun || !fate->was_seen);
	totals->untouched += !t->was_begun;
	for (size_t i = 0; i < t->rcpt_count; i++) {
		const struct outcome *o = &t->rcpts[i].outcome;
		unsigned taken = fate->taken[i];
		if (s->is_loud) {
			fprintf(stderr, "%u.%zu: %d %s\n", s->settled, i,
				(int)o->verdict, o->text);
		}
		MUST(o->verdict != VERDICT_UNTRIED);
		MUST(o->verdict != VERDICT_ACCEPTED || taken == 1);
		MUST(o->verdict != VERDICT_TEMPORARY || taken == 0);
		MUST(o->verdict != VERDICT_PERMANENT || (taken == 0 && fate->refused[i]));
		MUST(taken <= 1);
		MUST(!is_sound || (o->verdict != VERDICT_UNKNOWN &&
				   (o->verdict != VERDICT_TEMPORARY || fate->deferred[i])));
		totals->verdicts[o->verdict]++;
	}
	s->settled++;
}

static void lose(struct session *s)
{
	struct err e;

	err_set(&e, CAUSE_LOST, "lost");
	e.os_errno = roll(&s->dice, 2) ? ETIMEDOUT : 0;
	smtp_client_lost(s->c, &e);
}

static bool ends_with_quit(struct span bytes)
{
	return bytes.size >= 6 && memcmp(bytes.data + bytes.size - 6, "QUIT\r\n", 6) == 0;
}

/* The server takes it in one or two pieces; the client may read meanwhile. */
static void on_write(struct session *s, struct span bytes)
{
	/* Who throws away the rest of a flight throws away all of it. */
	bool is_whole = s->server.loses_followers || s->server.dislikes_followers ||
			roll(&s->dice, 3) > 0;
	size_t first = is_whole ? bytes.size : roll(&s->dice, (unsigned)bytes.size + 1);

	/* What is before QUIT is not answered while QUIT is being written. */
	if (ends_with_quit(bytes) && first + 7 > bytes.size) {
		first = bytes.size;
	}

	show(s, "C", bytes);
	mailserver_hear(&s->server, span_first(bytes, first));
	if (first < bytes.size && !s->server.is_dead) {
		struct buf *out = &s->server.out;
		if (roll(&s->dice, 2) && out->size > 0) {
			show(s, "S early", buf_span(out));
			smtp_client_feed(s->c, buf_span(out));
			buf_drop(out, out->size);
		}
		mailserver_hear(&s->server, span_from(bytes, first));
	}
	if (s->server.is_dead && roll(&s->dice, 2)) {
		lose(s);	/* the write failed */
	} else {
		smtp_client_wrote(s->c);
	}
}

static void on_read(struct session *s)
{
	struct buf *out = &s->server.out;
	size_t n = out->size;

	if (n == 0 || (s->server.is_dead && roll(&s->dice, 4) == 0)) {
		lose(s);
		return;
	}
	if (roll(&s->dice, 2)) {
		n = 1 + roll(&s->dice, (unsigned)n);
	}
	show(s, "S", span_of(out->data, n));
	smtp_client_feed(s->c, span_of(out->data, n));
	buf_drop(out, n);
}

static void step(struct session *s, struct totals *totals)
{
	struct smtp_action a = smtp_client_next(s->c);

	switch (a.kind) {
	case SMTP_WRITE:
		on_write(s, a.data);
		break;
	case SMTP_READ:
		on_read(s);
		break;
	case SMTP_ADAPT:
		adapt(s, a.txn);
		break;
	case SMTP_BODY:
		smtp_client_body(s->c, span_of(s->bodies[a.txn - s->txns] + a.offset,
					       1 + roll(&s->dice, (unsigned)a.max)));
		break;
	case SMTP_NEXT:
		if (roll(&s->dice, 40) > 0) {
			submit_or_quit(s);
		}
		break;
	case SMTP_IDLE:
		MUST(s->settled == s->submitted);
		submit_or_quit(s);
		break;
	case SMTP_SETTLED:
		judge(s, a.txn, totals);
		break;
	case SMTP_DONE:
	case SMTP_FAIL:
		MUST(s->settled == s->submitted);
		MUST(a.kind == SMTP_FAIL ? !mailserver_is_sound(&s->server) : s->is_quit);
		s->is_over = true;
		break;
	case SMTP_TLS:
	case SMTP_AUTH:
	case SMTP_STEP:
	case SMTP_VERIFY:
		MUST(false);
	}
	unsigned open = s->submitted - s->settled;
	if (open > totals->most_open) {
		totals->most_open = open;
	}
}

static void play(uint64_t seed, bool is_loud, struct totals *totals)
{
	static struct session s;
	struct smtp_options o = { .ehlo_name = "client.test" };

	s = (struct session){ .dice = { seed }, .is_loud = is_loud };
	for (int i = 0; i < 10; i++) {
		roll(&s.dice, 2);
	}
	mailserver_init(&s.server, &s.dice);
	o.in_flight_max = roll(&s.dice, 9);
	o.eager_max = roll(&s.dice, 4) > 0 ? 100000 : roll(&s.dice, 400);
	s.count = 1 + roll(&s.dice, MAIL_MESSAGES);
	s.c = smtp_client_new(&o);
	submit(&s);
	for (unsigned steps = 0; !s.is_over; steps++) {
		MUST(steps < 100000);
		step(&s, totals);
	}
	smtp_client_free(s.c);
	mailserver_free(&s.server);
	totals->sessions++;
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000;
	uint64_t seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
	struct totals t = { .untouched = 0 };

	for (unsigned long i = 0; i < count; i++) {
		if (argc > 3) {
			fprintf(stderr, "-- %llu\n", (unsigned long long)(seed + i));
		}
		play((seed + i) * 0x9e3779b97f4a7c15ull | 1, argc > 3, &t);
	}
	printf("%lu sessions, %lu accepted, %lu temporary (%lu messages untouched), "
	       "%lu permanent, %lu unknown; at most %lu submitted at once\n", t.sessions,
	       t.verdicts[VERDICT_ACCEPTED], t.verdicts[VERDICT_TEMPORARY], t.untouched,
	       t.verdicts[VERDICT_PERMANENT], t.verdicts[VERDICT_UNKNOWN], t.most_open);
	/* That much happens in any run that is worth something. */
	for (int v = VERDICT_ACCEPTED; count >= 1000 && v <= VERDICT_UNKNOWN; v++) {
		MUST(t.verdicts[v] > 0);
	}
	MUST(count < 1000 || (t.untouched > 0 && t.most_open > 5));
	return 0;
}
