/* SPDX-License-Identifier: ISC */
/* crowd: see crowd.h. */
#include "unit.h"

#include "crowd.h"

void crowd_submit(struct crowd *w)
{
	size_t i = w->submitted++;

	w->rcpts[i].addr = "ann@server.test";
	w->txns[i] = (struct smtp_txn){
		.sender = "joe@client.test",
		.rcpts = w->rcpt_count > 0 ? w->many[i] : &w->rcpts[i],
		.rcpt_count = w->rcpt_count > 0 ? w->rcpt_count : 1,
		.size = w->size > 0 ? w->size : strlen(BODY),
	};
	smtp_client_submit(w->c, &w->txns[i]);
}

void crowd_open(struct crowd *w, unsigned in_flight)
{
	memset(w, 0, sizeof(*w));
	w->options.ehlo_name = "client.test";
	w->options.eager_max = 1000000;
	w->options.in_flight_max = in_flight;
	buf_init(&w->in, 4 << 20);
	buf_init(&w->out, 4 << 20);
}

void crowd_close(struct crowd *w)
{
	smtp_client_free(w->c);
	buf_clear(&w->in);
	buf_clear(&w->out);
}

static void answer(struct crowd *w, const char *reply)
{
	assert_true(buf_add_str(&w->out, reply));
}

static void serve(struct crowd *w, struct span bytes)
{
	size_t at = 0;

	assert_true(buf_add_span(&w->in, bytes));
	for (;;) {
		size_t left = w->in.size - at, skip = w->skip < left ? w->skip : left;
		at += skip;
		w->skip -= skip;
		const char *line = w->in.data + at;
		const char *end = memchr(line, '\n', w->in.size - at);
		if (w->skip > 0 || !end) {
			break;
		}
		at += (size_t)(end - line) + 1;
		if (strncmp(line, "BDAT", 4) == 0) {
			w->skip = strtoul(line + 5, NULL, 10);
			w->messages++;
			answer(w, "250 2.0.0 queued\r\n");
		} else {
			answer(w, strncmp(line, "EHLO", 4) == 0 ? PIPED : "250 ok\r\n");
		}
	}
	buf_drop(&w->in, at);
	size_t in_flight = w->messages - w->settled;
	w->most_in_flight = in_flight > w->most_in_flight ? in_flight : w->most_in_flight;
	w->most_bytes = bytes.size > w->most_bytes ? bytes.size : w->most_bytes;
	w->writes++;
}

void crowd_give_body(struct crowd *w, const struct smtp_action *a)
{
	static char body[1 << 20];

	if (w->size > 0) {
		memset(body, 'x', sizeof(body));
		smtp_client_body(w->c, span_of(body, a->max));
	} else {
		struct span rest = span_from(span_str(BODY), (size_t)a->offset);
		smtp_client_body(w->c, span_first(rest, a->max));
	}
}

struct smtp_action crowd_go_on(struct crowd *w)
{
	for (;;) {
		struct smtp_action a = smtp_client_next(w->c);
		if (a.kind == SMTP_BODY) {
			crowd_give_body(w, &a);
		} else if (a.kind == SMTP_SETTLED) {
			assert_ptr_equal(a.txn, &w->txns[w->settled]);
			a.txn->rcpts = NULL;	/* it is never looked at again */
			w->settled++;
		} else if (a.kind == SMTP_NEXT && w->submitted < w->count) {
			assert_int_equal(++w->asked, w->submitted);
			crowd_submit(w);
		} else if (a.kind == SMTP_NEXT) {
			smtp_client_quit(w->c);
		} else {
			return a;
		}
	}
}

void crowd_run(struct crowd *w, size_t count)
{
	struct smtp_action a;

	w->count = count;
	w->c = smtp_client_new(&w->options);
	crowd_submit(w);
	answer(w, "220 hi\r\n");
	while ((a = crowd_go_on(w)).kind != SMTP_DONE) {
		if (a.kind == SMTP_WRITE) {
			serve(w, a.data);
			smtp_client_wrote(w->c);
		} else {
			assert_int_equal(a.kind, SMTP_READ);
			assert_true(w->out.size > 0);
			smtp_client_feed(w->c, buf_span(&w->out));
			buf_drop(&w->out, w->out.size);
		}
	}
	assert_int_equal(w->settled, count);
	assert_int_equal(w->messages, count);
}

void crowd_lose(struct crowd *w)
{
	struct err e;

	err_set(&e, CAUSE_LOST, "connection reset");
	smtp_client_lost(w->c, &e);
}

void crowd_writes(struct crowd *w)
{
	assert_int_equal(crowd_go_on(w).kind, SMTP_WRITE);
	smtp_client_wrote(w->c);
}

void crowd_hear(struct crowd *w, const char *text)
{
	smtp_client_feed(w->c, span_str(text));
}
