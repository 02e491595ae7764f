/* SPDX-License-Identifier: ISC */
/*
 * fuzz_repair: any bytes as a message, repaired for both kinds of servers: what comes out
 * can be sent, has the same fields and addresses, 8-bit only where SMTPUTF8 is asked for,
 * needs no second repair, and does not depend on how the message was cut.
 */
#include "fuzz.h"

#include "base/text.h"
#include "mail/field.h"
#include "mail/mime.h"

static void must_be_sendable(struct span s)
{
	size_t line = 0;

	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		MUST(c != '\0');
		MUST(c != '\r' || (i + 1 < s.size && s.data[i + 1] == '\n'));
		MUST(c != '\n' || (i > 0 && s.data[i - 1] == '\r'));
		line = c == '\n' ? 0 : line + (c != '\r');
		MUST(line <= FIELD_LINE_MAX);
	}
	MUST(s.size == 0 || s.data[s.size - 1] == '\n');
}

/* The names of the fields, and nothing but fields. */
static void add_names(struct span header, bool with_version, struct buf *names)
{
	struct header_field f;

	while (header_next(&header, &f)) {
		MUST(f.name.size > 0);
		if (with_version || !text_equal_fold(f.name, span_str("MIME-Version"))) {
			MUST(buf_add_span(names, f.name) && buf_add_byte(names, '\n'));
		}
	}
}

static void must_have_the_same_fields(struct span before, struct span after)
{
	struct buf a BUF_AUTO, b BUF_AUTO;

	buf_init(&a, 2 * before.size);
	buf_init(&b, 2 * after.size);
	add_names(before, false, &a);
	add_names(after, false, &b);
	MUST(span_equal(buf_span(&a), buf_span(&b)));
}

/* What does not fit into a line cannot stay whole. */
static bool has_endless(const struct addr_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (strlen(list->at[i].spec) > FIELD_LINE_MAX / 2) {
			return true;
		}
	}
	return false;
}

static void must_have_the_same_addresses(struct span before, struct span after)
{
	struct addr_list a ADDR_LIST_AUTO, b ADDR_LIST_AUTO;
	struct err e;

	addr_list_init(&a);
	addr_list_init(&b);
	if (header_recipients(before, &a, &e) && !has_endless(&a)) {
		MUST(header_recipients(after, &b, &e));
		MUST(a.count == b.count);
		for (size_t i = 0; i < a.count; i++) {
			MUST(strcmp(a.at[i].spec, b.at[i].spec) == 0);
		}
	}
	char *from = NULL, *now = NULL;
	if (header_sender(before, &from, &e) && (!from || strlen(from) < FIELD_LINE_MAX / 2)) {
		MUST(header_sender(after, &now, &e));
		MUST(!from == !now && (!from || strcmp(from, now) == 0));
	}
	free(from);
	free(now);
}

static void must_be_ascii_but_addresses(struct span header)
{
	struct header_field f;

	while (header_next(&header, &f)) {
		MUST(text_is_ascii(f.whole) || header_needs_smtputf8(f.whole));
	}
}

static void fix_header(struct span header, bool is_7bit, struct buf *out)
{
	struct header_field signature;
	struct buf again BUF_AUTO;
	struct err e;

	buf_init(out, REPAIR_GROWTH * header.size + REPAIR_SLACK);
	MUST(repair_header(header, is_7bit, out, &e));
	must_be_sendable(buf_span(out));
	must_have_the_same_fields(header, buf_span(out));
	must_have_the_same_addresses(header, buf_span(out));
	if (is_7bit || !header_find(header, "DKIM-Signature", &signature)) {
		must_be_ascii_but_addresses(buf_span(out));
	}
	buf_init(&again, REPAIR_GROWTH * out->size + REPAIR_SLACK);
	MUST(repair_header(buf_span(out), is_7bit, &again, &e));
	/* A field that was malformed, and has raw bytes still, may have become better. */
	MUST(!text_is_ascii(buf_span(out)) || span_equal(buf_span(out), buf_span(&again)));
}

/* False when the message cannot be repaired. */
static bool convert(struct span message, bool is_7bit, size_t chunk, enum repair_need *ret_need,
		    struct buf *out)
{
	struct mime m;
	struct err e = { 0 };
	bool ok = true;

	buf_init(out, REPAIR_GROWTH * message.size + REPAIR_SLACK);
	mime_init(&m, is_7bit);
	for (struct span in = message; ok && in.size > 0; in = span_from(in, chunk)) {
		ok = mime_scan(&m, span_first(in, chunk), &e);
	}
	ok = ok && mime_scan_end(&m, &e);
	MUST(ok || (e.cause == CAUSE_DATA && e.text[0]));
	*ret_need = m.need;
	if (ok) {
		for (struct span in = message; in.size > 0; in = span_from(in, chunk)) {
			MUST(mime_convert(&m, span_first(in, chunk), out, &e));
		}
		MUST(mime_convert_end(&m, out, &e));
		MUST(m.is_8bit == !text_is_ascii(buf_span(out)));
	}
	mime_clear(&m);
	return ok;
}

static void fix_message(struct span message, bool is_7bit)
{
	enum repair_need need, other;
	struct buf out BUF_AUTO;
	bool ok = convert(message, is_7bit, message.size, &need, &out);

	for (size_t chunk = 1; chunk < message.size; chunk = chunk * 7 + 2) {
		struct buf same BUF_AUTO;
		MUST(convert(message, is_7bit, chunk, &other, &same) == ok);
		MUST(!ok || (other == need && span_equal(buf_span(&same), buf_span(&out))));
	}
	if (!ok) {
		return;
	}
	if (need == REPAIR_NOTHING && !is_7bit) {
		MUST(span_equal(buf_span(&out), message));
	}
	must_be_sendable(buf_span(&out));
	struct buf again BUF_AUTO;
	MUST(convert(buf_span(&out), is_7bit, 1000, &other, &again));
	MUST(!text_is_ascii(buf_span(&out)) || span_equal(buf_span(&again), buf_span(&out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf wire BUF_AUTO;
	struct wire w;

	buf_init(&wire, size * 2 + 100);
	wire_init(&w, false);
	MUST(wire_feed(&w, span_of(data, size), &wire) && wire_end(&w, &wire));
	struct span header = span_first(buf_span(&wire), w.header_end);
	for (int is_7bit = 0; is_7bit < 2; is_7bit++) {
		struct buf message BUF_AUTO;
		fix_header(header, is_7bit, &message);
		message.max += 2 + wire.size;
		MUST(buf_add_str(&message, "\r\n") &&
		     buf_add_span(&message, span_from(buf_span(&wire), w.body_start)));
		fix_message(buf_span(&message), is_7bit);
	}
	return 0;
}
