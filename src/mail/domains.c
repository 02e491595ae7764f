/* SPDX-License-Identifier: ISC */
/*
 * domains: see domains.h.  Must never make another address of one: what comes out is
 * looked at again.
 */
#include "mail/domains.h"
#include "base/mem.h"
#include "base/text.h"
#include "mail/repair.h"

static bool full(struct err *e)
{
	return err_set(e, CAUSE_DATA, "the header is too large");
}

bool domains_spec(const struct domains *d, const char *spec, char **ret_spec, struct err *e)
{
	struct span all = span_str(spec), local = addr_local(all);
	BUF_AUTO struct buf ascii;

	*ret_spec = NULL;
	buf_init(&ascii, ADDR_MAX);
	if (text_is_ascii(all) || !text_is_ascii(local)) {
		return true;
	}
	size_t domain = local.size + 1;
	if (!buf_add(&ascii, spec, domain)) {
		return err_set(e, CAUSE_DATA, "the address is too long");
	}
	if (!d->to_ascii(d->context, addr_domain(all), &ascii, e)) {
		return false;
	}
	struct span made = buf_span(&ascii);
	if (!text_is_ascii(made) || !addr_is_safe(made) || addr_local(made).size != local.size) {
		return err_set(e, CAUSE_DATA, "the domain %.*s is not valid",
			       SPAN_ARG(addr_domain(all)));
	}
	*ret_spec = buf_take(&ascii);
	return true;
}

/*
 * One that no mail can be sent to, in its place: what is no letter of ASCII and no digit is
 * written as its bytes.  The caller frees it; NULL: that is no address, either.
 */
static char *unusable_spec(const char *spec)
{
	struct span all = span_str(spec), domain = addr_domain(all);
	BUF_AUTO struct buf made;

	domain.size -= domain.size > 0 && domain.data[domain.size - 1] == '.';
	buf_init(&made, ADDR_MAX);
	bool ok = buf_add(&made, spec, addr_local(all).size + 1);
	for (size_t i = 0; ok && i < domain.size; i++) {
		char c = domain.data[i];
		bool is_plain = text_is_alpha(c) || text_is_digit(c) || c == '.';
		ok = is_plain ? buf_add_byte(&made, c)
			      : buf_printf(&made, "x%02x", (unsigned)(unsigned char)c);
	}
	ok = ok && buf_add_str(&made, ".invalid") && addr_is_safe(buf_span(&made));
	return ok ? buf_take(&made) : NULL;
}

/* -- in the header --------------------------------------------------------------------- */

/* Where the domain stands in the text of the address; all of it when that is not sure. */
static struct span find_domain(const struct addr *a)
{
	struct span domain = addr_domain(span_str(a->spec)), s = a->where;

	s.size -= s.size > 0 && s.data[s.size - 1] == '.';
	if (s.size <= domain.size) {
		return a->where;
	}
	size_t at = s.size - domain.size;
	struct span end = span_of(s.data + at, domain.size);
	return s.data[at - 1] == '@' && span_equal(end, domain) ? end : a->where;
}

/* What stands in the field between *from and the address, and then the address. */
static bool add_address(const struct addr *a, const char *spec, const char **from,
			struct buf *out)
{
	struct span at = find_domain(a);
	struct span ascii = at.size == a->where.size ? span_str(spec)
						     : addr_domain(span_str(spec));
	bool ok = buf_add(out, *from, (size_t)(at.data - *from)) && buf_add_span(out, ascii);

	*from = at.data + at.size;
	return ok;
}

static bool add_addresses(const struct domains *d, const struct header_field *field,
			  const struct addr_list *list, struct buf *out, struct err *e)
{
	const char *from = field->whole.data;

	for (size_t i = 0; i < list->count; i++) {
		const struct addr *a = &list->at[i];
		char *spec MEM_AUTO = NULL;
		if (text_is_ascii(span_str(a->spec))) {
			continue;
		}
		if (!domains_spec(d, a->spec, &spec, e) &&
		    (e->cause != CAUSE_DATA || !(spec = unusable_spec(a->spec)))) {
			return err_ctx(e, "%.*s: %s", SPAN_ARG(field->name), a->spec);
		}
		if (!spec) {
			return err_set(e, CAUSE_DATA, "%.*s: %s is not ASCII before the \"@\"; "
				       "use an address that is, or another server",
				       SPAN_ARG(field->name), a->spec);
		}
		if (!add_address(a, spec, &from, out)) {
			return full(e);
		}
	}
	const char *end = field->whole.data + field->whole.size;
	return buf_add(out, from, (size_t)(end - from)) || full(e);
}

static bool convert_field(const struct domains *d, const struct header_field *field,
			  struct buf *out, struct err *e)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err unused;

	addr_list_init(&list);
	/* A field that is malformed counts as far as it can be read. */
	bool parsed = addr_list_parse(&list, field->value, &unused);
	(void)parsed;
	return add_addresses(d, field, &list, out, e);
}

static bool add_field(const struct domains *d, const struct header_field *field,
		      struct buf *out, struct err *e)
{
	BUF_AUTO struct buf text;
	BUF_AUTO struct buf folded;
	struct header_field now;

	buf_init(&text, field->whole.size * REPAIR_GROWTH + REPAIR_SLACK);
	buf_init(&folded, text.max * REPAIR_GROWTH + REPAIR_SLACK);
	if (!convert_field(d, field, &text, e)) {
		return false;
	}
	struct span rest = buf_span(&text);
	if (!header_next(&rest, &now) || !repair_field_needs(&now, false)) {
		return buf_add_span(out, buf_span(&text)) || full(e);
	}
	/* Longer domains have made a line too long.  Folded it can perhaps be read further. */
	rest = repair_field(&now, span_of(NULL, 0), &folded) ? buf_span(&folded)
							     : span_of(NULL, 0);
	return header_next(&rest, &now) ? convert_field(d, &now, out, e) : full(e);
}

bool domains_header(const struct domains *d, struct span header, struct buf *out,
		    struct err *e)
{
	struct header_field field;

	while (header_next(&header, &field)) {
		bool may_need = !text_is_ascii(field.value) && header_is_address(field.name);
		if (may_need ? !add_field(d, &field, out, e)
			     : !buf_add_span(out, field.whole) && !full(e)) {
			return false;
		}
	}
	return true;
}
