/* SPDX-License-Identifier: ISC */
/* lex: see lex.h.  Pure: must never open a file, nor know a setting. */
#include "conf/lex.h"
#include "base/buf.h"

#include <string.h>

bool lex_is_control(char c)
{
	return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

void lex_init(struct lex *l, struct span text, const char *file)
{
	bool has_mark = text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0;

	*l = (struct lex){ .rest = span_from(text, has_mark ? 3 : 0), .file = file };
}

static bool check_bytes(struct span line, struct err *e)
{
	if (line.size > LEX_LINE_MAX) {
		return err_set(e, CAUSE_CONFIG, "the line is longer than %d bytes",
			       LEX_LINE_MAX);
	}
	for (size_t i = 0; i < line.size; i++) {
		if (line.data[i] == '\0') {
			return err_set(e, CAUSE_CONFIG,
				       "a NUL byte; is this a text file in UTF-8?");
		}
		if (lex_is_control(line.data[i])) {
			return err_set(e, CAUSE_CONFIG, "a control character (0x%02x)",
				       (unsigned char)line.data[i]);
		}
	}
	return true;
}

static size_t find_blank(struct span s)
{
	size_t i = 0;

	while (i < s.size && s.data[i] != ' ' && s.data[i] != '\t') {
		i++;
	}
	return i;
}

bool lex_split(struct span line, struct lex_line *ret, struct err *e)
{
	*ret = (struct lex_line){ .number = ret->number };
	if (!check_bytes(line, e)) {
		return false;
	}
	line = span_trim(line);
	if (line.size == 0 || line.data[0] == '#') {
		return true;
	}
	size_t end = find_blank(line);
	ret->key = span_first(line, end);

	struct span value = span_from(line, end);
	const char *comment = value.size == 0 ? NULL
					      : memmem(value.data, value.size,
						       LEX_COMMENT, strlen(LEX_COMMENT));
	if (comment) {
		value.size = (size_t)(comment - value.data);
	}
	value = span_trim(value);
	if (value.size >= 2 && value.data[0] == '"' &&
	    value.data[value.size - 1] == '"') {
		value = span_of(value.data + 1, value.size - 2);
	}
	ret->value = value;
	return true;
}

bool lex_next(struct lex *l, struct lex_line *ret, struct err *e)
{
	*ret = (struct lex_line){ .number = l->line };
	while (l->rest.size > 0) {
		const char *lf = memchr(l->rest.data, '\n', l->rest.size);
		size_t size = lf ? (size_t)(lf - l->rest.data) : l->rest.size;
		struct span line = span_first(l->rest, size);

		l->rest = span_from(l->rest, size + 1);
		ret->number = ++l->line;
		if (line.size > 0 && line.data[line.size - 1] == '\r') {
			line.size--;
		}
		if (!lex_split(line, ret, e)) {
			return err_ctx(e, "%s:%u", l->file, l->line);
		}
		if (ret->key.size > 0) {
			return true;
		}
	}
	return true;
}
