/* SPDX-License-Identifier: ISC */
/*
 * fuzz_header: any bytes as a message: into wire form in several ways, through the header
 * functions, rewritten in several ways, and dot-stuffed.  Rewriting keeps what it promises:
 * one From, one Subject …, no new line breaks, and every field that shall stay has its bytes.
 */
#include "fuzz.h"

#include "base/text.h"
#include "mail/header.h"
#include "mail/rewrite.h"
#include "mail/wire.h"

static void convert(struct wire *w, struct span in, size_t chunk, struct buf *out)
{
	while (in.size > 0) {
		MUST(wire_feed(w, span_first(in, chunk), out));
		MUST(w->size == out->size);
		in = span_from(in, chunk);
	}
	MUST(wire_end(w, out));
	MUST(w->size == out->size);
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
	MUST(span_equal(buf_span(&out), buf_span(want)));
	MUST(w.size == whole->size && w.longest_line == whole->longest_line &&
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
		MUST(c != '\r' || (i + 1 < out.size && out.data[i + 1] == '\n'));
		MUST(c != '\n' || (i > 0 && out.data[i - 1] == '\r'));
		line = c == '\n' ? 0 : c == '\r' ? line : line + 1;
		longest = line > longest ? line : longest;
		is_8bit = is_8bit || (unsigned char)c > 127;
		has_nul = has_nul || c == '\0';
	}
	MUST(out.size == 0 || out.data[out.size - 1] == '\n');
	MUST(w->longest_line == longest && w->is_8bit == is_8bit &&
		w->has_nul == has_nul);
	MUST(w->header_end <= w->body_start && w->body_start <= out.size);
	MUST(w->body_start == w->header_end || w->body_start == w->header_end + 2);
}

/* All of it is fields, for header.h as for wire.h. */
static size_t require_fields(struct span header, bool may_bcc)
{
	struct header_field f;
	struct span rest = header;
	size_t count = 0, size = 0;

	while (header_next(&rest, &f)) {
		MUST(f.name.size > 0 && f.whole.data == header.data + size);
		MUST(f.value.data >= f.name.data + f.name.size);
		MUST(may_bcc || (!text_equal_fold(f.name, span_str("Bcc")) &&
				    !text_equal_fold(f.name, span_str("Resent-Bcc"))));
		size += f.whole.size;
		count++;
	}
	MUST(size == header.size);
	return count;
}

static void read_addresses(struct span header)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e = { 0 };
	char *sender = NULL;

	addr_list_init(&list);
	bool ok = header_recipients(header, &list, &e);
	MUST(ok || (e.cause == CAUSE_DATA && e.text[0]));
	for (size_t i = 0; ok && i < list.count; i++) {
		struct span spec = span_str(list.at[i].spec);
		MUST(spec.size > 0 && addr_is_safe(spec));
	}
	if (header_sender(header, &sender, &e)) {
		MUST(!sender || addr_is_safe(span_str(sender)));
	}
	free(sender);
	MUST(!header_needs_smtputf8(header) || !text_is_ascii(header));
	MUST(!text_has_line_break(rewrite_message_id(header)) ||
		memchr(header.data, '\0', header.size));
}

/* For a reader of the message, too, it is a header and nothing but that. */
static void require_header(struct span header)
{
	struct buf out BUF_AUTO;
	struct wire w;

	buf_init(&out, header.size + 2);
	wire_init(&w, true);
	MUST(wire_feed(&w, header, &out));
	convert(&w, span_str("\r\n"), 2, &out);
	MUST(w.header_end == header.size && w.body_start == header.size + 2);
	MUST(span_equal(span_first(buf_span(&out), header.size), header));
}

/* -- rewriting ------------------------------------------------------------------------- */

static const char *domain(void *context)
{
	(void)context;
	return "d.example";
}

static bool is_local(void *context, const char *spec)
{
	struct span domain = addr_domain(span_str(spec));

	(void)context;
	return spec[0] && (domain.size == 0 || text_equal_fold(domain, span_str("localhost")));
}

static bool is_own(void *context, const char *spec)
{
	(void)context;
	return strcmp(spec, "own@x") == 0;
}

static char *reader(void *context, const char *spec)
{
	(void)context;
	return spec[0] == 'r' ? strdup("reader@x") : NULL;
}

static const struct author_env env = { NULL, domain, is_local, is_own, reader };

static bool is_one_of(struct span name, const char *const *names)
{
	for (; *names; names++) {
		if (text_equal_fold(name, span_str(*names))) {
			return true;
		}
	}
	return false;
}

static bool has(struct span header, const char *name)
{
	struct header_field f;

	return header_find(header, name, &f);
}

static struct span base_name(struct span name)
{
	size_t prefix = text_starts_fold(name, "Resent-")	? strlen("Resent-")
			: text_starts_fold(name, "X-Original-") ? strlen("X-Original-")
								: 0;
	return span_from(name, prefix);
}

/* The fields that have none of these names, and no Resent- or X-Original- forms of them. */
static void take_others(struct span header, const char *const *names, struct buf *to)
{
	struct header_field f;

	while (header_next(&header, &f)) {
		MUST(is_one_of(base_name(f.name), names) || buf_add_span(to, f.whole));
	}
}

static void require_same_others(struct span before, struct span after,
				const char *const *names)
{
	struct buf a BUF_AUTO, b BUF_AUTO;

	buf_init(&a, before.size);
	buf_init(&b, after.size);
	take_others(before, names, &a);
	take_others(after, names, &b);
	MUST(span_equal(buf_span(&a), buf_span(&b)));
}

/* All addresses in the fields of that name.  False when one cannot be parsed. */
static bool take_addresses(struct span header, const char *name, struct addr_list *list)
{
	struct header_field f;
	struct err e;

	while (header_next(&header, &f)) {
		if (text_equal_fold(f.name, span_str(name)) &&
		    !addr_list_parse(list, f.value, &e)) {
			return false;
		}
	}
	return true;
}

/* Recipients stay who they were; and what cannot be read stays, byte for byte. */
static void require_recipients(struct span before, struct span after, const char *name)
{
	struct addr_list a ADDR_LIST_AUTO, b ADDR_LIST_AUTO;
	const char *const names[] = { name, NULL };

	addr_list_init(&a);
	addr_list_init(&b);
	if (take_addresses(before, name, &a)) {
		MUST(take_addresses(after, name, &b) && a.count == b.count);
		for (size_t i = 0; i < a.count; i++) {
			char *full = addr_qualify(a.at[i].spec, domain(NULL));
			MUST(strcmp(a.at[i].spec, b.at[i].spec) == 0 ||
			     strcmp(full, b.at[i].spec) == 0);
			free(full);
		}
		return;
	}
	struct header_field x, y;
	struct err e;
	while (header_next(&before, &x)) {
		if (!is_one_of(x.name, names)) {
			continue;
		}
		do {
			MUST(header_next(&after, &y));
		} while (!is_one_of(y.name, names));
		addr_list_clear(&a);
		MUST(addr_list_parse(&a, x.value, &e) || span_equal(x.whole, y.whole));
	}
}

static size_t count_fields(struct span header, const char *name)
{
	struct header_field f;
	size_t count = 0;

	while (header_next(&header, &f)) {
		count += text_equal_fold(f.name, span_str(name));
	}
	return count;
}

/* Resent- fields in a row. */
static size_t count_blocks(struct span header)
{
	struct header_field f;
	size_t count = 0;
	bool before = false;

	while (header_next(&header, &f)) {
		bool is_resent = text_starts_fold(f.name, "Resent-");
		count += is_resent && !before;
		before = is_resent;
	}
	return count;
}

/* Once in a message that nobody else has made; and what any rewriting touches. */
enum { ONCE_COUNT = 11, ONCE_ONLY = 9 };
static const char *const touched_or_once[] = {
	"In-Reply-To", "References", "Subject", "MIME-Version", "Content-Type",
	"Content-Transfer-Encoding", "Content-Disposition", "Content-ID",
	"Content-Description", "Date", "Message-ID", "From", "Sender", "To", "Cc", "Bcc",
	"Reply-To", "Return-Path", NULL
};
static const char *const *const touched = touched_or_once + ONCE_ONLY;
static const char *const though_signed[] = { "Bcc", "Return-Path", "Date", "Message-ID",
					     NULL };
static const char *const without_from[] = { "Bcc", "Return-Path", "Date", "Message-ID",
					    "From", NULL };

/* One field of the name; and what stood in the others is still there, in their order. */
static void require_once(struct span before, struct span after, const char *name)
{
	struct span want = span_str(name);
	struct header_field x, y;

	MUST(count_fields(after, name) <= 1);
	while (header_next(&before, &x)) {
		if (!text_equal_fold(x.name, want) || span_trim(x.value).size == 0) {
			continue;
		}
		do {
			MUST(header_next(&after, &y));
		} while (!text_equal_fold(base_name(y.name), want) ||
			 !span_equal(x.value, y.value));
	}
}

static void require_promises(const struct rewrite *r, struct span before, struct span after)
{
	bool is_signed = has(before, "DKIM-Signature"), is_resent = count_blocks(before) > 0;
	bool is_own = !is_signed && !is_resent;

	require_same_others(before, after, is_own ? touched_or_once : touched);
	for (size_t i = 0; is_own && i < ONCE_COUNT; i++) {
		require_once(before, after, touched_or_once[i]);
	}
	MUST(!is_own || count_fields(after, "Sender") <= 1);
	MUST(r->author.set_from == SET_FROM_OFF || is_signed || count_fields(after, "From") <= 1);
	MUST(count_fields(before, "From") == 0 || count_fields(after, "From") > 0);
	if (is_signed && !is_resent && r->author.set_from != SET_FROM_ON && r->set_to == SET_TO_OFF) {
		/* A From that is missing is added. */
		MUST(!has(before, "From") || r->author.set_from == SET_FROM_OFF ||
			count_fields(after, "From") == count_fields(before, "From"));
		require_same_others(before, after,
				    has(before, "From") ? though_signed : without_from);
	}
	if (r->set_to == SET_TO_OFF) {
		require_recipients(before, after, "To");
		require_recipients(before, after, "Cc");
		require_recipients(before, after, "Resent-To");
	}
}

/* What is rewritten is a header again, has what is asked, and needs it only once. */
static void rewrite(struct span header, enum set_from set_from, enum set_to set_to, bool is_rich)
{
	static const char *const to[] = { "a@x", "\"b c\"@y" };
	struct rewrite r = {
		.author = { .set_from = set_from, .address = "me@x",
			    .name = is_rich ? "M. \xc3\xa9" : "F, N",
			    .replaces_local = is_rich, .host = "host.example", .env = &env,
			    .forced_name = is_rich ? NULL : "F, N" },
		.set_to = set_to, .recipients = to, .recipient_count = 2,
		.remove_bcc = true, .add_date = true, .add_message_id = true,
		.now = 1795270043, .domain = "h",
	};
	struct buf once BUF_AUTO, twice BUF_AUTO;
	struct err e = { 0 };

	buf_init(&once, 20 * header.size + 4000);
	buf_init(&twice, 20 * header.size + 8000);
	MUST(rewrite_header(&r, header, &once, &e));
	MUST(require_fields(buf_span(&once), false) > 0);
	require_header(buf_span(&once));
	require_promises(&r, header, buf_span(&once));
	MUST(rewrite_header(&r, buf_span(&once), &twice, &e));
	/* Two Resent- blocks become one when the field between them goes. */
	MUST(count_blocks(header) > 1 || span_equal(buf_span(&once), buf_span(&twice)));
}

static void stuff(struct span in)
{
	struct buf out BUF_AUTO;
	bool at_start = true;
	size_t k = 0;

	buf_init(&out, in.size * 2);
	for (struct span rest = in; rest.size > 0; rest = span_from(rest, 5)) {
		MUST(wire_stuff(&at_start, span_first(rest, 5), &out));
	}
	MUST(at_start);
	for (size_t i = 0; i < out.size; i++) {
		bool is_first = i == 0 || out.data[i - 1] == '\n';
		if (is_first && out.data[i] == '.') {
			i++;
			MUST(out.data[i] != '\r');
		}
		MUST(k < in.size && out.data[i] == in.data[k]);
		k++;
	}
	MUST(k == in.size);
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
			rewrite(header, (enum set_from)(i / 3), (enum set_to)(i % 3), true);
			rewrite(header, (enum set_from)(i / 3), (enum set_to)(i % 3), false);
		}
		stuff(buf_span(&out));
	}
	return 0;
}
