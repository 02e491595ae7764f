/* SPDX-License-Identifier: ISC */
/*
 * fold: RFC 5322 §2.2.3 folding, for header fields and for plain text.  Must never let
 * through a line break that was in the text, nor put out a line of blanks alone.
 */
#include "mail/fold.h"
#include "base/text.h"

/* Blanks in a row that are kept; more could not be folded. */
enum { BLANKS_MAX = 32 };

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
