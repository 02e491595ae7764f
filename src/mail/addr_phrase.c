/* SPDX-License-Identifier: ISC */
/*
 * addr_phrase: a display name as it may stand in a header field: RFC 5322 phrase,
 * RFC 2047 encoded-words for what is not ASCII.  Lines are folded before column 78.
 */
#include "base/text.h"
#include "mail/addr.h"
#include "mail/addr_syntax.h"

enum {
	COLUMN_MAX = 76,	/* of a line with encoded-words; RFC 2047 §2 */
	ENCODED_MAX = 75,	/* of one encoded-word */
	WORD_MAX = 200,		/* names with longer words are encoded, so that they fold */
};

/* Bytes on the last line of *b. */
static size_t column(const struct buf *b)
{
	const char *newline = b->size ? memrchr(b->data, '\n', b->size) : NULL;

	return newline ? b->size - (size_t)(newline + 1 - b->data) : b->size;
}

/* Bytes of the next encoded-word: as many as fit, no character cut in two. */
static size_t next_piece(struct span name, size_t room, bool is_utf8)
{
	size_t size = room / 4 * 3;

	if (size >= name.size) {
		return name.size;
	}
	while (is_utf8 && size > 0 && ((unsigned char)name.data[size] & 0xc0) == 0x80) {
		size--;
	}
	return size;
}

static bool add_encoded(struct buf *to, struct span name)
{
	bool is_utf8 = text_is_utf8(name);
	const char *charset = is_utf8 ? "=?UTF-8?B?" : "=?unknown-8bit?B?";
	size_t frame = strlen(charset) + 2, used = column(to);

	while (name.size > 0) {
		size_t before = used > 0 ? used : COLUMN_MAX - ENCODED_MAX;
		size_t room = before + frame < COLUMN_MAX ? COLUMN_MAX - before - frame : 0;
		size_t size = next_piece(name, room, is_utf8);
		if (size > 0) {
			if (!buf_add_str(to, charset) ||
			    !text_base64_add(to, span_first(name, size)) ||
			    !buf_add_str(to, "?=")) {
				return false;
			}
			name = span_from(name, size);
		}
		if (name.size > 0 && !buf_add_str(to, "\r\n ")) {
			return false;
		}
		used = 1;
	}
	return true;
}

/* Atoms with one blank between them: stands as it is. */
static bool is_atoms(struct span name)
{
	bool after_blank = true;

	for (size_t i = 0; i < name.size; i++) {
		bool is_blank = name.data[i] == ' ';
		if (is_blank ? after_blank : !addr_is_atext(name.data[i])) {
			return false;
		}
		after_blank = is_blank;
	}
	return !after_blank;
}

static bool needs_encoding(struct span name)
{
	size_t word = 0;

	for (size_t i = 0; i < name.size; i++) {
		unsigned char c = (unsigned char)name.data[i];
		if (c < ' ' || c >= 0x7f) {
			return true;
		}
		word = c == ' ' && i > 0 && name.data[i - 1] != ' ' ? 0 : word + 1;
		if (word > WORD_MAX) {
			return true;
		}
	}
	return false;
}

/* A line breaks before the blanks in front of a word that does not fit on it any more. */
static bool must_fold(const struct buf *to, struct span rest)
{
	size_t word = 0;

	while (word < rest.size && rest.data[word] == ' ') {
		word++;
	}
	while (word < rest.size && rest.data[word] != ' ') {
		word++;
	}
	bool after_blank = to->size == 0 || to->data[to->size - 1] == ' ';
	return !after_blank && column(to) + word > COLUMN_MAX;
}

bool addr_add_phrase(struct buf *to, struct span name)
{
	bool quote = !is_atoms(name);

	if (needs_encoding(name)) {
		return add_encoded(to, name);
	}
	if (quote && !buf_add_byte(to, '"')) {
		return false;
	}
	for (size_t i = 0; i < name.size; i++) {
		char c = name.data[i];
		bool fold = c == ' ' && must_fold(to, span_from(name, i));
		if ((fold && !buf_add_str(to, "\r\n")) ||
		    (quote && (c == '"' || c == '\\') && !buf_add_byte(to, '\\')) ||
		    !buf_add_byte(to, c)) {
			return false;
		}
	}
	return !quote || buf_add_byte(to, '"');
}
