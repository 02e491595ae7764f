/* SPDX-License-Identifier: ISC */
/*
 * rewrite: RFC 5322 §3.6 for a message that leaves.  Must never change a byte of a field
 * that stays, and never put a line break from a setting into the header.
 */
#include "mail/rewrite.h"
#include "base/text.h"
#include "mail/addr.h"
#include "mail/date.h"
#include "mail/header.h"

enum {
	COLUMN_MAX = 78,	/* RFC 5322 §2.1.1 */
	DOMAIN_MAX = 255,
};

/* The fields that a plan looks at. */
enum kind {
	KIND_OTHER, KIND_DATE, KIND_FROM, KIND_TO, KIND_CC, KIND_BCC, KIND_MESSAGE_ID,
	KIND_SENDER, KIND_COUNT
};

static const char *const names[KIND_COUNT] = {
	[KIND_DATE] = "Date", [KIND_FROM] = "From", [KIND_TO] = "To", [KIND_CC] = "Cc",
	[KIND_BCC] = "Bcc", [KIND_MESSAGE_ID] = "Message-ID", [KIND_SENDER] = "Sender",
};

struct plan {
	bool has[KIND_COUNT];		/* ordinary fields that came */
	bool is_resent;
	bool block_has[KIND_COUNT];	/* fields of the first Resent- block */
	bool new_from, new_to;		/* ours, in place of those that came */
	bool add_from;			/* ours, on top */
	bool add_resent_from;		/* ours, where the first block starts */
};

static enum kind kind_of(struct span name, bool *ret_is_resent)
{
	*ret_is_resent = text_starts_fold(name, "Resent-");
	if (*ret_is_resent) {
		name = span_from(name, strlen("Resent-"));
	}
	for (int kind = KIND_OTHER + 1; kind < KIND_COUNT; kind++) {
		if (text_equal_fold(name, span_str(names[kind]))) {
			return (enum kind)kind;
		}
	}
	return KIND_OTHER;
}

/*
 * A Resent- block (RFC 5322 §3.6.6) is fields in a row; each field stands in it once, so
 * one that comes again begins the block of an earlier resending.
 */
static struct plan make_plan(const struct rewrite *r, struct span header)
{
	struct plan p = { 0 };
	struct header_field field;
	bool is_resent = false, block_is_over = false;

	while (header_next(&header, &field)) {
		enum kind kind = kind_of(field.name, &is_resent);
		if (!is_resent) {
			p.has[kind] = true;
			block_is_over = p.is_resent;
			continue;
		}
		p.is_resent = true;
		block_is_over = block_is_over || (kind != KIND_OTHER && p.block_has[kind]);
		p.block_has[kind] = p.block_has[kind] || !block_is_over;
	}
	bool can_from = r->from && r->from[0] != '\0';
	p.new_from = can_from && r->set_from == SET_FROM_ON;
	p.add_from = can_from && r->set_from != SET_FROM_OFF && !p.has[KIND_FROM];
	p.add_resent_from = can_from && r->set_from != SET_FROM_OFF && !p.block_has[KIND_FROM];
	p.new_to = r->set_to == SET_TO_UNDISCLOSED ||
		   (r->set_to == SET_TO_ON && r->recipient_count > 0);
	return p;
}

static bool add_from(const struct rewrite *r, const char *prefix, struct buf *out)
{
	size_t line = out->size, size = strlen(r->from);

	if (!r->from_name || r->from_name[0] == '\0') {
		return buf_printf(out, "%sFrom: %s\r\n", prefix, r->from);
	}
	if (!buf_printf(out, "%sFrom: ", prefix) || !addr_add_phrase(out, span_str(r->from_name))) {
		return false;
	}
	for (size_t i = line; i < out->size; i++) {
		line = out->data[i] == '\n' ? i + 1 : line;
	}
	bool fold = out->size - line + size + 3 > COLUMN_MAX;
	return buf_printf(out, "%s <%s>\r\n", fold ? "\r\n" : "", r->from);
}

static bool add_to(const struct rewrite *r, struct buf *out)
{
	size_t column = strlen("To:");

	if (r->set_to == SET_TO_UNDISCLOSED) {
		return buf_add_str(out, "To: undisclosed-recipients:;\r\n");
	}
	if (!buf_add_str(out, "To:")) {
		return false;
	}
	for (size_t i = 0; i < r->recipient_count; i++) {
		bool is_last = i + 1 == r->recipient_count;
		size_t size = strlen(r->recipients[i]) + 1 + !is_last;
		bool fold = i > 0 && column + size > COLUMN_MAX;
		column = fold ? size : column + size;
		if (!buf_printf(out, "%s %s%s", fold ? "\r\n" : "", r->recipients[i],
				is_last ? "\r\n" : ",")) {
			return false;
		}
	}
	return true;
}

static bool add_date(const struct rewrite *r, const char *prefix, struct buf *out)
{
	return buf_printf(out, "%sDate: ", prefix) &&
	       date_add(out, r->now, r->zone_minutes) && buf_add_str(out, "\r\n");
}

/* The right side of a Message-ID must be a dot-atom, whatever the setting holds. */
static bool add_id_domain(const char *domain, struct buf *out)
{
	size_t start = out->size;
	bool dot = false;

	for (const char *p = domain; p && *p && out->size - start < DOMAIN_MAX; p++) {
		bool is_plain = text_is_alpha(*p) || text_is_digit(*p) || *p == '-';
		if (*p == '.') {
			dot = out->size > start;
			continue;
		}
		if ((dot && !buf_add_byte(out, '.')) ||
		    !buf_add_byte(out, is_plain ? *p : '-')) {
			return false;
		}
		dot = false;
	}
	return out->size > start || buf_add_str(out, "localhost");
}

/* The time keeps IDs in order for people; 128 random bits make them unique. */
bool rewrite_add_id(struct buf *out, int64_t now, const unsigned char random[16],
		    const char *domain)
{
	struct civil c = date_civil(now);

	if (!buf_printf(out, "<%04d%02d%02d%02d%02d%02d.", c.year, c.month, c.day, c.hour,
			c.minute, c.second)) {
		return false;
	}
	for (size_t i = 0; i < 16; i++) {
		if (!buf_printf(out, "%02x", random[i])) {
			return false;
		}
	}
	return buf_add_byte(out, '@') && add_id_domain(domain, out) && buf_add_byte(out, '>');
}

static bool add_message_id(const struct rewrite *r, const char *prefix, struct buf *out)
{
	return buf_printf(out, "%sMessage-ID: ", prefix) &&
	       rewrite_add_id(out, r->now, r->random, r->domain) && buf_add_str(out, "\r\n");
}

/* What stands above all that came. */
static bool add_top(const struct rewrite *r, const struct plan *p, struct buf *out)
{
	bool date = r->add_date && !p->has[KIND_DATE];
	bool id = r->add_message_id && !p->has[KIND_MESSAGE_ID];
	bool to = p->new_to && !p->has[KIND_TO] && !p->has[KIND_CC] && !p->has[KIND_BCC];

	return (!date || add_date(r, "", out)) && (!p->add_from || add_from(r, "", out)) &&
	       (!to || add_to(r, out)) && (!id || add_message_id(r, "", out));
}

static bool add_resent(const struct rewrite *r, const struct plan *p, struct buf *out)
{
	bool date = r->add_date && !p->block_has[KIND_DATE];
	bool id = r->add_message_id && !p->block_has[KIND_MESSAGE_ID];

	return (!date || add_date(r, "Resent-", out)) &&
	       (!p->add_resent_from || add_from(r, "Resent-", out)) &&
	       (!id || add_message_id(r, "Resent-", out));
}

static bool add_fields(const struct rewrite *r, const struct plan *p, struct span header,
		       struct buf *out)
{
	bool from_done = false, to_done = false, resent_done = false, is_resent = false;
	struct header_field field;

	while (header_next(&header, &field)) {
		enum kind kind = kind_of(field.name, &is_resent);
		if (is_resent && !resent_done) {
			resent_done = true;
			if (!add_resent(r, p, out)) {
				return false;
			}
		}
		bool is_from = kind == KIND_FROM && !is_resent && p->new_from;
		bool is_to = (kind == KIND_TO || kind == KIND_CC || kind == KIND_BCC) &&
			     !is_resent && p->new_to;
		if ((is_from && !from_done && !add_from(r, "", out)) ||
		    (is_to && !to_done && !add_to(r, out))) {
			return false;
		}
		from_done = from_done || is_from;
		to_done = to_done || is_to;
		if (is_from || is_to || (kind == KIND_BCC && r->remove_bcc)) {
			continue;
		}
		if (!buf_add_span(out, field.whole)) {
			return false;
		}
	}
	return true;
}

/* Settings come from files and arguments: they are checked where they are used. */
static bool check(const struct rewrite *r, struct err *e)
{
	if (r->from && !addr_is_safe(span_str(r->from))) {
		return err_set(e, CAUSE_DATA, "From: \"%s\" is not an address", r->from);
	}
	if (r->from_name && text_has_line_break(span_str(r->from_name))) {
		return err_set(e, CAUSE_DATA, "From: a line break in the name \"%s\"",
			       r->from_name);
	}
	for (size_t i = 0; r->set_to == SET_TO_ON && i < r->recipient_count; i++) {
		const char *to = r->recipients[i];
		if (to[0] == '\0' || !addr_is_safe(span_str(to))) {
			return err_set(e, CAUSE_DATA, "To: \"%s\" is not an address", to);
		}
	}
	return true;
}

bool rewrite_header(const struct rewrite *r, struct span header, struct buf *out,
		    struct err *e)
{
	if (!check(r, e)) {
		return false;
	}
	struct plan plan = make_plan(r, header);
	if (!add_top(r, &plan, out) || !add_fields(r, &plan, header, out)) {
		return err_set(e, CAUSE_DATA, "the header is longer than %zu bytes",
			       out->max);
	}
	return true;
}

struct span rewrite_message_id(struct span header)
{
	struct header_field field;

	if (!header_find(header, "Message-ID", &field)) {
		return span_of(NULL, 0);
	}
	struct span id = span_trim(field.value);
	const char *open = id.size ? memchr(id.data, '<', id.size) : NULL;
	if (open) {
		id = span_from(id, (size_t)(open - id.data));
	}
	for (size_t i = 0; i < id.size; i++) {
		if (strchr(" \t\r\n", id.data[i])) {
			return span_first(id, i);
		}
		if (id.data[i] == '>') {
			return span_first(id, i + 1);
		}
	}
	return id;
}
