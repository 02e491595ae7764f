/* SPDX-License-Identifier: ISC */
/*
 * field: RFC 2047 §2, §5 and RFC 5322 §2.2.3.  Must never put out a line break that is not
 * folding, a line of blanks alone, nor a NUL.
 *
 * Readers drop the blanks between two encoded-words.  So a text that stands next to
 * another encoded-word takes the blanks between them into itself.
 */
#include "mail/field.h"
#include "base/text.h"

enum {
	COLUMN_MAX = 76,	/* RFC 2047 §2 */
	WORD_MAX = 75,
	/* A piece smaller than this does not begin a word on a line that is nearly full. */
	ROOM_MIN = 40,
	/* "=?" "?Q?" "?=" */
	FRAME = 7,
};

static void put(struct field *w, struct span s)
{
	size_t start = w->out->size;

	if (!buf_add_span(w->out, s)) {
		w->is_full = true;
		return;
	}
	for (size_t i = start; i < w->out->size; i++) {
		if (w->out->data[i] == '\0') {
			w->out->data[i] = '?';
		}
	}
	w->column += s.size;
}

static void put_text(struct field *w, const char *text)
{
	put(w, span_str(text));
}

static struct span blanks_span(const struct field_blanks *b)
{
	return span_of(b->at, b->size);
}

/* Blanks, if there must be some. */
static void put_blanks(struct field *w, struct field_blanks *b, bool needed)
{
	if (needed && b->size == 0) {
		put_text(w, " ");
	}
	put(w, blanks_span(b));
	b->size = 0;
}

static void fold(struct field *w, struct field_blanks *b)
{
	put_text(w, "\r\n");
	w->column = 0;
	put_blanks(w, b, true);
}

static char last_byte(const struct field *w)
{
	return w->out->size > 0 ? w->out->data[w->out->size - 1] : '\0';
}

static void add_run(struct field *w, struct span s)
{
	/* Nothing waits for a place where nothing fits: it would be measured again and again. */
	if (w->is_full || !buf_add_span(&w->run, s)) {
		w->is_full = true;
	}
}

void field_begin(struct field *w, struct buf *out, const struct charset *charset,
		 struct span name)
{
	*w = (struct field){ .out = out, .charset = charset, .is_start = true };
	buf_init(&w->run, out->max);
	put(w, name);
	put_text(w, ":");
}

/* -- encoding -------------------------------------------------------------------------- */

/* What stands for itself in Q wherever an encoded-word may stand (RFC 2047 §5 (3)). */
static bool is_plain(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || (c != '\0' && strchr("!*+-/", c));
}

static size_t q_size(struct span s)
{
	size_t size = 0;

	for (size_t i = 0; i < s.size; i++) {
		size += is_plain(s.data[i]) || s.data[i] == ' ' ? 1 : 3;
	}
	return size;
}

static size_t b_size(size_t size)
{
	return (size + 2) / 3 * 4;
}

/* As many characters as fit into `room` columns with the frame around them. */
static size_t next_piece(const struct field *w, struct span text, size_t room, bool is_q)
{
	size_t frame = strlen(w->charset->name) + FRAME, size = 0, used = 0;

	room = room < WORD_MAX ? room : WORD_MAX;
	if (room < frame) {
		return 0;
	}
	room -= frame;
	while (size < text.size) {
		struct span rest = span_from(text, size);
		size_t step = charset_step(w->charset, rest);
		used = is_q ? used + q_size(span_first(rest, step)) : b_size(size + step);
		if (used > room) {
			break;
		}
		size += step;
	}
	return size;
}

static void put_q(struct field *w, struct span text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		char code[3] = { '=', hex[c >> 4], hex[c & 15] };
		if (c == ' ') {
			put_text(w, "_");
		} else if (is_plain((char)c)) {
			put(w, span_of(text.data + i, 1));
		} else {
			put(w, span_of(code, sizeof(code)));
		}
	}
}

static void put_word(struct field *w, struct span text, bool is_q)
{
	put_text(w, "=?");
	put_text(w, w->charset->name);
	put_text(w, is_q ? "?Q?" : "?B?");
	if (is_q) {
		put_q(w, text);
	} else {
		size_t before = w->out->size;
		if (!text_base64_add(w->out, text)) {
			w->is_full = true;
		}
		w->column += w->out->size - before;
	}
	put_text(w, "?=");
}

static size_t room(const struct field *w, size_t blanks)
{
	return w->column + blanks < COLUMN_MAX ? COLUMN_MAX - w->column - blanks : 0;
}

/* Writes the text that waits. */
static void flush(struct field *w)
{
	struct span text = buf_span(&w->run);
	/* A comment may begin with an encoded-word, nothing else. */
	bool needs_blank = last_byte(w) != '(';
	struct field_blanks *lead = &w->lead;

	if (text.size == 0) {
		return;
	}
	bool is_q = q_size(text) <= b_size(text.size);
	size_t here = room(w, lead->size + (needs_blank && lead->size == 0));
	size_t size = next_piece(w, text, here, is_q);
	bool is_poor = size == 0 || (!w->is_start && size < text.size && here < ROOM_MIN);
	if (is_poor) {
		fold(w, lead);
		size = next_piece(w, text, room(w, 0), is_q);
	} else {
		put_blanks(w, lead, needs_blank);
	}
	while (!w->is_full) {
		BUG_ON(size == 0);
		put_word(w, span_first(text, size), is_q);
		text = span_from(text, size);
		if (text.size == 0) {
			break;
		}
		fold(w, lead);
		size = next_piece(w, text, room(w, 0), is_q);
	}
	buf_reset(&w->run);
	w->is_start = w->may_break = false;
	w->after_ours = true;
}

/* -- tokens ---------------------------------------------------------------------------- */

void field_blank(struct field *w, struct span blanks)
{
	struct field_blanks *b = &w->gap;

	for (size_t i = 0; i < blanks.size && b->size < FIELD_BLANKS_MAX; i++) {
		b->at[b->size++] = blanks.data[i];
	}
}

size_t field_encoded_size(struct span text)
{
	/* Common mailers make them longer than they may be. */
	enum { SIZE_MAX_SEEN = 512 };
	size_t marks = 0;

	text = span_first(text, SIZE_MAX_SEEN);
	if (text.size < 2 || text.data[0] != '=' || text.data[1] != '?') {
		return 0;
	}
	for (size_t i = 1; i < text.size; i++) {
		if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
			return 0;
		}
		marks += text.data[i] == '?';
		if (marks == 4) {
			bool is_end = i + 1 < text.size && text.data[i + 1] == '=';
			return is_end ? i + 2 : 0;
		}
	}
	return 0;
}

/* Not the first byte of a character of UTF-8. */
static bool is_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* A token with no blank in a line: it is cut, between characters of UTF-8 at least. */
static void put_token(struct field *w, struct span token)
{
	while (w->column + token.size > FIELD_LINE_MAX) {
		size_t size = w->column < FIELD_LINE_MAX ? FIELD_LINE_MAX - w->column : 0;
		for (int i = 0; i < 3 && size > 1 && is_inside(token.data[size]); i++) {
			size--;
		}
		struct field_blanks none = { .size = 0 };
		put(w, span_first(token, size));
		token = span_from(token, size);
		fold(w, &none);
	}
	put(w, token);
}

static void add_plain(struct field *w, struct span token)
{
	bool is_encoded = token.size > 0 && field_encoded_size(token) == token.size;

	if (token.size == 0) {
		return;
	}
	if (w->run.size > 0) {
		if (is_encoded && w->gap.size > 0) {
			add_run(w, blanks_span(&w->gap));
			w->gap = (struct field_blanks){ .at = " ", .size = 1 };
		}
		flush(w);
	}
	if (w->after_ours && w->gap.size == 0 && token.data[0] != ')') {
		field_blank(w, span_str(" "));
	}
	bool can_fold = w->gap.size > 0 || w->may_break;
	size_t most = w->is_start ? FIELD_LINE_MAX : COLUMN_MAX;
	if (can_fold && w->column + w->gap.size + token.size > most) {
		fold(w, &w->gap);
	} else {
		put_blanks(w, &w->gap, false);
	}
	put_token(w, token);
	w->is_start = w->after_ours = w->may_break = false;
	w->after_theirs = is_encoded;
}

static bool is_raw(char c)
{
	return c == '\0' || (unsigned char)c >= 0x80;
}

static void add_escaped(struct field *w, struct span token, size_t raw)
{
	BUF_AUTO struct buf ascii;

	buf_init(&ascii, token.size + 2 * raw);
	for (size_t i = 0; i < token.size; i++) {
		unsigned char c = (unsigned char)token.data[i];
		BUG_ON(is_raw((char)c) ? !buf_printf(&ascii, "%c%02X", w->escape, c)
				       : !buf_add_byte(&ascii, (char)c));
	}
	add_plain(w, buf_span(&ascii));
}

void field_plain(struct field *w, struct span token)
{
	size_t raw = 0;

	for (size_t i = 0; w->escape && i < token.size; i++) {
		raw += is_raw(token.data[i]);
	}
	if (raw > 0) {
		add_escaped(w, token, raw);
	} else {
		add_plain(w, token);
	}
}

void field_text(struct field *w, struct span text)
{
	if (text.size == 0) {
		return;
	}
	if (w->run.size > 0) {
		add_run(w, blanks_span(&w->gap));
	} else if ((w->after_ours || w->after_theirs) && w->gap.size > 0) {
		add_run(w, blanks_span(&w->gap));
		w->lead = (struct field_blanks){ .at = " ", .size = 1 };
	} else {
		w->lead = w->gap;
	}
	w->gap.size = 0;
	add_run(w, text);
	w->after_theirs = false;
}

void field_may_break(struct field *w)
{
	w->may_break = w->run.size == 0;
}

bool field_end(struct field *w)
{
	flush(w);
	put_text(w, "\r\n");
	buf_clear(&w->run);
	return !w->is_full;
}
