/* SPDX-License-Identifier: ISC */
/* trace: see trace.h. */
#include "app/trace.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>

/* Lines longer than this are cut. */
enum { LINE_MAX_SHOWN = 1000 };

void trace_note(bool on, const char *format, ...)
{
	va_list args;

	if (!on) {
		return;
	}
	fputs("-- ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

/* Prints each line with a prefix, made safe for a terminal. */
static void print_lines(const char *prefix, struct span bytes)
{
	while (bytes.size > 0) {
		const char *end = memchr(bytes.data, '\n', bytes.size);
		size_t size = end ? (size_t)(end - bytes.data) + 1 : bytes.size;
		struct span line = span_first(span_trim(span_first(bytes, size)), LINE_MAX_SHOWN);
		char *text MEM_AUTO = mem_copy(line.data, line.size);
		text_sanitise(text, line.size);
		fprintf(stderr, "%s %s\n", prefix, text);
		bytes = span_from(bytes, size);
	}
}

void trace_received(bool on, struct span bytes)
{
	if (on) {
		print_lines("<-", bytes);
	}
}

void trace_sent(bool on, const struct smtp_action *action)
{
	struct span data = action->data;
	size_t secret_end = action->secret_size > 0 ? action->secret_from + action->secret_size : 0;
	struct buf shown BUF_AUTO;

	if (!on) {
		return;
	}
	/* What the engine marks is cut out: first the secret, then the message. */
	buf_init(&shown, data.size + 128);
	bool fits = true;
	if (secret_end > 0) {
		fits = buf_add(&shown, data.data, action->secret_from) &&
		       buf_add_str(&shown, "********");
	}
	if (action->body_size > 0) {
		fits = fits && buf_add(&shown, data.data + secret_end, action->body_from - secret_end) &&
		       buf_printf(&shown, "(%zu bytes of the message)\r\n", action->body_size);
		secret_end = action->body_from + action->body_size;
	}
	fits = fits && buf_add_span(&shown, span_from(data, secret_end));
	if (fits) {
		print_lines("->", buf_span(&shown));
	}
}
