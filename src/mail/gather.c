/* SPDX-License-Identifier: ISC */
/* gather: see gather.h.  Must never lose an address, nor make two of one. */
#include "mail/gather.h"
#include "base/text.h"

/* Only lists that are whole can stand in one field. */
static bool is_list(struct span value)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err ignored;

	addr_list_init(&list);
	return addr_list_parse(&list, value, &ignored);
}

/* Without blanks around it, and commas behind it. */
static struct span core(struct span value)
{
	struct span s = span_trim(value);

	while (s.size > 0 && s.data[s.size - 1] == ',') {
		s = span_trim(span_first(s, s.size - 1));
	}
	return s;
}

static bool is_more(const struct header_field *field, struct span name)
{
	return text_equal_fold(field->name, name);
}

/* How many fields of that name are in `rest`; 0 also when one is no list. */
static size_t count_more(struct span name, struct span rest)
{
	struct header_field field;
	size_t count = 0;

	while (header_next(&rest, &field)) {
		if (is_more(&field, name)) {
			if (!is_list(field.value)) {
				return 0;
			}
			count++;
		}
	}
	return count;
}

/* `is_empty`: of the field so far. */
static bool add_list(struct span value, bool *is_empty, struct buf *out)
{
	struct span list = core(value);
	const char *glue = *is_empty ? " " : ",\r\n ";

	if (list.size == 0) {
		return true;
	}
	*is_empty = false;
	return buf_add_str(out, glue) && buf_add_span(out, list);
}

bool gather_field(const struct header_field *first, struct span rest, struct buf *out)
{
	struct header_field field;
	bool is_empty = true;

	if (count_more(first->name, rest) == 0 || !is_list(first->value)) {
		return true;
	}
	if (!buf_add_span(out, first->name) || !buf_add_byte(out, ':') ||
	    !add_list(first->value, &is_empty, out)) {
		return false;
	}
	while (header_next(&rest, &field)) {
		if (is_more(&field, first->name) && !add_list(field.value, &is_empty, out)) {
			return false;
		}
	}
	return buf_add_str(out, "\r\n");
}
