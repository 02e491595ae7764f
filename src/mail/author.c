/* SPDX-License-Identifier: ISC */
/*
 * author: see author.h.  RFC 5322 §3.6.2, §3.6.6; RFC 6854.  Must never lose what stood in a
 * field, nor put a byte into the header that could begin another one.
 */
#include "mail/author.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/display.h"
#include "mail/fold.h"
#include "mail/qualify.h"

#include <stdlib.h>

/* Most characters of a local part that are shown in a name. */
enum { LOCAL_MAX = 64 };

static const char *const names[] = { [AUTHOR_FROM] = "From", [AUTHOR_SENDER] = "Sender" };

/* -- what becomes of it ---------------------------------------------------------------- */

static const char *domain_of(const struct author *a)
{
	return a->env ? a->env->domain(a->env->context) : "";
}

bool author_is_local(const struct author *a, const char *spec)
{
	return a->env && spec[0] != '\0' && a->env->is_local(a->env->context, spec);
}

bool author_can_add(const struct author *a)
{
	return a->set_from != SET_FROM_OFF && a->address && a->address[0] != '\0';
}

static const char *forced_name(const struct author *a)
{
	return a->set_from == SET_FROM_ON ? a->forced_name : NULL;
}

/* Must our address stand in its place? */
static bool is_foreign(const struct author *a, const char *spec)
{
	bool is_on = a->set_from == SET_FROM_ON;

	if (spec[0] == '\0' || (!is_on && !(a->replaces_local && author_is_local(a, spec)))) {
		return false;
	}
	/* The domain can make it the account's address. */
	char *full MEM_AUTO = addr_qualify(spec, domain_of(a));
	return !addr_equal(full, a->address) &&
	       !(a->env && a->env->is_own(a->env->context, full));
}

static size_t count_addresses(const struct addr_list *list)
{
	size_t count = 0;

	for (size_t i = 0; i < list->count; i++) {
		count += list->at[i].spec[0] != '\0';
	}
	return count;
}

/* The first address that is one; there is at least one. */
static const struct addr *first_address(const struct addr_list *list)
{
	const struct addr *first = list->at;

	while (first->spec[0] == '\0') {
		first++;
	}
	return first;
}

struct author_facts author_look(const struct author *a, struct span value)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct author_facts facts = { 0 };
	struct err ignored;

	addr_list_init(&list);
	if (!addr_list_parse(&list, value, &ignored)) {
		return facts;
	}
	facts.count = count_addresses(&list);
	if (facts.count == 1 && a->address) {
		facts.is_ours = addr_equal(first_address(&list)->spec, a->address);
	}
	return facts;
}

static enum author_change judge_list(const struct author *a, enum author_kind kind,
				     const struct addr_list *list)
{
	bool is_on = a->set_from == SET_FROM_ON, can = author_can_add(a);
	size_t count = count_addresses(list);

	/* A From without any address is of no use to anybody. */
	if (can && count == 0 && (is_on || kind == AUTHOR_FROM)) {
		return AUTHOR_REPLACED;
	}
	for (size_t i = 0; can && i < list->count; i++) {
		if (is_foreign(a, list->at[i].spec)) {
			return AUTHOR_REPLACED;
		}
	}
	if (forced_name(a) && kind == AUTHOR_FROM && count == 1) {
		return AUTHOR_RENAMED;
	}
	return a->env && qualify_is_needed(list) ? AUTHOR_QUALIFIED : AUTHOR_STAYS;
}

enum author_change author_judge(const struct author *a, enum author_kind kind,
				struct span value)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err ignored;

	addr_list_init(&list);
	if (a->set_from == SET_FROM_OFF) {
		return AUTHOR_STAYS;
	}
	if (addr_list_parse(&list, value, &ignored)) {
		return judge_list(a, kind, &list);
	}
	bool has_at = value.size > 0 && memchr(value.data, '@', value.size);
	bool is_lost = a->set_from == SET_FROM_ON ||
		       (kind == AUTHOR_FROM && a->replaces_local && !has_at);
	return author_can_add(a) && is_lost ? AUTHOR_REPLACED : AUTHOR_STAYS;
}

/* -- its new form ---------------------------------------------------------------------- */

/* A local part as people read it. */
static bool add_local(struct span local, struct buf *out)
{
	bool is_quoted = local.size > 1 && local.data[0] == '"';

	if (is_quoted) {
		local = span_of(local.data + 1, local.size - 2);
	}
	for (size_t i = 0, kept = 0; i < local.size; i++) {
		i += is_quoted && local.data[i] == '\\' && i + 1 < local.size;
		kept += ((unsigned char)local.data[i] & 0xc0) != 0x80;
		if (kept > LOCAL_MAX) {
			break;
		}
		if (!buf_add_byte(out, local.data[i])) {
			return false;
		}
	}
	return true;
}

/* "(Cron Daemon)" within parentheses would have two pairs. */
static struct span without_parentheses(struct span s)
{
	bool has_both = s.size > 2 && s.data[0] == '(' && s.data[s.size - 1] == ')';

	return has_both ? span_of(s.data + 1, s.size - 2) : s;
}

/* "root on host (Cron Daemon)" */
static bool add_origin(const struct author *a, const char *spec, struct span detail,
		       struct buf *out)
{
	struct span local = addr_local(span_str(spec));

	if (!add_local(local, out) ||
	    (a->host && a->host[0] && !buf_printf(out, " on %s", a->host))) {
		return false;
	}
	detail = without_parentheses(detail);
	if (detail.size == 0 || text_equal_fold(detail, local)) {
		return true;
	}
	/* In parentheses an encoded-word would be in quotes, and nobody would decode it. */
	bool is_encoded = display_is_encoded(detail);
	return buf_add_str(out, is_encoded ? " " : " (") && buf_add_span(out, detail) &&
	       (is_encoded || buf_add_byte(out, ')'));
}

/* What people see instead of the address that was. */
static bool add_name(const struct author *a, const struct addr *first, struct span value,
		     struct buf *name)
{
	struct buf detail BUF_AUTO;

	buf_init(&detail, DISPLAY_MAX);
	if (!display_read(value, first->where, &detail)) {
		return false;
	}
	struct span text = buf_span(&detail);
	if (author_is_local(a, first->spec)) {
		return add_origin(a, first->spec, text, name);
	}
	if (text.size > 0 || first->spec[0] == '\0') {
		return buf_add_span(name, text);
	}
	/* An address in a name looks as if somebody wanted to deceive. */
	struct span spec = span_str(first->spec);
	return add_local(addr_local(spec), name) && buf_add_str(name, " at ") &&
	       buf_add_span(name, addr_domain(spec));
}

/*
 * Name and address, folded.  is_ours: the name is a setting, which is UTF-8; else it is
 * from the header, and repair.h knows better.
 */
static bool add_mailbox(enum author_kind kind, const char *prefix, struct span name,
			bool is_ours, const char *spec, struct buf *out)
{
	struct buf field BUF_AUTO;
	const char *open = name.size > 0 ? " <" : "", *close = name.size > 0 ? ">" : "";

	buf_init(&field, out->max);
	return buf_printf(&field, "%s%s: ", prefix, names[kind]) &&
	       (name.size == 0 ||
		(is_ours ? addr_add_phrase(&field, name) : display_add(&field, name))) &&
	       buf_printf(&field, "%s%s%s\r\n", open, spec, close) &&
	       fold_field(out, buf_span(&field));
}

bool author_add(const struct author *a, enum author_kind kind, const char *prefix,
		struct buf *out)
{
	const char *name = kind == AUTHOR_FROM ? a->name : NULL;

	return add_mailbox(kind, prefix, span_str(name), true, a->address, out);
}

bool author_keep_original(const struct author *a, enum author_kind kind, struct span value,
			  struct buf *out)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct buf field BUF_AUTO;
	struct err ignored;

	addr_list_init(&list);
	buf_init(&field, out->max);
	if (span_trim(value).size == 0) {
		return true;
	}
	if (!buf_printf(&field, "X-Original-%s:", names[kind])) {
		return false;
	}
	bool is_parsed = addr_list_parse(&list, value, &ignored);
	bool ok = is_parsed && a->env && qualify_is_needed(&list)
			  ? qualify_value(value, &list, domain_of(a), &field) &&
				    buf_add_str(&field, "\r\n") &&
				    fold_field(out, buf_span(&field))
			  : buf_add_span(&field, value) && buf_add_str(&field, "\r\n") &&
				    buf_add_span(out, buf_span(&field));
	return ok;
}

static bool replace(const struct author *a, enum author_kind kind,
		    const struct header_field *field, const struct addr_list *list,
		    bool is_parsed, struct buf *out)
{
	struct buf name BUF_AUTO;
	bool is_from = kind == AUTHOR_FROM;
	bool is_empty = span_trim(field->value).size == 0;
	const char *prefix = text_starts_fold(field->name, "Resent-") ? "Resent-" : "";

	buf_init(&name, out->max);
	const char *given = is_empty && !forced_name(a) ? a->name : forced_name(a);
	bool is_ours = is_from && (is_empty || given);
	bool ok = is_ours ? buf_add_span(&name, span_str(given))
		  : is_parsed && list->count > 0
			  ? add_name(a, &list->at[0], field->value, &name)
			  : display_read_text(field->value, &name);
	return ok && add_mailbox(kind, prefix, buf_span(&name), is_ours, a->address, out);
}

bool author_rewrite(const struct author *a, enum author_kind kind,
		    enum author_change change, const struct header_field *field,
		    bool with_reply, struct buf *out)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err ignored;
	bool is_resent = text_starts_fold(field->name, "Resent-");

	addr_list_init(&list);
	if (change == AUTHOR_STAYS) {
		return buf_add_span(out, field->whole);
	}
	if (change == AUTHOR_QUALIFIED) {
		return qualify_field(field, a->env->domain, a->env->context, out);
	}
	bool is_parsed = addr_list_parse(&list, field->value, &ignored);
	if (change == AUTHOR_RENAMED) {
		char *spec MEM_AUTO = addr_qualify(first_address(&list)->spec, domain_of(a));
		return add_mailbox(kind, is_resent ? "Resent-" : "", span_str(a->forced_name),
				   true, spec, out);
	}
	bool reply = with_reply && is_parsed && !is_resent && kind == AUTHOR_FROM;
	return replace(a, kind, field, &list, is_parsed, out) &&
	       (!reply || author_add_reply(a, field->value, &list, out)) &&
	       (is_resent || author_keep_original(a, kind, field->value, out));
}
