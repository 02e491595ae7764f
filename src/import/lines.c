/* SPDX-License-Identifier: ISC */
/* lines: see lines.h.  Pure. */
#include "import/lines.h"

void lines_init(struct lines *l, struct buf *text)
{
	*l = (struct lines){ .data = text->data, .size = text->size, .line = 1 };
}

bool lines_take(struct span *rest, struct span *ret)
{
	const char *end = rest->size > 0 ? memchr(rest->data, '\n', rest->size) : NULL;
	size_t size = end ? (size_t)(end - rest->data) : rest->size;

	if (rest->size == 0) {
		return false;
	}
	*ret = span_first(*rest, size);
	*rest = span_from(*rest, size + 1);
	return true;
}

/* A physical line, without its end; moves on. */
static struct span take(struct lines *l)
{
	const char *start = l->data + l->at;
	const char *end = memchr(start, '\n', l->size - l->at);
	size_t size = end ? (size_t)(end - start) : l->size - l->at;

	l->at += size + (end != NULL);
	l->line++;
	return span_of(start, size);
}

static bool says_nothing(struct span line)
{
	line = span_trim(line);
	return line.size == 0 || line.data[0] == '#';
}

static bool continues(const struct lines *l)
{
	return l->at < l->size && (l->data[l->at] == ' ' || l->data[l->at] == '\t');
}

bool lines_next(struct lines *l, struct span *ret, unsigned *ret_line)
{
	size_t start = l->filled;
	bool found = false;

	while (l->at < l->size && (!found || continues(l) || l->data[l->at] == '#' ||
				   l->data[l->at] == '\n' || l->data[l->at] == '\r')) {
		unsigned number = l->line;
		struct span line = take(l);
		if (says_nothing(line)) {
			continue;
		}
		if (!found) {
			*ret_line = number;
			found = true;
		}
		/* Never beyond what was read: at most as much is written. */
		memmove(l->data + l->filled, line.data, line.size);
		l->filled += line.size;
	}
	*ret = span_trim(span_of(l->data + start, l->filled - start));
	return found;
}

size_t lines_close(struct span text)
{
	char open = text.size > 0 ? text.data[0] : '\0';
	char close = open == '{' ? '}' : ')';
	size_t depth = 0, i = 0;

	for (; i < text.size; i++) {
		if (text.data[i] == open) {
			depth++;
		} else if (text.data[i] == close && --depth == 0) {
			break;
		}
	}
	return i;
}

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

struct span lines_word(struct span *list, const char *between)
{
	size_t size = 0;

	while (list->size > 0 && is_one_of(list->data[0], between)) {
		*list = span_from(*list, 1);
	}
	while (size < list->size && !is_one_of(list->data[size], between)) {
		size += list->data[size] == '{' ? lines_close(span_from(*list, size)) + 1 : 1;
	}
	struct span word = span_first(*list, size);
	*list = span_from(*list, size);
	return word;
}

struct span lines_split(struct span line, struct span *ret_rest)
{
	size_t size = 0;

	while (size < line.size && !is_one_of(line.data[size], " \t\r\n")) {
		size++;
	}
	*ret_rest = span_trim(span_from(line, size));
	return span_first(line, size);
}
