/* SPDX-License-Identifier: ISC */
/*
 * fuzz_server: any bytes from a client of `sendmail -bs`.  The first byte chooses the
 * options, the second how the caller answers, the third how the rest is cut into pieces.
 * An input that looks like a transcript is taken as one: what its "C: " lines say.
 *
 * The same bytes go in whole and in pieces: replies and messages must be the same.  What is
 * written is SMTP for our own reply parser, one reply a command; envelopes are safe; BEGIN,
 * END and ABORT come in the order that server.h promises.
 */
#include "fuzz.h"

#include "base/text.h"
#include "mail/addr.h"
#include "smtp/reply.h"
#include "smtp/server.h"

#include <stdio.h>
#include <string.h>

enum { OUT_MOST = 64 << 20 };

struct run {
	struct smtp_server *s;
	unsigned choices;	/* what the caller says, two bits a message */
	struct buf out, events, data;
	bool is_begun, is_done;
	unsigned messages;
};

static void add(struct buf *to, const char *text)
{
	MUST(buf_add_str(to, text) && buf_add_byte(to, '\n'));
}

static void check_text(const char *text)
{
	MUST(!text || !text_has_line_break(span_str(text)));
}

static void on_begin(struct run *r, const struct smtp_envelope *v)
{
	MUST(!r->is_begun && v->rcpt_count > 0 && addr_is_safe(span_str(v->sender)));
	check_text(v->envid);
	check_text(v->helo);
	r->is_begun = true;
	r->messages++;
	add(&r->events, v->sender);
	add(&r->events, v->envid ? v->envid : "-");
	for (size_t i = 0; i < v->rcpt_count; i++) {
		MUST(v->rcpts[i].addr[0] && addr_is_safe(span_str(v->rcpts[i].addr)));
		check_text(v->rcpts[i].orcpt);
		add(&r->events, v->rcpts[i].addr);
		add(&r->events, v->rcpts[i].orcpt ? v->rcpts[i].orcpt : "-");
	}
	buf_reset(&r->data);
	if (((r->choices >> (r->messages % 8 * 2)) & 3) == 3) {
		struct smtp_answer no;
		smtp_answer_set(&no, VERDICT_TEMPORARY, 452, "4.3.1", "no\r\nroom");
		smtp_server_verdict(r->s, &no);
		r->is_begun = false;
	}
}

static void on_end(struct run *r)
{
	unsigned choice = (r->choices >> (r->messages % 8 * 2)) & 3;
	struct smtp_answer a;

	MUST(r->is_begun);
	r->is_begun = false;
	MUST(buf_add_span(&r->events, buf_span(&r->data)));
	add(&r->events, "=end");
	smtp_answer_set(&a, choice == 1 ? VERDICT_PERMANENT : VERDICT_ACCEPTED, 0, "", "done");
	smtp_server_verdict(r->s, &a);
}

/* False at READ and DONE. */
static bool act(struct run *r, struct smtp_server_action a)
{
	switch (a.kind) {
	case SERVER_WRITE:
		MUST(a.data.size > 0 && a.data.size <= 64 << 10);
		MUST(buf_add_span(&r->out, a.data));
		smtp_server_wrote(r->s);
		return true;
	case SERVER_BEGIN:
		on_begin(r, a.envelope);
		return true;
	case SERVER_DATA:
		MUST(r->is_begun && buf_add_span(&r->data, a.data));
		return true;
	case SERVER_END:
		on_end(r);
		return true;
	case SERVER_QUEUE:
		break;
	case SERVER_ABORT:
		MUST(r->is_begun);
		r->is_begun = false;
		add(&r->events, a.why);
		return true;
	case SERVER_DONE:
		MUST(!r->is_begun);
		if (!r->is_done) {
			add(&r->events, a.why);
		}
		r->is_done = true;
		return false;
	case SERVER_READ:
		MUST(a.timeout_s > 0);
		return false;
	}
	abort();
}

static void run(struct run *r)
{
	while (act(r, smtp_server_next(r->s))) {
		;
	}
}

static void play(struct run *r, const struct smtp_server_options *o, unsigned choices,
		 struct span bytes, size_t piece)
{
	*r = (struct run){ .s = smtp_server_new(o), .choices = choices };
	buf_init(&r->out, OUT_MOST);
	buf_init(&r->events, OUT_MOST);
	buf_init(&r->data, OUT_MOST);
	run(r);
	while (bytes.size > 0 && !r->is_done) {
		struct span first = span_first(bytes, piece);
		smtp_server_feed(r->s, first);
		bytes = span_from(bytes, first.size);
		run(r);
	}
	if (choices & 1) {
		smtp_server_timeout(r->s);
	} else {
		smtp_server_lost(r->s);
	}
	run(r);
	MUST(r->is_done);
}

static void clear(struct run *r)
{
	smtp_server_free(r->s);
	buf_clear(&r->out);
	buf_clear(&r->events);
	buf_clear(&r->data);
}

/* Every byte is part of a reply; one for each line at most, but greeting and goodbye. */
static void check_replies(const struct buf *out, struct span bytes)
{
	struct span rest = buf_span(out);
	size_t replies = 0, lines = 2;
	struct reply r;
	struct err e;

	for (size_t i = 0; i < bytes.size; i++) {
		lines += bytes.data[i] == '\n';
	}
	reply_init(&r);
	for (; rest.size > 0; replies++) {
		size_t used = 0;
		MUST(reply_parse(&r, rest, &used, &e) == REPLY_DONE);
		MUST(r.lines > 1 || used <= 512);
		rest = span_from(rest, used);
	}
	MUST(replies <= lines);
	reply_clear(&r);
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return span_equal(buf_span(a), buf_span(b));
}

/* A transcript: the lines of the client alone. */
static bool take_transcript(struct buf *to, struct span text)
{
	while (text.size > 0) {
		const char *lf = memchr(text.data, '\n', text.size);
		struct span line = span_first(text, lf ? (size_t)(lf - text.data) : text.size);
		text = span_from(text, line.size + 1);
		if (text_starts_fold(line, "C: ")) {
			MUST(buf_add_span(to, span_from(line, 3)) && buf_add_str(to, "\r\n"));
		}
	}
	return to->size > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct smtp_server_options o = { .host = "host.test" };
	struct span bytes = span_from(span_of(data, size), 3);
	BUF_AUTO struct buf transcript;
	struct run whole, pieces;
	unsigned choices = 0;
	size_t piece = 1;

	buf_init(&transcript, 2 * SERVER_FEED_MAX);
	if (size < 4 || size > SERVER_FEED_MAX / 2) {
		return 0;
	}
	if (memchr("%#CS", data[0], 4) && take_transcript(&transcript, span_of(data, size))) {
		bytes = buf_span(&transcript);
		o.is_socket = memmem(data, size, " socket", 7) != NULL;
	} else {
		o.is_socket = data[0] & 1;
		o.size_limit = data[0] & 2 ? 64 : data[0] & 4 ? 5000 : 0;
		o.rcpts_max = data[0] & 8 ? 2 : 0;
		choices = data[1] * 257u;
		piece = data[2] > 0 ? data[2] : 1000;
	}
	play(&whole, &o, choices, bytes, SERVER_FEED_MAX);
	play(&pieces, &o, choices, bytes, piece);
	MUST(is_same(&whole.out, &pieces.out));
	MUST(is_same(&whole.events, &pieces.events));
	check_replies(&whole.out, bytes);
	clear(&whole);
	clear(&pieces);
	return 0;
}
