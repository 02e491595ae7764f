/* SPDX-License-Identifier: ISC */
/*
 * fuzz_client: the client engine against any server.  The input is a transcript
 * (tests/transcripts): of it only the server's lines and the settings are used, everything
 * else just ends a block.  Each is played with the blocks whole and byte by byte: what the
 * engine writes and decides must be the same (rule 11).
 */
#include "fuzz.h"

#include "base/text.h"
#include "smtp/client.h"

#include <errno.h>

#define MESSAGES 8
#define RCPTS 3
#define SECRET "czNjcjN0LXRoYXQtaXMtbG9uZw"	/* base64, from "s3cr3t-that-is-long" */

static const char body[] = "Subject: test\r\n\r\n.hello\r\n";
static const char adapted_body[] = "Subject: test\r\n\r\n=2Ehello\r\n";

struct play {
	struct smtp_client *c;
	struct smtp_rcpt rcpts[MESSAGES][RCPTS];
	struct smtp_txn txns[MESSAGES];
	bool is_adapted[MESSAGES];
	size_t count, submitted, settled;
	bool is_bytewise, quits_early, is_over, was_fed, has_sent_secret;
	unsigned steps;
	struct buf log;
};

static void note(struct play *p, struct span bytes)
{
	MUST(buf_add_span(&p->log, bytes));
}

/* Each once, and in order. */
static void on_settled(struct play *p, const struct smtp_txn *txn)
{
	MUST(p->settled < p->submitted && txn == &p->txns[p->settled]);
	MUST(buf_printf(&p->log, "%s", txn->was_begun ? "" : "[not begun]"));
	for (size_t k = 0; k < RCPTS; k++) {
		const struct outcome *o = &p->rcpts[p->settled][k].outcome;
		MUST(o->verdict != VERDICT_UNTRIED);
		MUST((o->verdict == VERDICT_ACCEPTED) == (o->cause == CAUSE_NONE));
		MUST(txn->was_begun || (o->verdict != VERDICT_ACCEPTED &&
					o->verdict != VERDICT_UNKNOWN));
		MUST(buf_printf(&p->log, "[%d %d %d %s]", (int)o->verdict, (int)o->cause,
				o->code, o->text));
	}
	p->settled++;
	/* It is never touched again: a sanitizer sees it. */
	p->txns[p->settled - 1].rcpts = NULL;
}

static void submit(struct play *p)
{
	static const char *const addrs[RCPTS] = {
		"ann@server.test", "j\xc3\xb6rg@server.test", "cay@s\xc3\xa9rver.test"};
	struct smtp_txn *t = &p->txns[p->submitted];

	for (size_t i = 0; i < RCPTS; i++) {
		p->rcpts[p->submitted][i].addr = addrs[i];
		p->rcpts[p->submitted][i].orcpt = "rfc822;ann+x@server.test";
	}
	*t = (struct smtp_txn){
		.sender = p->submitted == 1 ? "" : "joe@client.test",
		.rcpts = p->rcpts[p->submitted],
		.rcpt_count = RCPTS,
		.size = sizeof(body) - 1,
		.is_8bit = p->submitted % 3 == 2,
		.needs_smtputf8 = p->submitted == 5,
		.notify = SMTP_NOTIFY_FAILURE,
		.envid = "x+y",
	};
	p->submitted++;
	smtp_client_submit(p->c, t);
	if (p->quits_early && p->submitted == p->count) {
		smtp_client_quit(p->c);
	}
}

static void submit_or_quit(struct play *p)
{
	if (p->submitted == p->count) {
		smtp_client_quit(p->c);
	} else {
		submit(p);
	}
}

static void on_next(struct play *p)
{
	note(p, span_str(p->count > 1 ? "<next>" : ""));
	submit_or_quit(p);
}

static void on_idle(struct play *p)
{
	MUST(p->settled == p->submitted);
	note(p, span_str(p->count > 1 ? "<idle>" : ""));
	submit_or_quit(p);
}

/* At most once, before MAIL, and for what the message has. */
static void on_adapt(struct play *p, const struct smtp_action *a)
{
	size_t place = (size_t)(a->txn - p->txns);
	struct smtp_rcpt *r = a->txn->rcpts;

	MUST(place < p->submitted && !p->is_adapted[place] && !a->txn->was_begun);
	MUST(a->adapt && (!(a->adapt & SMTP_ADAPT_7BIT) || a->txn->is_8bit));
	p->is_adapted[place] = true;
	if (a->adapt & SMTP_ADAPT_7BIT) {
		a->txn->size = sizeof(adapted_body) - 1;
		a->txn->is_8bit = false;
	}
	if (a->adapt & SMTP_ADAPT_ASCII) {
		r[2].addr = "cay@xn--srver-bsa.test";
		a->txn->needs_smtputf8 = place % 4 == 1;
	}
	for (size_t i = 0; i < RCPTS && place % 4 == 3; i++) {
		outcome_set(&r[i].outcome, i == 1 ? VERDICT_TEMPORARY : VERDICT_PERMANENT,
			    CAUSE_DATA, VERB_NONE, "5.6.3", "no");
	}
	MUST(buf_printf(&p->log, "<adapt %zu %u>", place, a->adapt));
	smtp_client_adapted(p->c);
}

static void on_body(struct play *p, const struct smtp_action *a)
{
	size_t place = (size_t)(a->txn - p->txns);
	bool is_other = p->is_adapted[place] && a->txn->size == sizeof(adapted_body) - 1;

	MUST(a->max > 0 && a->offset + a->max <= a->txn->size);
	smtp_client_body(p->c, span_of((is_other ? adapted_body : body) + a->offset,
				       p->is_bytewise ? 1 : a->max));
}

static void on_write(struct play *p, const struct smtp_action *a)
{
	struct span before = span_first(a->data, a->secret_from);
	struct span after = span_from(a->data, a->secret_from + a->secret_size);

	MUST(p->was_fed);	/* rule 1 */
	MUST(a->data.size > 0 && a->secret_from + a->secret_size <= a->data.size);
	MUST(a->secret_size == 0 ||
	     !memmem(before.data, before.size, SECRET, strlen(SECRET)));
	MUST(after.size == 0 || !memmem(after.data, after.size, SECRET, strlen(SECRET)));
	for (size_t i = 0; i < a->data.size; i++) {
		char last = i > 0 ? a->data.data[i - 1] : '\0';
		MUST(a->data.data[i] != '\0');
		MUST((a->data.data[i] == '\n') == (last == '\r'));	/* rule 10 */
	}
	p->has_sent_secret = p->has_sent_secret ||
			     memmem(a->data.data, a->data.size, SECRET, strlen(SECRET));
	note(p, a->data);
	smtp_client_wrote(p->c);
}

static void on_auth(struct play *p, const struct smtp_action *a)
{
	struct span initial = span_str("s3cr3t-that-is-long");

	MUST(a->is_tls);	/* rule 5 */
	if (strstr(a->caps->mechanisms, "PLAIN")) {
		smtp_client_auth(p->c, "PLAIN", &initial, true);
	} else {
		smtp_client_auth(p->c, "LOGIN", NULL, false);
	}
}

/* Does what the engine wants until it wants to read. */
static void go_on(struct play *p)
{
	while (!p->is_over) {
		struct smtp_action a = smtp_client_next(p->c);
		MUST(++p->steps < 100000);
		switch (a.kind) {
		case SMTP_WRITE:
			on_write(p, &a);
			break;
		case SMTP_READ:
			MUST(a.timeout_s > 0);
			return;
		case SMTP_TLS:
			smtp_client_tls_done(p->c);
			break;
		case SMTP_AUTH:
			on_auth(p, &a);
			break;
		case SMTP_STEP:
			note(p, a.data);
			smtp_client_auth_reply(p->c, span_str("s3cr3t-that-is-long"),
					       a.data.size > 0);
			break;
		case SMTP_VERIFY:
			smtp_client_auth_verified(p->c);
			break;
		case SMTP_ADAPT:
			on_adapt(p, &a);
			break;
		case SMTP_BODY:
			on_body(p, &a);
			break;
		case SMTP_SETTLED:
			on_settled(p, a.txn);
			break;
		case SMTP_NEXT:
			on_next(p);
			break;
		case SMTP_IDLE:
			on_idle(p);
			break;
		case SMTP_DONE:
		case SMTP_FAIL:
			p->is_over = true;
			MUST(p->settled == p->submitted);
			MUST((a.kind == SMTP_FAIL) == (a.err != NULL));
			MUST(!a.err || (a.err->cause != CAUSE_NONE && a.err->text[0]));
			MUST(!a.err || !p->has_sent_secret ||
			     !strstr(a.err->text, SECRET));
			MUST(buf_printf(&p->log, "<%s %u>", a.err ? a.err->text : "",
					a.avoid));
			break;
		}
	}
}

/* Lets the engine look at what came, while what it wants to write has to wait. */
static void look(struct play *p)
{
	for (;;) {
		struct smtp_action a = smtp_client_next(p->c);
		if (a.kind == SMTP_SETTLED) {
			on_settled(p, a.txn);
		} else if (a.kind == SMTP_ADAPT) {
			on_adapt(p, &a);
		} else if (a.kind == SMTP_NEXT) {
			on_next(p);
		} else if (a.kind == SMTP_IDLE) {
			on_idle(p);
		} else {
			return;
		}
	}
}

static void hear(struct play *p, struct span block)
{
	for (size_t i = 0; i < block.size && !p->is_over;) {
		size_t n = p->is_bytewise ? 1 : block.size;
		p->was_fed = true;
		smtp_client_feed(p->c, span_of(block.data + i, n));
		i += n;
		look(p);
	}
	go_on(p);
}

static void set_options(struct smtp_options *o, struct span words)
{
	char text[200];

	snprintf(text, sizeof(text), "%.*s", (int)(words.size < 199 ? words.size : 199),
		 words.data);
	o->security = strstr(text, "starttls")	 ? SMTP_STARTTLS
		      : strstr(text, "implicit") ? SMTP_IMPLICIT_TLS
						 : SMTP_NO_TLS;
	o->use_auth = strstr(text, " auth") != NULL;
	o->is_lmtp = strstr(text, "lmtp") != NULL;
	const char *in_flight = strstr(text, "in-flight=");
	o->in_flight_max = in_flight ? (unsigned)strtoul(in_flight + 10, NULL, 10) : 0;
	o->eager_max = strstr(text, "eager") ? 10 : 1000;
	o->avoid = (strstr(text, "avoid=auth") ? SMTP_AVOID_AUTH_PIPELINING : 0u) |
		   (strstr(text, "avoid=chunking") ? SMTP_AVOID_CHUNKING : 0u);
}

static struct span take_line(struct span *rest)
{
	const char *end = memchr(rest->data, '\n', rest->size);
	struct span line =
		span_first(*rest, end ? (size_t)(end - rest->data) : rest->size);

	*rest = span_from(*rest, line.size + 1);
	return line;
}

static void play(struct play *p, struct span in)
{
	struct smtp_options o = { .ehlo_name = "client.test", .eager_max = 1000 };
	struct span rest = in;
	BUF_AUTO struct buf block;
	struct err e;

	if (text_starts_fold(rest, "%client")) {
		set_options(&o, take_line(&rest));
	}
	buf_init(&block, in.size * 2 + 2);
	buf_init(&p->log, 64u << 20);
	p->c = smtp_client_new(&o);
	submit(p);
	go_on(p);
	while (rest.size > 0 && !p->is_over) {
		struct span line = take_line(&rest);
		if (text_starts_fold(line, "S: ")) {
			MUST(buf_add_span(&block, span_from(line, 3)) &&
			     buf_add_str(&block, "\r\n"));
			continue;
		}
		hear(p, buf_span(&block));
		buf_reset(&block);
		if (text_starts_fold(line, "!lost") || text_starts_fold(line, "!timeout")) {
			err_set(&e, CAUSE_LOST, "lost");
			e.os_errno = line.data[1] == 't' ? ETIMEDOUT : 0;
			smtp_client_lost(p->c, &e);
			go_on(p);
		}
	}
	hear(p, buf_span(&block));
	if (!p->is_over) {
		err_set(&e, CAUSE_LOST, "the end");
		smtp_client_lost(p->c, &e);
		go_on(p);
	}
	MUST(p->is_over);
	smtp_client_free(p->c);
}

/* What the engine wrote and decided must be the same. */
static void compare(struct span in, struct play *a, struct play *b)
{
	play(a, in);
	play(b, in);
	/* Rule 11: only an answer too many may be seen or not. */
	bool is_seen = strstr(a->log.data, "out of order") ||
		       strstr(a->log.data, "do not fit");
	if (!is_seen && !span_equal(buf_span(&a->log), buf_span(&b->log))) {
		fprintf(stderr, "one:\n%s\n\nthe other:\n%s\n", a->log.data, b->log.data);
		abort();
	}
	buf_clear(&a->log);
	buf_clear(&b->log);
	free(a);
	free(b);
}

static struct play *new_play(size_t count)
{
	struct play *p = calloc(1, sizeof(*p));

	MUST(p);
	p->count = count;
	return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	if (size >= 65536) {
		return 0;
	}
	/* Whole and byte by byte. */
	struct play *whole = new_play(MESSAGES), *bytes = new_play(MESSAGES);
	bytes->is_bytewise = true;
	compare(in, whole, bytes);
	/* A single message, and QUIT said with it, or when it is asked for. */
	struct play *early = new_play(1), *asked = new_play(1);
	early->quits_early = true;
	compare(in, early, asked);
	return 0;
}
