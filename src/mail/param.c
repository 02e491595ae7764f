/* SPDX-License-Identifier: ISC */
/*
 * param: RFC 2045 §5.1, and what programs write instead: values with blanks and without
 * quotes, quotes that are never closed.
 */
#include "mail/param.h"
#include "base/text.h"

/* Size up to the next semicolon that is not in quotes. */
static size_t segment_size(struct span s)
{
	bool in_quotes = false;

	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		if (in_quotes && c == '\\') {
			i++;
		} else if (c == '"') {
			in_quotes = !in_quotes;
		} else if (c == ';' && !in_quotes) {
			return i;
		}
	}
	return s.size;
}

struct span param_first(struct span value, struct span *rest)
{
	size_t size = segment_size(value);

	*rest = span_from(value, size);
	return span_first(value, size);
}

static bool is_token(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] <= ' ' || s.data[i] >= 0x7f ||
		    strchr("()<>@,;:\\\"/[]?=", s.data[i])) {
			return false;
		}
	}
	return s.size > 0;
}

bool param_next(struct span *rest, struct param *ret_param)
{
	if (rest->size == 0) {
		return false;
	}
	struct span s = span_from(*rest, 1);	/* the semicolon */
	size_t size = segment_size(s);
	struct span whole = span_first(s, size);
	const char *equal = whole.size ? memchr(whole.data, '=', whole.size) : NULL;
	size_t left = equal ? (size_t)(equal - whole.data) : 0;
	struct span name = span_trim(span_first(whole, left));

	*ret_param = (struct param){ .whole = whole };
	if (equal && is_token(name)) {
		ret_param->name = name;
		ret_param->value = span_trim(span_from(whole, left + 1));
	}
	*rest = span_from(s, size);
	return true;
}

/* A comment behind a value without quotes. */
static struct span without_comment(struct span s)
{
	for (size_t i = 1; i < s.size; i++) {
		if (s.data[i] == '(' && (s.data[i - 1] == ' ' || s.data[i - 1] == '\t')) {
			return span_trim(span_first(s, i));
		}
	}
	return s;
}

bool param_add_value(struct buf *to, struct span value)
{
	bool is_quoted = value.size > 0 && value.data[0] == '"';

	if (!is_quoted) {
		value = without_comment(value);
	}
	for (size_t i = is_quoted; i < value.size; i++) {
		char c = value.data[i];
		if (is_quoted && c == '"') {
			break;
		}
		if (is_quoted && c == '\\' && i + 1 < value.size) {
			c = value.data[++i];
		}
		if (c != '\r' && c != '\n' && !buf_add_byte(to, c)) {
			return false;
		}
	}
	return true;
}

bool param_find(struct span field_value, const char *name, struct buf *to)
{
	struct span rest;
	struct param p;

	(void)param_first(field_value, &rest);
	while (param_next(&rest, &p)) {
		if (text_equal_fold(p.name, span_str(name))) {
			return param_add_value(to, p.value);
		}
	}
	return false;
}
