/* SPDX-License-Identifier: ISC */
/* served: see served.h. */
#include "unit.h"

#include "base/text.h"
#include "mail/addr.h"
#include "served.h"

enum { ROOM = 64 << 20 };

static void must(bool fits)
{
	assert_true(fits);
}

void served_init(struct served *d, const struct smtp_server_options *options)
{
	*d = (struct served){ .s = smtp_server_new(options) };
	buf_init(&d->out, ROOM);
	buf_init(&d->events, ROOM);
	buf_init(&d->log, ROOM);
	buf_init(&d->data, ROOM);
}

void served_clear(struct served *d)
{
	smtp_server_free(d->s);
	buf_clear(&d->out);
	buf_clear(&d->events);
	buf_clear(&d->log);
	buf_clear(&d->data);
}

/* -- lines ----------------------------------------------------------------------------- */

static void add_escaped(struct buf *to, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '\\') {
			must(buf_add_str(to, "\\\\"));
		} else if (c == '\r' || c == '\n' || c == '\0') {
			must(buf_printf(to, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : '0'));
		} else if (c < ' ' || c >= 0x7f) {
			must(buf_printf(to, "\\x%02x", c));
		} else {
			must(buf_add_byte(to, (char)c));
		}
	}
}

void served_add_lines(struct buf *to, char mark, struct span bytes)
{
	while (bytes.size > 0) {
		const char *lf = memchr(bytes.data, '\n', bytes.size);
		size_t size = lf ? (size_t)(lf - bytes.data) + 1 : bytes.size;
		bool is_crlf = size > 1 && lf && lf[-1] == '\r';
		must(buf_printf(to, is_crlf ? "%c: " : "%c-: ", mark));
		add_escaped(to, span_first(bytes, is_crlf ? size - 2 : size));
		must(buf_add_byte(to, '\n'));
		bytes = span_from(bytes, size);
	}
}

static int hex(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool served_unescape(struct buf *to, const char *text)
{
	for (const char *p = text; *p; p++) {
		char c = *p;
		if (c == '\\') {
			c = *++p;
			if (c == 'x' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
				c = (char)(hex(p[1]) << 4 | hex(p[2]));
				p += 2;
			} else if (c && strchr("rn0\\", c)) {
				c = c == 'r' ? '\r' : c == 'n' ? '\n' : c == '0' ? '\0' : c;
			} else {
				return false;
			}
		}
		must(buf_add_byte(to, c));
	}
	return true;
}

/* Rule 5. */
static void check_text(const char *text)
{
	assert_false(text && text_has_line_break(span_str(text)));
}

/* -- events ---------------------------------------------------------------------------- */

static void note(struct served *d, size_t from)
{
	must(buf_add(&d->log, d->events.data + from, d->events.size - from));
}

static void note_rcpt(struct buf *to, const struct smtp_server_rcpt *r)
{
	static const char *const words[] = { "never", "success", "failure", "delay" };
	const char *lead = " notify=";

	assert_true(r->addr[0] && addr_is_safe(span_str(r->addr)));
	check_text(r->orcpt);
	must(buf_printf(to, "=rcpt <%s>", r->addr));
	for (unsigned i = 0; i < 4; i++) {
		if (r->notify & (1u << i)) {
			must(buf_printf(to, "%s%s", lead, words[i]));
			lead = ",";
		}
	}
	must(buf_printf(to, r->orcpt ? " orcpt=%s\n" : "\n", r->orcpt));
}

static void note_begin(struct served *d, const struct smtp_envelope *v)
{
	size_t from = d->events.size;
	struct buf *to = &d->events;

	assert_true(addr_is_safe(span_str(v->sender)) && v->rcpt_count > 0);
	check_text(v->envid);
	check_text(v->helo);
	must(buf_printf(to, "=begin <%s>%s%s", v->sender, v->is_8bit ? " 8bit" : "",
			v->is_smtputf8 ? " utf8" : ""));
	must(v->size == 0 || buf_printf(to, " size=%llu", v->size));
	must(v->ret == SMTP_RET_DEFAULT ||
	     buf_add_str(to, v->ret == SMTP_RET_FULL ? " ret=full" : " ret=hdrs"));
	must(!v->envid || buf_printf(to, " envid=%s", v->envid));
	must(buf_printf(to, v->helo[0] ? " %s=%s\n" : "\n", v->is_esmtp ? "ehlo" : "helo",
			v->helo));
	for (size_t i = 0; i < v->rcpt_count && i < 5; i++) {
		note_rcpt(to, &v->rcpts[i]);
	}
	must(v->rcpt_count <= 5 || buf_printf(to, "=rcpts %zu\n", v->rcpt_count));
	note(d, from);
}

static void note_end(struct served *d)
{
	size_t from = d->events.size;

	served_add_lines(&d->events, 'M', buf_span(&d->data));
	must(buf_add_str(&d->events, "=end\n"));
	note(d, from);
}

static void note_over(struct served *d, const char *what, const char *why)
{
	size_t from = d->events.size;

	must(buf_printf(&d->events, "=%s %s\n", what, why));
	note(d, from);
}

/* -- the caller ------------------------------------------------------------------------ */

static bool react(struct served *d, enum reaction_at at, unsigned nth)
{
	for (size_t i = 0; i < d->reaction_count; i++) {
		const struct reaction *r = &d->reactions[i];
		if (r->at == at && r->nth == nth) {
			smtp_server_verdict(d->s, &r->answer);
			d->is_begun = false;
			return true;
		}
	}
	return false;
}

static void on_begin(struct served *d, const struct smtp_envelope *v)
{
	assert_false(d->is_begun);	/* rule 1 */
	d->is_begun = true;
	d->begins++;
	buf_reset(&d->data);
	note_begin(d, v);
	react(d, REACT_BEGIN, d->begins);
}

static void on_end(struct served *d)
{
	struct smtp_answer ok;

	assert_true(d->is_begun);
	d->ends++;
	note_end(d);
	if (!react(d, REACT_END, d->ends)) {
		smtp_answer_set(&ok, VERDICT_ACCEPTED, 250, "2.0.0", "Ok: queued as ID%u",
				d->ends);
		smtp_server_verdict(d->s, &ok);
	}
	d->is_begun = false;
}

/* False at READ and DONE. */
static bool act(struct served *d, struct smtp_server_action a)
{
	switch (a.kind) {
	case SERVER_WRITE:
		assert_true(a.data.size > 0 && a.timeout_s > 0);
		must(buf_add_span(&d->out, a.data));
		served_add_lines(&d->log, 'S', a.data);
		smtp_server_wrote(d->s);
		return true;
	case SERVER_BEGIN:
		on_begin(d, a.envelope);
		return true;
	case SERVER_DATA:
		assert_true(d->is_begun && a.data.size > 0);
		must(buf_add_span(&d->data, a.data));
		react(d, REACT_DATA, d->begins);
		return true;
	case SERVER_END:
		on_end(d);
		return true;
	case SERVER_ABORT:
		assert_true(d->is_begun);
		d->is_begun = false;
		note_over(d, "abort", a.why);
		return true;
	case SERVER_QUEUE:
		note_over(d, "queue", a.data.data);
		return true;
	case SERVER_READ:
		assert_true(a.timeout_s > 0);
		return false;
	case SERVER_DONE:
		assert_false(d->is_begun);	/* rule 1 */
		if (!d->is_done) {
			note_over(d, "done", a.why);
		}
		d->is_done = true;
		return false;
	}
	fail();
	return false;
}

void served_run(struct served *d)
{
	do {
		d->last = smtp_server_next(d->s);
	} while (act(d, d->last));
}

void served_feed(struct served *d, struct span bytes, size_t piece)
{
	served_run(d);
	while (bytes.size > 0 && !d->is_done) {
		size_t most = piece > 0 ? piece : SERVER_FEED_MAX;
		struct span first = span_first(bytes, most);
		/* Of exactly that size, so that a read behind the end is seen. */
		char *copy = malloc(first.size);
		assert_non_null(copy);
		memcpy(copy, first.data, first.size);
		smtp_server_feed(d->s, span_of(copy, first.size));
		free(copy);
		bytes = span_from(bytes, first.size);
		served_run(d);
	}
}

void served_say(struct served *d, const char *text)
{
	served_feed(d, span_str(text), 0);
}
