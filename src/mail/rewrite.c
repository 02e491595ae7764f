/* SPDX-License-Identifier: ISC */
/*
 * rewrite: RFC 5322 §3.6 for a message that leaves.  Must never change a byte of a field
 * that stays, and never put a line break from a setting into the header.
 */
#include "mail/rewrite.h"
#include "base/text.h"
#include "mail/date.h"
#include "mail/gather.h"
#include "mail/once.h"
#include "mail/qualify.h"

/* RFC 5322 §2.1.1 */
enum { COLUMN_MAX = 78 };

/* The fields that a plan looks at. */
enum kind {
	KIND_OTHER, KIND_DATE, KIND_FROM, KIND_TO, KIND_CC, KIND_BCC, KIND_MESSAGE_ID,
	KIND_SENDER, KIND_REPLY_TO, KIND_RETURN_PATH, KIND_COUNT
};

static const char *const names[KIND_COUNT] = {
	[KIND_DATE] = "Date", [KIND_FROM] = "From", [KIND_TO] = "To", [KIND_CC] = "Cc",
	[KIND_BCC] = "Bcc", [KIND_MESSAGE_ID] = "Message-ID", [KIND_SENDER] = "Sender",
	[KIND_REPLY_TO] = "Reply-To", [KIND_RETURN_PATH] = "Return-Path",
};

/* What becomes of the authors of a message, or of its first Resent- block. */
struct authors {
	enum author_change from, sender;
	bool add_from;		/* ours: there is none */
	bool add_sender;	/* From has several addresses, and there is no Sender */
	/* From is our address alone, and so would Sender be: it must not stand then. */
	bool drop_sender;
};

/* The fields that came. */
struct came {
	bool has[KIND_COUNT];
	struct span from, sender;	/* values of the first ones */
};

struct plan {
	bool is_resent, is_signed;
	struct came own, block;		/* ordinary ones, and the first Resent- block */
	const char *block_end;		/* what follows that block; NULL: nothing */
	struct authors authors, block_authors;
	bool new_to;			/* ours, in place of those that came */
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

/* -- the plan -------------------------------------------------------------------------- */

/*
 * A Resent- block (RFC 5322 §3.6.6) is fields in a row; each field stands in it once, so
 * one that comes again begins the block of an earlier resending.
 */
static void look(struct plan *p, struct span header)
{
	struct header_field field;
	bool is_resent = false;

	while (header_next(&header, &field)) {
		enum kind kind = kind_of(field.name, &is_resent);
		p->is_signed = p->is_signed ||
			       text_equal_fold(field.name, span_str("DKIM-Signature"));
		bool is_again = is_resent && kind != KIND_OTHER && p->block.has[kind];
		if (p->is_resent && !p->block_end && (!is_resent || is_again)) {
			p->block_end = field.whole.data;
		}
		p->is_resent = p->is_resent || is_resent;
		if (is_resent && p->block_end) {
			continue;
		}
		struct came *c = is_resent ? &p->block : &p->own;
		if (kind == KIND_FROM && !c->has[kind]) {
			c->from = field.value;
		}
		if (kind == KIND_SENDER && !c->has[kind]) {
			c->sender = field.value;
		}
		c->has[kind] = true;
	}
}

/* A signature is broken only where the account insists. */
static enum author_change judge(const struct author *a, enum author_kind kind,
				struct span value, bool is_signed)
{
	enum author_change change = author_judge(a, kind, value);
	bool is_kept = is_signed &&
		       (change != AUTHOR_REPLACED || a->set_from != SET_FROM_ON);

	return is_kept ? AUTHOR_STAYS : change;
}

static struct authors plan_authors(const struct author *a, const struct came *c,
				   bool is_signed)
{
	struct authors x = { .add_from = !c->has[KIND_FROM] && author_can_add(a) };
	bool is_ours = x.add_from;

	if (c->has[KIND_FROM]) {
		struct author_facts from = author_look(a, c->from);
		x.from = judge(a, AUTHOR_FROM, c->from, is_signed);
		is_ours = x.from == AUTHOR_REPLACED || from.is_ours;
		x.add_sender = !is_ours && from.count > 1 && !c->has[KIND_SENDER] &&
			       author_can_add(a) && !is_signed;
	}
	if (c->has[KIND_SENDER]) {
		x.sender = judge(a, AUTHOR_SENDER, c->sender, is_signed);
		x.drop_sender = x.sender == AUTHOR_REPLACED && is_ours;
	}
	return x;
}

static struct plan make_plan(const struct rewrite *r, struct span header)
{
	struct plan p = { 0 };
	const struct author *a = &r->author;

	look(&p, header);
	p.authors = plan_authors(a, &p.own, p.is_signed);
	if (p.is_resent) {
		/* No signature is about what was put on top of it. */
		p.block_authors = plan_authors(a, &p.block, false);
		/* A field that goes would make two blocks one. */
		p.block_authors.drop_sender = false;
		/* The message itself is as its author left it. */
		p.authors.add_sender = false;
	}
	p.new_to = r->set_to == SET_TO_UNDISCLOSED ||
		   (r->set_to == SET_TO_ON && r->recipient_count > 0);
	return p;
}

bool rewrite_breaks_signature(const struct rewrite *r, struct span header)
{
	if (r->author.set_from != SET_FROM_ON) {
		return false;
	}
	struct plan p = make_plan(r, header);
	return p.is_signed &&
	       (p.authors.from == AUTHOR_REPLACED || p.authors.sender == AUTHOR_REPLACED);
}

/* -- fields that are added ------------------------------------------------------------- */

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

static bool add_message_id(const struct rewrite *r, const char *prefix, struct buf *out)
{
	return buf_printf(out, "%sMessage-ID: ", prefix) &&
	       rewrite_add_id(out, r->now, r->random, r->domain) && buf_add_str(out, "\r\n");
}

/* What stands above all that came. */
static bool add_top(const struct rewrite *r, const struct plan *p, struct buf *out)
{
	bool date = r->add_date && !p->own.has[KIND_DATE];
	bool id = r->add_message_id && !p->own.has[KIND_MESSAGE_ID];
	bool to = p->new_to && !p->own.has[KIND_TO] && !p->own.has[KIND_CC] && !p->own.has[KIND_BCC];

	return (!date || add_date(r, "", out)) &&
	       (!p->authors.add_from || author_add(&r->author, AUTHOR_FROM, "", out)) &&
	       (!to || add_to(r, out)) && (!id || add_message_id(r, "", out));
}

static bool add_resent(const struct rewrite *r, const struct plan *p, struct buf *out)
{
	bool date = r->add_date && !p->block.has[KIND_DATE];
	bool id = r->add_message_id && !p->block.has[KIND_MESSAGE_ID];

	return (!date || add_date(r, "Resent-", out)) &&
	       (!p->block_authors.add_from ||
		author_add(&r->author, AUTHOR_FROM, "Resent-", out)) &&
	       (!id || add_message_id(r, "Resent-", out));
}

/* -- fields that came ------------------------------------------------------------------ */

struct progress {
	const struct rewrite *r;
	const struct plan *p;
	struct buf *out;
	struct span rest;	/* the header behind this field */
	bool from_done, to_done, resent_done;
	bool was_seen[KIND_COUNT], was_gathered[KIND_COUNT];
	struct once once;
};

static bool put_from(struct progress *g, const struct header_field *field, bool is_resent)
{
	const struct author *a = &g->r->author;
	const struct authors *x = is_resent ? &g->p->block_authors : &g->p->authors;
	const char *prefix = is_resent ? "Resent-" : "";
	bool with_reply = !g->p->own.has[KIND_REPLY_TO];
	/* One that leaves as it came is no reason to touch the others. */
	bool is_extra = !is_resent && g->from_done && a->set_from != SET_FROM_OFF &&
			(!g->p->is_signed || x->from == AUTHOR_REPLACED);

	if (is_extra) {
		return author_keep_original(a, AUTHOR_FROM, field->value, g->out);
	}
	bool is_first = is_resent || !g->from_done;
	g->from_done = g->from_done || !is_resent;
	if (!is_first) {
		return buf_add_span(g->out, field->whole);
	}
	return author_rewrite(a, AUTHOR_FROM, x->from, field, with_reply, g->out) &&
	       (!x->add_sender || author_add(a, AUTHOR_SENDER, prefix, g->out));
}

static bool put_sender(struct progress *g, const struct header_field *field, bool is_resent)
{
	const struct author *a = &g->r->author;
	const struct authors *x = is_resent ? &g->p->block_authors : &g->p->authors;

	if (x->drop_sender) {
		return author_keep_original(a, AUTHOR_SENDER, field->value, g->out);
	}
	return author_rewrite(a, AUTHOR_SENDER, x->sender, field, false, g->out);
}

/*
 * Addresses of recipients get a domain, and fields of one name become one, but not in a
 * message that somebody else made.
 */
static bool put_addresses(struct progress *g, const struct header_field *field,
			  enum kind kind, bool is_resent)
{
	const struct author_env *env = g->r->author.env;
	struct buf all BUF_AUTO;
	struct header_field one;

	buf_init(&all, g->out->max);
	if (!env || (!is_resent && (g->p->is_signed || g->p->is_resent))) {
		return buf_add_span(g->out, field->whole);
	}
	if (!is_resent && g->was_gathered[kind]) {
		return true;
	}
	if (!is_resent && !g->was_seen[kind]) {
		g->was_seen[kind] = true;
		if (!gather_field(field, g->rest, &all)) {
			return false;
		}
		struct span text = buf_span(&all);
		g->was_gathered[kind] = header_next(&text, &one);
		field = g->was_gathered[kind] ? &one : field;
	}
	return qualify_field(field, env->domain, env->context, g->out);
}

static bool put_to(struct progress *g)
{
	bool is_first = !g->to_done;

	g->to_done = true;
	return !is_first || add_to(g->r, g->out);
}

/* is_resent: a field of the first Resent- block. */
static bool put_field(struct progress *g, const struct header_field *field, enum kind kind,
		      bool is_resent)
{
	bool is_recipient = kind == KIND_TO || kind == KIND_CC || kind == KIND_BCC;

	if (is_recipient && !is_resent && g->p->new_to) {
		return put_to(g);
	}
	if (!g->p->is_signed && !g->p->is_resent && once_is_again(&g->once, field->name)) {
		return once_keep(field, g->out);
	}
	switch (kind) {
	case KIND_FROM:
		return put_from(g, field, is_resent);
	case KIND_SENDER:
		return put_sender(g, field, is_resent);
	case KIND_TO:
	case KIND_CC:
	case KIND_REPLY_TO:
		return put_addresses(g, field, kind, is_resent);
	case KIND_BCC:
		return g->r->remove_bcc || put_addresses(g, field, kind, is_resent);
	case KIND_RETURN_PATH:
		return !is_resent || buf_add_span(g->out, field->whole);
	case KIND_OTHER:
	case KIND_DATE:
	case KIND_MESSAGE_ID:
	case KIND_COUNT:
		break;
	}
	return buf_add_span(g->out, field->whole);
}

static bool add_fields(const struct rewrite *r, const struct plan *p, struct span header,
		       struct buf *out)
{
	struct progress g = { .r = r, .p = p, .out = out };
	bool is_resent = false;
	struct header_field field;

	while (header_next(&header, &field)) {
		enum kind kind = kind_of(field.name, &is_resent);
		if (is_resent && !g.resent_done) {
			g.resent_done = true;
			if (!add_resent(r, p, out)) {
				return false;
			}
		}
		/* An earlier block is history. */
		bool is_old = is_resent && p->block_end && field.whole.data >= p->block_end;
		if (is_old && !(kind == KIND_BCC && r->remove_bcc)) {
			kind = KIND_OTHER;
		}
		g.rest = header;
		if (!put_field(&g, &field, kind, is_resent)) {
			return false;
		}
	}
	return true;
}

/* Settings come from files and arguments: they are checked where they are used. */
static bool check(const struct rewrite *r, struct err *e)
{
	const struct author *a = &r->author;
	const char *const texts[] = { a->name, a->forced_name, a->host };

	if (a->address && !addr_is_safe(span_str(a->address))) {
		return err_set(e, CAUSE_DATA, "From: \"%s\" is not an address", a->address);
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (texts[i] && text_has_line_break(span_str(texts[i]))) {
			return err_set(e, CAUSE_DATA,
				       "From: a line break in the name \"%s\"", texts[i]);
		}
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
		return err_set(e, CAUSE_DATA, "the header is longer than %zu bytes", out->max);
	}
	return true;
}
