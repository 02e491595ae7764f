/* SPDX-License-Identifier: ISC */
/*
 * mime_code: base64 in lines of 76, and encoded text whose lines are too long.  What is put
 * out depends on all bytes that came before, never on how they were cut.
 */
#include "mail/mime_code.h"
#include "base/text.h"
#include "mail/field.h"

enum { COLUMN_MAX = 76 };

void mime_code_init(struct mime_code *c, enum mime_coding coding)
{
	*c = (struct mime_code){ .coding = coding };
}

/* -- base64 -------------------------------------------------------------------------- */

static bool base64_line(struct mime_code *c, struct span line, struct buf *out)
{
	bool first = !c->has_line;

	c->has_line = true;
	return (first || buf_add_str(out, "\r\n")) && text_base64_add(out, line);
}

static bool base64_feed(struct mime_code *c, struct span in, struct buf *out)
{
	while (in.size > 0) {
		struct span part = span_first(in, MIME_CODE_LINE - c->held_size);
		memcpy(c->held + c->held_size, part.data, part.size);
		c->held_size += part.size;
		in = span_from(in, part.size);
		if (c->held_size == MIME_CODE_LINE) {
			c->held_size = 0;
			if (!base64_line(c, span_of(c->held, MIME_CODE_LINE), out)) {
				return false;
			}
		}
	}
	return true;
}

static bool base64_end(struct mime_code *c, struct buf *out)
{
	size_t size = c->held_size;

	c->held_size = 0;
	return size == 0 || base64_line(c, span_of(c->held, size), out);
}

/*
 * Readers skip what is not of the alphabet: other bytes and line ends can go, and "-" must:
 * behind a new line break it could begin a boundary.
 */
static bool again_base64(struct mime_code *c, struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.size; i++) {
		char byte = in.data[i];
		if (byte <= ' ' || byte >= 0x7f || byte == '-') {
			continue;
		}
		if (c->column == COLUMN_MAX) {
			c->column = 0;
			if (!buf_add_str(out, "\r\n")) {
				return false;
			}
		}
		c->column++;
		if (!buf_add_byte(out, byte)) {
			return false;
		}
	}
	return true;
}

/* -- quoted-printable ---------------------------------------------------------------- */

static bool is_hex(char c)
{
	return text_is_digit(c) || (text_lower(c) >= 'a' && text_lower(c) <= 'f');
}

/* Something that no line break may cut. */
static bool put(struct mime_code *c, struct span s, struct buf *out)
{
	if (c->column + s.size >= COLUMN_MAX) {
		c->column = 0;
		if (!buf_add_str(out, "=\r\n")) {
			return false;
		}
		/* It stood within a line, where it was no boundary. */
		s = span_equal(s, span_str("-")) ? span_str("=2D") : s;
	}
	c->column += s.size;
	return buf_add_span(out, s);
}

static bool put_byte(struct mime_code *c, char byte, struct buf *out)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char v = (unsigned char)byte;
	char code[3] = { '=', hex[v >> 4], hex[v & 15] };
	bool is_raw = v == '\0' || v >= 0x7f;

	return put(c, is_raw ? span_of(code, sizeof(code)) : span_of(&byte, 1), out);
}

/*
 * An '=' that turned out to begin no code, and what was read behind it.  Readers take it for
 * itself, but not before a code; before blanks it can be a soft line break.
 */
static bool put_held(struct mime_code *c, bool before_blank, struct buf *out)
{
	size_t size = c->held_size;

	c->held_size = 0;
	if (size == 0) {
		return true;
	}
	if (!put(c, span_str(size == 1 && before_blank ? "=" : "=3D"), out)) {
		return false;
	}
	return size == 1 || put_byte(c, c->held[1], out);
}

/* `=` before a line end: a soft line break stays one. */
static bool end_quoted_line(struct mime_code *c, struct buf *out)
{
	bool is_soft = c->held_size == 1;

	if (is_soft) {
		c->held_size = 0;
	}
	if (!put_held(c, false, out)) {
		return false;
	}
	c->column = 0;
	return buf_add_str(out, is_soft ? "=\r\n" : "\r\n");
}

static bool take_quoted(struct mime_code *c, char byte, struct buf *out)
{
	if (c->held_size > 0 && is_hex(byte)) {
		c->held[c->held_size++] = byte;
		if (c->held_size < 3) {
			return true;
		}
		c->held_size = 0;
		return put(c, span_of(c->held, 3), out);
	}
	if (!put_held(c, byte == ' ' || byte == '\t', out)) {
		return false;
	}
	if (byte == '=') {
		c->held[0] = byte;
		c->held_size = 1;
		return true;
	}
	return put_byte(c, byte, out);
}

static bool again_quoted(struct mime_code *c, struct span in, struct buf *out)
{
	for (size_t i = 0; i < in.size; i++) {
		char byte = in.data[i];
		bool is_end = c->had_cr && byte == '\n';
		c->had_cr = byte == '\r';
		if (is_end ? !end_quoted_line(c, out)
			   : !c->had_cr && !take_quoted(c, byte, out)) {
			return false;
		}
	}
	return true;
}

/* -- text that nobody reads ---------------------------------------------------------- */

static bool unread(struct mime_code *c, struct span in, bool is_7bit, struct buf *out)
{
	for (size_t i = 0; i < in.size; i++) {
		char byte = in.data[i];
		bool is_end = byte == '\r' || byte == '\n';
		if (!is_end && c->column == FIELD_LINE_MAX) {
			/* The blank: what comes was no boundary, and must not become one. */
			c->column = strlen(" ");
			if (!buf_add_str(out, "\r\n ")) {
				return false;
			}
		}
		c->column = is_end ? 0 : c->column + 1;
		bool is_bad = byte == '\0' || (is_7bit && (unsigned char)byte >= 0x80);
		if (!buf_add_byte(out, is_bad ? '?' : byte)) {
			return false;
		}
	}
	return true;
}

/* -- all ----------------------------------------------------------------------------- */

bool mime_code_feed(struct mime_code *c, struct span in, struct buf *out)
{
	switch (c->coding) {
	case MIME_TO_QUOTED:
		return qp_feed(&c->qp, in, out);
	case MIME_TO_BASE64:
		return base64_feed(c, in, out);
	case MIME_AGAIN_QUOTED:
		return again_quoted(c, in, out);
	case MIME_AGAIN_BASE64:
		return again_base64(c, in, out);
	case MIME_UNREAD:
	case MIME_UNREAD_7BIT:
		return unread(c, in, c->coding == MIME_UNREAD_7BIT, out);
	case MIME_AS_IS:
	case MIME_CODING_COUNT:
		break;
	}
	return buf_add_span(out, in);
}

bool mime_code_end(struct mime_code *c, struct buf *out)
{
	switch (c->coding) {
	case MIME_TO_QUOTED:
		return qp_end(&c->qp, out);
	case MIME_TO_BASE64:
		return base64_end(c, out);
	case MIME_AGAIN_QUOTED:
		return put_held(c, true, out);
	case MIME_AS_IS:
	case MIME_AGAIN_BASE64:
	case MIME_UNREAD:
	case MIME_UNREAD_7BIT:
	case MIME_CODING_COUNT:
		break;
	}
	return true;
}

bool mime_code_is_open(const struct mime_code *c)
{
	return c->has_line || c->column > 0 || c->qp.column > 0;
}
