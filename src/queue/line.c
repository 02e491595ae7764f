/* SPDX-License-Identifier: ISC */
/* line: see line.h. */
#include "queue/line.h"
#include "base/text.h"
#include "mail/date.h"

bool queue_line_next(struct span *text, struct span *line)
{
	const char *end = text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;

	if (!end) {
		return false;
	}
	*line = span_of(text->data, (size_t)(end - text->data));
	*text = span_from(*text, line->size + 1);
	return true;
}

bool queue_line_split(struct span line, struct span *name, struct span *value)
{
	const char *colon = line.size > 0 ? memchr(line.data, ':', line.size) : NULL;

	if (!colon || colon == line.data) {
		return false;
	}
	*name = span_of(line.data, (size_t)(colon - line.data));
	*value = span_from(line, name->size + 1);
	if (value->size == 0 || value->data[0] != ' ') {
		return false;
	}
	*value = span_of(value->data + 1, value->size - 1);
	return true;
}

struct span queue_line_word(struct span *text)
{
	const char *blank = text->size > 0 ? memchr(text->data, ' ', text->size) : NULL;
	struct span word = *text;

	if (blank) {
		word.size = (size_t)(blank - text->data);
	}
	*text = span_from(*text, word.size + 1);
	return word;
}

bool queue_line_is_clean(struct span value)
{
	for (size_t i = text_is_plain(value) ? value.size : 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if ((c < ' ' && c != '\t') || c == 0x7f) {
			return false;
		}
	}
	return true;
}

bool queue_line_add_time(struct buf *to, const char *name, int64_t seconds)
{
	int64_t shown = seconds < 0 ? 0 : seconds > QUEUE_TIME_MAX ? QUEUE_TIME_MAX : seconds;
	struct civil c = date_civil(shown);

	return buf_printf(to, "%s: %lld (%04d-%02d-%02d %02d:%02d:%02d UTC)\n", name,
			  (long long)shown, c.year, c.month, c.day, c.hour, c.minute,
			  c.second);
}

bool queue_line_time(struct span value, int64_t *ret_seconds)
{
	unsigned long long seconds;
	struct span rest = value, number = queue_line_word(&rest);

	if (!text_unsigned(number, QUEUE_TIME_MAX, &seconds)) {
		return false;
	}
	if (number.size < value.size &&
	    (rest.size < 2 || rest.data[0] != '(' || rest.data[rest.size - 1] != ')')) {
		return false;
	}
	*ret_seconds = (int64_t)seconds;
	return true;
}
