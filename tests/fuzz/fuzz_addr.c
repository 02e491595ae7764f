/* SPDX-License-Identifier: ISC */
/*
 * fuzz_addr: any bytes as an address list, as an address for a command line, and as a
 * display name.  What is accepted is safe and means the same when it is read again.
 */
#include "base/text.h"
#include "mail/addr.h"

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

static void require_one(struct span text, const char *spec)
{
	struct err e = { 0 };
	char *again = NULL;

	require(addr_parse_one(&again, text, &e));
	require(strcmp(again, spec) == 0);
	free(again);
}

/* What is wrong has a place in the text, and a line that shows no byte of it as it is. */
static void require_fault(struct span text)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct addr_fault f = { 0 };
	struct err e = { 0 };

	addr_list_init(&list);
	if (addr_list_read(&list, text, &f)) {
		require(f.wrong == ADDR_FINE);
		return;
	}
	require(f.wrong > ADDR_FINE && f.wrong < ADDR_WRONG_COUNT);
	require(f.at <= text.size && f.element <= f.at);
	require(addr_column(text, f.at) <= f.at + 1);
	addr_fault_set_unquoted(&e, &f, text);
	require(text_is_ascii(span_str(e.text)));
}

static void as_list(struct span text)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e = { 0 };

	addr_list_init(&list);
	bool ok = addr_list_parse(&list, text, &e);
	require(ok ||
		(e.cause == CAUSE_DATA && e.text[0] && !strpbrk(e.text, "\r\n\033")));
	require(list.count <= ADDR_LIST_MAX && list.count <= text.size);
	for (size_t i = 0; i < list.count; i++) {
		struct addr *a = &list.at[i];
		struct span spec = span_str(a->spec), local = addr_local(spec);
		require(addr_is_safe(spec) && !text_has_line_break(spec));
		require(a->where.data >= text.data &&
			a->where.data + a->where.size <= text.data + text.size);
		require_one(spec, a->spec);
		require_one(a->where, a->spec);
		require(addr_equal(a->spec, a->spec));
		size_t domain = addr_domain(spec).size;
		require(local.size + (domain ? domain + 1 : 0) == spec.size);
		char *qualified = addr_qualify(a->spec, "h.example");
		require(spec.size == 0 || addr_domain(span_str(qualified)).size > 0);
		free(qualified);
	}
	size_t before = list.count;
	addr_list_unique(&list);
	require(list.count <= before && (list.count > 0) == (before > 0));
}

static void as_command(struct span text)
{
	struct err e = { 0 };
	char *spec = NULL;

	if (addr_is_safe(text) && text.size > 0) {
		require(addr_parse_one(&spec, text, &e));
		require(addr_is_safe(span_str(spec)));
		for (size_t i = 0; i < text.size; i++) {
			require((unsigned char)text.data[i] >= ' ' &&
				text.data[i] != 0x7f);
		}
		free(spec);
	}
}

static void as_name(struct span name)
{
	struct buf b BUF_AUTO;
	size_t line = 0;

	name = span_first(name, 2000);
	buf_init(&b, 20000);
	require(addr_add_phrase(&b, name) && buf_add_str(&b, " <a@x>"));
	for (size_t i = 0; i < b.size; i++) {
		unsigned char c = (unsigned char)b.data[i];
		require((c >= ' ' && c < 0x7f) || c == '\r' || c == '\n');
		require(c != '\r' || (b.data[i + 1] == '\n' && b.data[i + 2] == ' '));
		require(c != '\n' || (i > 0 && b.data[i - 1] == '\r'));
		line = c == '\n' ? 0 : line + 1;
		require(line < 500);
	}
	require_one(buf_span(&b), "a@x");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);

	if (size > 0) {
		as_list(text);
		require_fault(text);
		as_command(text);
		as_name(text);
	}
	return 0;
}
