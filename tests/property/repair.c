/* SPDX-License-Identifier: ISC */
/*
 * repair: a filter for test_repair.py: many messages, as callers write them, become what
 * leaves this machine.  In: `MODE SIZE CHUNK\n` and SIZE bytes, again and again; MODE is
 * 8bit or 7bit (what the server takes), CHUNK how many bytes are fed at a time.  Out:
 * `ok SIZE\n` or `no SIZE\n` and the message, or the text of the error.
 */
#include "mail/mime.h"

#include <stdio.h>
#include <stdlib.h>

enum { SIZE_MOST = 256 << 20, LINE_MAX_SIZE = 100 };

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static bool put(const char *status, struct span s)
{
	return printf("%s %zu\n", status, s.size) > 0 &&
	       fwrite(s.data, 1, s.size, stdout) == s.size && fflush(stdout) == 0;
}

static void to_wire(struct span in, size_t chunk, struct wire *w, struct buf *out)
{
	wire_init(w, false);
	for (; in.size > 0; in = span_from(in, chunk)) {
		require(wire_feed(w, span_first(in, chunk), out));
	}
	require(wire_end(w, out));
}

/* Both passes, if there must be two. */
static bool repair_body(struct span message, bool is_7bit, size_t chunk, struct buf *out,
			struct err *e)
{
	struct mime m;
	bool ok = true;

	mime_init(&m, is_7bit);
	for (struct span in = message; ok && in.size > 0; in = span_from(in, chunk)) {
		ok = mime_scan(&m, span_first(in, chunk), e);
	}
	ok = ok && mime_scan_end(&m, e);
	if (ok && m.need == REPAIR_NOTHING) {
		require(buf_add_span(out, message));
	} else if (ok) {
		for (struct span in = message; ok && in.size > 0; in = span_from(in, chunk)) {
			ok = mime_convert(&m, span_first(in, chunk), out, e);
		}
		ok = ok && mime_convert_end(&m, out, e);
	}
	mime_clear(&m);
	return ok;
}

static bool repair(struct span in, bool is_7bit, size_t chunk)
{
	BUF_AUTO struct buf wire, message, out;
	struct wire w;
	struct err e;

	buf_init(&wire, SIZE_MOST);
	buf_init(&message, SIZE_MOST);
	buf_init(&out, SIZE_MOST);
	to_wire(in, chunk, &w, &wire);
	wire_forget_header(&w, span_from(buf_span(&wire), w.body_start));
	struct span header = span_first(buf_span(&wire), w.header_end);
	if (!repair_header(header, is_7bit, &message, &e)) {
		return put("no", span_str(e.text));
	}
	require(is_7bit || repair_header_needs(header) ||
		span_equal(header, buf_span(&message)));
	require(buf_add_str(&message, "\r\n") &&
		buf_add_span(&message, span_from(buf_span(&wire), w.body_start)));
	if (repair_guess(header, is_7bit, &w) == REPAIR_NOTHING) {
		return put("ok", buf_span(&message));
	}
	if (!repair_body(buf_span(&message), is_7bit, chunk, &out, &e)) {
		return put("no", span_str(e.text));
	}
	return put("ok", buf_span(&out));
}

int main(void)
{
	char line[LINE_MAX_SIZE], mode[8];
	size_t size = 0, chunk = 0;
	bool ok = true;

	while (ok && fgets(line, sizeof(line), stdin)) {
		require(sscanf(line, "%7s %zu %zu", mode, &size, &chunk) == 3 &&
			size <= SIZE_MOST && chunk > 0);
		char *data = malloc(size + 1);
		require(data && fread(data, 1, size, stdin) == size);
		ok = repair(span_of(data, size), strcmp(mode, "7bit") == 0, chunk);
		free(data);
	}
	return ok ? 0 : 1;
}
