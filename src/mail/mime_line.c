/* SPDX-License-Identifier: ISC */
/*
 * mime_line: lines, however the chunks are cut.  Memory is bounded: of a line that is
 * longer than all that can be a field's name or a boundary, parts are given out.
 */
#include "mail/mime_line.h"
#include "mail/field.h"

enum { HELD_MAX = MIME_LINE_HOLD + 2 };

void mime_lines_init(struct mime_lines *l)
{
	*l = (struct mime_lines){ .given = 0 };
	buf_init(&l->held, HELD_MAX);
}

void mime_lines_clear(struct mime_lines *l)
{
	buf_clear(&l->held);
}

void mime_lines_reset(struct mime_lines *l)
{
	buf_reset(&l->held);
	l->given = 0;
	l->in_line = false;
}

bool mime_lines_is_open(const struct mime_lines *l)
{
	return l->held.size > l->given || l->in_line;
}

static struct mime_line whole(struct mime_lines *l, struct span s)
{
	size_t size = s.size - 1;
	bool is_first = !l->in_line;

	size -= size > 0 && s.data[size - 1] == '\r';
	l->in_line = false;
	return (struct mime_line){ span_first(s, size), is_first, true };
}

/* All that is held, but for a CR at its end, which may belong to the line end. */
static struct mime_line part(struct mime_lines *l)
{
	struct span s = buf_span(&l->held);
	bool is_first = !l->in_line;

	s.size -= s.data[s.size - 1] == '\r';
	l->in_line = true;
	l->given = s.size;
	return (struct mime_line){ s, is_first, false };
}

bool mime_lines_next(struct mime_lines *l, struct span *rest, struct mime_line *ret_line)
{
	buf_drop(&l->held, l->given);
	l->given = 0;
	while (rest->size > 0) {
		const char *newline = memchr(rest->data, '\n', rest->size);
		size_t size = newline ? (size_t)(newline - rest->data) + 1 : rest->size;
		if (l->held.size == 0 && newline) {
			*ret_line = whole(l, span_first(*rest, size));
			*rest = span_from(*rest, size);
			return true;
		}
		size_t room = HELD_MAX - l->held.size;
		struct span more = span_first(*rest, size < room ? size : room);
		BUG_ON(!buf_add_span(&l->held, more));
		*rest = span_from(*rest, more.size);
		if (more.data[more.size - 1] == '\n') {
			*ret_line = whole(l, buf_span(&l->held));
			l->given = l->held.size;
			return true;
		}
		if (l->held.size == HELD_MAX) {
			*ret_line = part(l);
			return true;
		}
	}
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_name(char c)
{
	return c > ' ' && c < 0x7f && c != ':';
}

bool mime_line_is_field(struct span line)
{
	size_t i = 0;

	line = span_first(line, FIELD_LINE_MAX);
	while (i < line.size && is_name(line.data[i])) {
		i++;
	}
	bool has_name = i > 0;
	while (i < line.size && is_blank(line.data[i])) {
		i++;
	}
	return has_name && i < line.size && line.data[i] == ':';
}

bool mime_line_is_boundary(struct span line, struct span boundary, bool *ret_is_close)
{
	if (line.size < 2 + boundary.size || line.size > FIELD_LINE_MAX ||
	    memcmp(line.data, "--", 2) != 0 ||
	    memcmp(line.data + 2, boundary.data, boundary.size) != 0) {
		return false;
	}
	line = span_from(line, 2 + boundary.size);
	*ret_is_close = line.size >= 2 && memcmp(line.data, "--", 2) == 0;
	line = span_from(line, *ret_is_close ? 2 : 0);
	while (line.size > 0 && is_blank(line.data[0])) {
		line = span_from(line, 1);
	}
	return line.size == 0;
}
