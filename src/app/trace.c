/* SPDX-License-Identifier: ISC */
/* trace: see trace.h. */
#include "app/trace.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>

enum {
	LINE_MAX_SHOWN = 1000,	/* longer lines are cut */
	LINE_MAX_KEPT = 128 << 10,
	MASKED_MIN = 4,		/* shorter ones are in every text */
};

void trace_init(struct trace *t, bool on)
{
	t->on = on;
	buf_init_secret(&t->line, LINE_MAX_KEPT);
	buf_init_secret(&t->secret, LINE_MAX_KEPT);
}

void trace_note(const struct trace *t, const char *format, ...)
{
	va_list args;

	if (!t->on) {
		return;
	}
	fputs("-- ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* One line with a prefix, made safe for a terminal. */
static void print_line(const char *prefix, struct span line)
{
	line = span_first(span_trim(line), LINE_MAX_SHOWN);
	char *text MEM_AUTO = mem_copy(line.data, line.size);
	text_sanitise(text, line.size);
	fprintf(stderr, "%s %s\n", prefix, text);
}

/* Padding is no secret, and may be missing where it is repeated. */
static void mask(char *text, size_t size, struct span secret)
{
	char *at = text;

	while (secret.size > 0 && secret.data[secret.size - 1] == '=') {
		secret.size--;
	}
	while (secret.size >= MASKED_MIN &&
	       (at = memmem(at, size - (size_t)(at - text), secret.data, secret.size))) {
		memset(at, '*', secret.size);
	}
}

static void print_received(struct trace *t)
{
	if (t->line.size > 0) {
		mask(t->line.data, t->line.size, buf_span(&t->secret));
		print_line("<-", buf_span(&t->line));
		buf_reset(&t->line);
	}
}

/* Whole lines: what is to be masked may come in pieces. */
void trace_received(struct trace *t, struct span bytes)
{
	while (t->on && bytes.size > 0) {
		const char *end = memchr(bytes.data, '\n', bytes.size);
		size_t size = end ? (size_t)(end - bytes.data) + 1 : bytes.size;
		/* A line without end is shown in pieces; those come in smaller ones. */
		if (t->line.size + size > LINE_MAX_KEPT / 2) {
			print_received(t);
		}
		if (!buf_add(&t->line, bytes.data, size) || end) {
			print_received(t);
		}
		bytes = span_from(bytes, size);
	}
}

static void keep_secret(struct trace *t, const struct smtp_action *action)
{
	buf_reset(&t->secret);
	if (!buf_add(&t->secret, action->data.data + action->secret_from, action->secret_size)) {
		buf_reset(&t->secret);
	}
}

void trace_sent(struct trace *t, const struct smtp_action *action)
{
	struct span data = action->data;
	size_t secret_end = action->secret_size > 0 ? action->secret_from + action->secret_size : 0;
	struct buf shown BUF_AUTO;

	buf_init(&shown, data.size + 128);
	if (!t->on) {
		return;
	}
	/* What the engine marks is cut out: first the secret, then the message. */
	bool fits = true;
	if (secret_end > 0) {
		keep_secret(t, action);
		fits = buf_add(&shown, data.data, action->secret_from) &&
		       buf_add_str(&shown, "********");
	}
	if (action->body_size > 0) {
		fits = fits && buf_add(&shown, data.data + secret_end, action->body_from - secret_end) &&
		       buf_printf(&shown, "(%zu bytes of the message)\r\n", action->body_size);
		secret_end = action->body_from + action->body_size;
	}
	fits = fits && buf_add_span(&shown, span_from(data, secret_end));
	struct span rest = fits ? buf_span(&shown) : span_of(NULL, 0);
	while (rest.size > 0) {
		const char *end = memchr(rest.data, '\n', rest.size);
		size_t size = end ? (size_t)(end - rest.data) + 1 : rest.size;
		print_line("->", span_first(rest, size));
		rest = span_from(rest, size);
	}
}

void trace_clear(struct trace *t)
{
	print_received(t);
	buf_clear(&t->line);
	buf_clear(&t->secret);
}
