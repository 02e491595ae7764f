/* SPDX-License-Identifier: ISC */
/*
 * fuzz_domains: any bytes as a domain, as an address, and as a header whose domains become
 * A-labels.  What comes out is ASCII, the addresses keep their local parts, and nothing
 * else changes.
 */
#include "fuzz.h"

#include "base/text.h"
#include "mail/domains.h"
#include "mail/wire.h"
#include "sys/idn.h"

static bool to_ascii(void *context, struct span domain, struct buf *to, struct err *e)
{
	(void)context;
	return idn_to_ascii(domain, to, e);
}

static const struct domains domains = { .to_ascii = to_ascii };

static bool convert_domain(struct span in)
{
	struct buf out BUF_AUTO;
	struct err e = { 0 };

	buf_init(&out, 1024);
	if (!idn_to_ascii(in, &out, &e)) {
		MUST(e.cause == CAUSE_DATA && e.text[0]);
		return false;
	}
	MUST(text_is_ascii(buf_span(&out)));
	for (size_t i = 0; !text_is_ascii(in) && i < out.size; i++) {
		char c = out.data[i];
		MUST(text_is_alpha(c) || text_is_digit(c) || strchr("-_.", c));
	}
	return true;
}

static void convert_address(const char *spec)
{
	char *ascii = NULL;
	struct err e = { 0 };

	if (!addr_is_safe(span_str(spec))) {
		return;
	}
	if (!domains_spec(&domains, spec, &ascii, &e)) {
		MUST(e.cause == CAUSE_DATA && e.text[0]);
	} else if (ascii) {
		MUST(addr_is_safe(span_str(ascii)) && text_is_ascii(span_str(ascii)));
		MUST(span_equal(addr_local(span_str(ascii)), addr_local(span_str(spec))));
	} else {
		MUST(text_is_ascii(span_str(spec)) || !text_is_ascii(addr_local(span_str(spec))));
	}
	free(ascii);
}

static void compare_addresses(struct span before, struct span after)
{
	struct addr_list a ADDR_LIST_AUTO, b ADDR_LIST_AUTO;
	struct err e;

	addr_list_init(&a);
	addr_list_init(&b);
	bool is_whole = addr_list_parse(&a, before, &e);
	if (!is_whole) {
		return;		/* folding can change what is malformed */
	}
	MUST(addr_list_parse(&b, after, &e) && a.count == b.count);
	for (size_t i = 0; i < a.count; i++) {
		struct span x = span_str(a.at[i].spec), y = span_str(b.at[i].spec);
		MUST(span_equal(addr_local(x), addr_local(y)) && text_is_ascii(y));
		MUST(!text_is_ascii(x) || span_equal(x, y));
	}
}

static void convert_header(struct span header)
{
	struct buf out BUF_AUTO;
	struct err e = { 0 };
	struct header_field before, after;

	buf_init(&out, 16 * header.size + 10000);
	if (!domains_header(&domains, header, &out, &e)) {
		MUST(e.cause == CAUSE_DATA && e.text[0]);
		return;
	}
	struct span rest = buf_span(&out);
	MUST(!header_needs_smtputf8(rest));
	while (header_next(&header, &before)) {
		MUST(header_next(&rest, &after) && span_equal(before.name, after.name));
		if (!header_is_address(before.name) || text_is_ascii(before.value)) {
			MUST(span_equal(before.whole, after.whole));
		} else {
			compare_addresses(before.value, after.value);
		}
	}
	MUST(rest.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct buf wired BUF_AUTO;
	struct wire w;

	if (size > 20000) {
		return 0;
	}
	if (size < 300 && convert_domain(in) && !memchr(data, '\0', size)) {
		struct buf spec BUF_AUTO;
		buf_init(&spec, 400);
		MUST(buf_add_str(&spec, "joe@") && buf_add_span(&spec, in));
		convert_address(spec.data);
		convert_address(spec.data + 4);
	}
	buf_init(&wired, 2 * size + 100);
	wire_init(&w, false);
	MUST(wire_feed(&w, in, &wired) && wire_end(&w, &wired));
	convert_header(span_first(buf_span(&wired), w.header_end));
	return 0;
}
