/* SPDX-License-Identifier: ISC */
/* qualify: see qualify.h.  Must never change an address that has a domain. */
#include "mail/qualify.h"
#include "base/mem.h"
#include "mail/fold.h"

#include <stdlib.h>

bool qualify_is_needed(const struct addr_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		if (addr_is_bare(list->at[i].spec)) {
			return true;
		}
	}
	return false;
}

/*
 * Before an "@" the text must be a local part.  What is read as one, but is none without
 * quotes (`a..b`), is written as it was understood.
 */
static bool add_address(const struct addr *a, const char *domain, struct buf *out)
{
	char *full MEM_AUTO = addr_qualify(a->spec, domain);
	bool is_understood = a->spec[0] == '"' && !span_equal(a->where, span_str(a->spec));

	if (!addr_is_safe(span_str(full))) {
		return buf_add_span(out, a->where);
	}
	return is_understood ? buf_add_str(out, full)
			     : buf_add_span(out, a->where) && buf_add_byte(out, '@') &&
				       buf_add_str(out, domain);
}

bool qualify_value(struct span value, const struct addr_list *list, const char *domain,
		   struct buf *out)
{
	size_t done = 0;

	for (size_t i = 0; domain[0] && i < list->count; i++) {
		const struct addr *a = &list->at[i];
		if (!addr_is_bare(a->spec)) {
			continue;
		}
		size_t start = (size_t)(a->where.data - value.data);
		if (!buf_add(out, value.data + done, start - done) ||
		    !add_address(a, domain, out)) {
			return false;
		}
		done = start + a->where.size;
	}
	return buf_add_span(out, span_from(value, done));
}

bool qualify_field(const struct header_field *field, const char *(*domain)(void *context),
		   void *context, struct buf *out)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct buf text BUF_AUTO;
	struct err ignored;

	addr_list_init(&list);
	buf_init(&text, out->max);
	if (!domain || !addr_list_parse(&list, field->value, &ignored) ||
	    !qualify_is_needed(&list)) {
		return buf_add_span(out, field->whole);
	}
	size_t before = (size_t)(field->value.data - field->whole.data);
	return buf_add_span(&text, span_first(field->whole, before)) &&
	       qualify_value(field->value, &list, domain(context), &text) &&
	       fold_field(out, buf_span(&text));
}
