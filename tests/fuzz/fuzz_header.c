/* SPDX-License-Identifier: ISC */
/*
 * fuzz_header: any bytes as a message: into wire form in several ways, through the header
 * functions, rewritten in several ways, and dot-stuffed.
 */
#include "base/text.h"
#include "mail/header.h"
#include "mail/rewrite.h"
#include "mail/wire.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Aborts, so that the fuzzer keeps the input. */
static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void convert(struct wire *w, struct span in, size_t chunk, struct buf *out)
{
	while (in.size > 0) {
		require(wire_feed(w, span_first(in, chunk), out));
		require(w->size == out->size);
		in = span_from(in, chunk);
	}
	require(wire_end(w, out));
	require(w->size == out->size);
}

/* The same bytes and facts, however the input is cut. */
static void require_same(struct span in, const struct wire *whole, const struct buf *want,
			 size_t chunk)
{
	struct buf out BUF_AUTO;
	struct wire w;

	buf_init(&out, want->size);
	wire_init(&w, whole->ends_at_dot);
	convert(&w, in, chunk, &out);
	require(span_equal(buf_span(&out), buf_span(want)));
	require(w.size == whole->size && w.longest_line == whole->longest_line &&
		w.is_8bit == whole->is_8bit && w.has_nul == whole->has_nul &&
		w.ended == whole->ended && w.header_end == whole->header_end &&
		w.body_start == whole->body_start);
}

static void require_wire_form(const struct wire *w, struct span out)
{
	size_t line = 0, longest = 0;
	bool is_8bit = false, has_nul = false;

	for (size_t i = 0; i < out.size; i++) {
		char c = out.data[i];
		require(c != '\r' || (i + 1 < out.size && out.data[i + 1] == '\n'));
		require(c != '\n' || (i > 0 && out.data[i - 1] == '\r'));
		line = c == '\n' ? 0 : c == '\r' ? line : line + 1;
		longest = line > longest ? line : longest;
		is_8bit = is_8bit || (unsigned char)c > 127;
		has_nul = has_nul || c == '\0';
	}
	require(out.size == 0 || out.data[out.size - 1] == '\n');
	require(w->longest_line == longest && w->is_8bit == is_8bit &&
		w->has_nul == has_nul);
	require(w->header_end <= w->body_start && w->body_start <= out.size);
	require(w->body_start == w->header_end || w->body_start == w->header_end + 2);
}

/* All of it is fields, for header.h as for wire.h. */
static size_t require_fields(struct span header, bool may_bcc)
{
	struct header_field f;
	struct span rest = header;
	size_t count = 0, size = 0;

	while (header_next(&rest, &f)) {
		require(f.name.size > 0 && f.whole.data == header.data + size);
		require(f.value.data >= f.name.data + f.name.size);
		require(may_bcc || (!text_equal_fold(f.name, span_str("Bcc")) &&
				    !text_equal_fold(f.name, span_str("Resent-Bcc"))));
		size += f.whole.size;
		count++;
	}
	require(size == header.size);
	return count;
}

static void read_addresses(struct span header)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e = { 0 };
	char *sender = NULL;

	addr_list_init(&list);
	bool ok = header_recipients(header, &list, &e);
	require(ok || (e.cause == CAUSE_DATA && e.text[0]));
	for (size_t i = 0; ok && i < list.count; i++) {
		struct span spec = span_str(list.at[i].spec);
		require(spec.size > 0 && addr_is_safe(spec));
	}
	if (header_sender(header, &sender, &e)) {
		require(!sender || addr_is_safe(span_str(sender)));
	}
	free(sender);
	require(!header_needs_smtputf8(header) || !text_is_ascii(header));
	require(!text_has_line_break(rewrite_message_id(header)) ||
		memchr(header.data, '\0', header.size));
}

/* For a reader of the message, too, it is a header and nothing but that. */
static void require_header(struct span header)
{
	struct buf out BUF_AUTO;
	struct wire w;

	buf_init(&out, header.size + 2);
	wire_init(&w, true);
	require(wire_feed(&w, header, &out));
	convert(&w, span_str("\r\n"), 2, &out);
	require(w.header_end == header.size && w.body_start == header.size + 2);
	require(span_equal(span_first(buf_span(&out), header.size), header));
}

/* What is rewritten is a header again, has what is asked, and needs it only once. */
static void rewrite(struct span header, enum set_from set_from, enum set_to set_to)
{
	static const char *const to[] = { "a@x", "\"b c\"@y" };
	struct rewrite r = {
		.set_from = set_from, .from = "me@x", .from_name = "M. \xc3\xa9",
		.set_to = set_to, .recipients = to, .recipient_count = 2,
		.remove_bcc = true, .add_date = true, .add_message_id = true,
		.now = 1795270043, .domain = "h",
	};
	struct buf once BUF_AUTO, twice BUF_AUTO;
	struct err e = { 0 };

	buf_init(&once, header.size + 1000);
	buf_init(&twice, header.size + 2000);
	require(rewrite_header(&r, header, &once, &e));
	require(require_fields(buf_span(&once), false) > 0);
	require_header(buf_span(&once));
	require(rewrite_header(&r, buf_span(&once), &twice, &e));
	require(span_equal(buf_span(&once), buf_span(&twice)));
}

static void stuff(struct span in)
{
	struct buf out BUF_AUTO;
	bool at_start = true;
	size_t k = 0;

	buf_init(&out, in.size * 2);
	for (struct span rest = in; rest.size > 0; rest = span_from(rest, 5)) {
		require(wire_stuff(&at_start, span_first(rest, 5), &out));
	}
	require(at_start);
	for (size_t i = 0; i < out.size; i++) {
		bool is_first = i == 0 || out.data[i - 1] == '\n';
		if (is_first && out.data[i] == '.') {
			i++;
			require(out.data[i] != '\r');
		}
		require(k < in.size && out.data[i] == in.data[k]);
		k++;
	}
	require(k == in.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);

	for (int dot = 0; dot < 2; dot++) {
		struct buf out BUF_AUTO;
		struct wire w;
		buf_init(&out, size * 2 + 100);
		wire_init(&w, dot == 1);
		convert(&w, in, size, &out);
		require_wire_form(&w, buf_span(&out));
		require_same(in, &w, &out, 1);
		require_same(in, &w, &out, 7);
		require_same(in, &w, &out, size / 2 + 1);
		struct span header = span_first(buf_span(&out), w.header_end);
		require_fields(header, true);
		read_addresses(header);
		for (int i = 0; i < 9; i++) {
			rewrite(header, (enum set_from)(i / 3), (enum set_to)(i % 3));
		}
		stuff(buf_span(&out));
	}
	return 0;
}
