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

/* Is there such an address in text that is no list of addresses? */
static bool has_other_word(const struct impostor *x, struct span text)
{
	static const char stops[] = " \t\r\n<>()[],;:\"";
	char word[ADDR_MAX + 1];

	while (text.size > 0) {
		size_t size = 0;
		while (size < text.size && !memchr(stops, text.data[size], sizeof(stops) - 1)) {
			size++;
		}
		bool is_address = size < sizeof(word) && size > 0 &&
				  memchr(text.data, '@', size);
		if (is_address) {
			memcpy(word, text.data, size);
			word[size] = '\0';
		}
		if (is_address && x->is_other(x->context, word)) {
			return true;
		}
		text = span_from(text, size + 1);
	}
	return false;
}

/* All of such text becomes the name of the user. */
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
		*ret_found = has_other_word(x, field->value);
		return !*ret_found || unmask_text(x, field, text);
	}
	for (size_t i = 0; i < list.count; i++) {
		const struct addr *a = &list.at[i];
		if (a->spec[0] == '\0' || !x->is_other(x->context, a->spec)) {
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
