/* SPDX-License-Identifier: ISC */
/* impostor: see impostor.h.  RFC 5322 §3.6.2, §3.6.6. */
#include "mail/impostor.h"
#include "base/text.h"
#include "mail/display.h"
#include "mail/fold.h"

static bool names_author(struct span name)
{
	static const char *const names[] = { "From", "Sender", "Resent-From", "Resent-Sender" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (text_equal_fold(name, span_str(names[i]))) {
			return true;
		}
	}
	return false;
}

/* Who knows what a reader finds in it?  All of it becomes the name of the user. */
static bool unmask_text(const struct impostor *x, const struct header_field *field,
			struct buf *text)
{
	struct buf name BUF_AUTO;
	size_t before = (size_t)(field->value.data - field->whole.data);

	buf_init(&name, DISPLAY_MAX);
	return display_read_text(field->value, &name) &&
	       buf_add_span(text, span_first(field->whole, before)) &&
	       buf_add_byte(text, ' ') && display_add(text, buf_span(&name)) &&
	       buf_printf(text, " <%s>\r\n", x->own);
}

/* Behind the quoted text or the comment that begins there; the value was parsed, so it ends. */
static size_t skip_inner(struct span value, size_t at)
{
	const bool is_comment = value.data[at] == '(';
	size_t depth = 0;

	for (; at < value.size; at++) {
		char c = value.data[at];
		if (c == '\\') {
			at++;
		} else if (is_comment ? c == '(' : depth == 0) {
			depth++;
		} else if (c == (is_comment ? ')' : '"') && --depth == 0) {
			return at + 1;
		}
	}
	return value.size;
}

/*
 * Does an "@" stand in a name without quotes, or in a route?  Other programs take what is
 * around it for the address: "root@localhost <joe@localhost>".
 */
static bool has_loose_at(struct span value, const struct addr_list *list)
{
	size_t next = 0;

	for (size_t i = 0; i < value.size;) {
		const struct addr *a = next < list->count ? &list->at[next] : NULL;
		char c = value.data[i];
		if (a && value.data + i == a->where.data) {
			i += a->where.size;
			next++;
			i += a->where.size == 0;
		} else if (c == '"' || c == '(') {
			i = skip_inner(value, i);
		} else if (c == '@') {
			return true;
		} else {
			i++;
		}
	}
	return false;
}

/* No reader should decode an encoded-word in an address, but some do. */
static bool is_other(const struct impostor *x, const char *spec)
{
	return spec[0] != '\0' && (strstr(spec, "=?") || x->is_other(x->context, spec));
}

/* All its addresses, with names that nobody can misread. */
static bool write_anew(const struct impostor *x, const struct header_field *field,
		       const struct addr_list *list, struct buf *text)
{
	size_t before = (size_t)(field->value.data - field->whole.data);
	bool ok = buf_add_span(text, span_first(field->whole, before));

	for (size_t i = 0; ok && i < list->count; i++) {
		const struct addr *a = &list->at[i];
		struct buf name BUF_AUTO;
		buf_init(&name, DISPLAY_MAX);
		ok = display_read(field->value, a->where, &name) &&
		     buf_add_str(text, i > 0 ? ", " : " ") &&
		     display_add(text, buf_span(&name)) &&
		     buf_printf(text, "%s<%s>", name.size > 0 ? " " : "",
				is_other(x, a->spec) ? x->own : a->spec);
	}
	return ok && buf_add_str(text, "\r\n");
}

/* The field with each of these addresses replaced; *ret_found: there was one. */
static bool unmask_field(const struct impostor *x, const struct header_field *field,
			 struct buf *text, bool *ret_found)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err ignored;
	const char *done = field->whole.data;

	addr_list_init(&list);
	*ret_found = false;
	if (!addr_list_parse(&list, field->value, &ignored)) {
		*ret_found = true;
		return unmask_text(x, field, text);
	}
	if (has_loose_at(field->value, &list)) {
		*ret_found = true;
		return write_anew(x, field, &list, text);
	}
	for (size_t i = 0; i < list.count; i++) {
		const struct addr *a = &list.at[i];
		if (!is_other(x, a->spec)) {
			continue;
		}
		*ret_found = true;
		if (!buf_add(text, done, (size_t)(a->where.data - done)) ||
		    !buf_add_str(text, x->own)) {
			return false;
		}
		done = a->where.data + a->where.size;
	}
	const char *end = field->whole.data + field->whole.size;
	return buf_add(text, done, (size_t)(end - done));
}

static bool put_field(const struct impostor *x, const struct header_field *field,
		      struct buf *out, bool *ret_found)
{
	struct buf text BUF_AUTO;
	bool found;

	buf_init(&text, out->max);
	if (!names_author(field->name)) {
		return buf_add_span(out, field->whole);
	}
	if (!unmask_field(x, field, &text, &found)) {
		return false;
	}
	*ret_found = *ret_found || found;
	return found ? fold_field(out, buf_span(&text)) : buf_add_span(out, field->whole);
}

bool impostor_unmask(const struct impostor *x, struct span header, struct buf *out,
		     bool *ret_found, struct err *e)
{
	struct header_field field;

	*ret_found = false;
	while (header_next(&header, &field)) {
		if (!put_field(x, &field, out, ret_found)) {
			return err_set(e, CAUSE_DATA, "the header is longer than %zu bytes",
				       out->max);
		}
	}
	return buf_add_span(out, header) ||
	       err_set(e, CAUSE_DATA, "the header is longer than %zu bytes", out->max);
}
