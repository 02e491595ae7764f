/* SPDX-License-Identifier: ISC */
/*
 * fold: RFC 5322 §2.2.3 folding, for header fields and for plain text.  Must never let
 * through a line break that was in the text, nor put out a line of blanks alone.
 */
#include "mail/fold.h"
#include "base/text.h"

enum {
	BLANKS_MAX = 32,	/* blanks in a row that are kept; more could not be folded */
	FIELD_COLUMN_MAX = 78,	/* RFC 5322 §2.1.1 */
};

static bool is_inside_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters, not bytes: columns are for people. */
static size_t width(struct span s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.size; i++) {
		count += !is_inside_character(s.data[i]);
	}
	return count;
}

static struct span last_line(const struct buf *b)
{
	size_t start = b->size;

	while (start > 0 && b->data[start - 1] != '\n') {
		start--;
	}
	return span_from(buf_span(b), start);
}

/* Each character that is not ASCII becomes one '?', in place. */
static void force_ascii(struct buf *text)
{
	size_t size = 0;

	for (size_t i = 0; i < text->size; i++) {
		char c = text->data[i];
		if (!is_inside_character(c)) {
			text->data[size++] = (unsigned char)c < 0x80 ? c : '?';
		}
	}
	buf_drop_end(text, text->size - size);
}

/* At most FOLD_WORD_MAX bytes from the front, no character cut in two. */
static struct span first_piece(struct span word)
{
	size_t size = FOLD_WORD_MAX;

	if (word.size <= size) {
		return word;
	}
	while (is_inside_character(word.data[size])) {
		size--;
	}
	return span_first(word, size);
}

/* The column is kept by the caller: looking for it again would make long lines slow. */
static bool add_word(struct buf *to, size_t blanks, struct span word, const char *indent,
		     size_t *column)
{
	static const char spaces[] = "                                ";
	_Static_assert(sizeof(spaces) == BLANKS_MAX + 1, "spaces");

	while (word.size > 0) {
		struct span piece = first_piece(word);
		size_t columns = blanks + width(piece);
		bool fold = *column > 0 && *column + columns > FOLD_COLUMN_MAX;
		if (fold && !buf_add_str(to, "\r\n")) {
			return false;
		}
		*column = fold ? 0 : *column;
		if (*column == 0) {
			/* The indent stands for one of the blanks. */
			blanks -= blanks > 0;
			*column = strlen(indent);
			if (!buf_add_str(to, indent)) {
				return false;
			}
		}
		if (!buf_add(to, spaces, blanks) || !buf_add_span(to, piece)) {
			return false;
		}
		*column += blanks + width(piece);
		word = span_from(word, piece.size);
		blanks = 1;
	}
	return true;
}

bool fold_add(struct buf *to, const char *text, const char *indent, bool is_ascii)
{
	BUF_AUTO struct buf clean;
	size_t column = width(last_line(to)), blanks = 1;

	buf_init(&clean, FOLD_TEXT_MAX);
	if (!buf_add_span(&clean, span_first(span_str(text), FOLD_TEXT_MAX))) {
		return false;
	}
	text_sanitise(clean.data, clean.size);
	if (is_ascii) {
		force_ascii(&clean);
	}
	struct span rest = span_trim(buf_span(&clean));
	while (rest.size > 0) {
		const char *end = memchr(rest.data, ' ', rest.size);
		size_t size = end ? (size_t)(end - rest.data) : rest.size;
		if (!add_word(to, blanks, span_first(rest, size), indent, &column)) {
			return false;
		}
		rest = span_from(rest, size);
		blanks = 0;
		while (rest.size > 0 && rest.data[0] == ' ') {
			blanks += blanks < BLANKS_MAX;
			rest = span_from(rest, 1);
		}
	}
	return true;
}

/* -- fields ---------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Blanks before which a line can end, from the worst to the best: 0 = there is none. */
struct breaks {
	size_t quoted, blank, comma;
};

static size_t best_of(const struct breaks *b)
{
	return b->comma ? b->comma : b->blank ? b->blank : b->quoted;
}

/*
 * The best that leaves a line that is short enough, or else the first; 0 when there is none.
 * Text stands before and behind it, so that no line is blank.
 */
static size_t find_break(struct span line, size_t from)
{
	struct breaks found = { 0 };
	bool in_quotes = false;
	size_t end = line.size;

	while (end > 0 && is_blank(line.data[end - 1])) {
		end--;
	}
	for (size_t i = 1; i < end; i++) {
		char before = line.data[i - 1];
		bool is_escaped = i > 1 && line.data[i - 2] == '\\';
		in_quotes = in_quotes != (before == '"' && !is_escaped);
		if (i < from || !is_blank(line.data[i]) || is_blank(before) || before == '\\') {
			continue;
		}
		if (i > FIELD_COLUMN_MAX) {
			return best_of(&found) ? best_of(&found) : i;
		}
		*(in_quotes ? &found.quoted : &found.blank) = i;
		found.comma = before == ',' && !in_quotes ? i : found.comma;
	}
	return best_of(&found);
}

static bool add_line(struct buf *to, struct span line, size_t from)
{
	size_t at;

	while (line.size > FIELD_COLUMN_MAX && (at = find_break(line, from)) > 0) {
		if (!buf_add_span(to, span_first(line, at)) || !buf_add_str(to, "\r\n")) {
			return false;
		}
		line = span_from(line, at);
		from = 0;
	}
	return buf_add_span(to, line) && buf_add_str(to, "\r\n");
}

bool fold_field(struct buf *to, struct span field)
{
	const char *colon = field.size ? memchr(field.data, ':', field.size) : NULL;
	/* What stands alone on the first line would be the field's name. */
	size_t from = colon ? (size_t)(colon - field.data) + 2 : 0;

	while (field.size > 0) {
		const char *newline = memchr(field.data, '\n', field.size);
		size_t size = newline ? (size_t)(newline - field.data) + 1 : field.size;
		struct span line = span_first(field, size);
		while (line.size > 0 && strchr("\r\n", line.data[line.size - 1])) {
			line.size--;
		}
		if (!add_line(to, line, from)) {
			return false;
		}
		field = span_from(field, size);
		from = 0;
	}
	return true;
}
