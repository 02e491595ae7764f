/* SPDX-License-Identifier: ISC */
/*
 * display: see display.h.  RFC 5322 §3.4, RFC 2047 §5.  Must never put out a line break, nor
 * an encoded-word that was cut.  One pass, nothing is read twice.
 */
#include "mail/display.h"
#include "base/text.h"
#include "mail/addr.h"
#include "mail/field.h"

/* One byte more shows that it was too long. */
enum { KEPT_MAX = DISPLAY_MAX + 1 };

/* Text on one line, with single blanks; what goes beyond KEPT_MAX is left out. */
struct line {
	char text[KEPT_MAX];
	size_t size;
	bool blank;		/* since the last byte */
};

static void add_byte(struct line *l, char c)
{
	if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
		l->blank = true;
		return;
	}
	if (l->blank && l->size > 0 && l->size < KEPT_MAX) {
		l->text[l->size++] = ' ';
	}
	l->blank = false;
	if (l->size < KEPT_MAX) {
		l->text[l->size++] = (unsigned char)c < ' ' || c == 0x7f ? '?' : c;
	}
}

static bool is_inside(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The place to cut a text that is too long: a whole word, or at least a whole character. */
static size_t cut(const struct line *l)
{
	size_t size = DISPLAY_MAX;
	const char *blank = memrchr(l->text, ' ', size);

	if (blank) {
		return (size_t)(blank - l->text);
	}
	while (size > DISPLAY_MAX - 4 && is_inside(l->text[size])) {
		size--;
	}
	return size;
}

static bool put(struct line *l, struct buf *to)
{
	size_t size = l->size > DISPLAY_MAX ? cut(l) : l->size;

	if (text_is_utf8(span_of(l->text, size))) {
		text_sanitise(l->text, size);
	}
	return buf_add(to, l->text, size);
}

bool display_read_text(struct span value, struct buf *to)
{
	struct line all = { .size = 0 };

	for (size_t i = 0; i < value.size; i++) {
		add_byte(&all, value.data[i]);
	}
	return put(&all, to);
}

/* -- the name of one address ----------------------------------------------------------- */

struct reader {
	struct span s;
	size_t at;
	struct line phrase, comment;
	bool has_comment, in_angle, is_found;
};

/*
 * What stands between quotes or parentheses, the first of which is at the next byte, goes to
 * *l, when that is not NULL.
 */
static void read_inner(struct reader *r, char close, struct line *l)
{
	size_t depth = 1;
	struct line unwanted = { .size = KEPT_MAX };

	l = l ? l : &unwanted;
	for (r->at++; r->at < r->s.size; r->at++) {
		char c = r->s.data[r->at];
		bool is_quoted = c == '\\' && r->at + 1 < r->s.size;
		if (is_quoted) {
			c = r->s.data[++r->at];
		}
		depth += !is_quoted && close == ')' && c == '(';
		depth -= !is_quoted && c == close;
		if (depth == 0) {
			r->at++;
			return;
		}
		add_byte(l, c);
	}
}

static void read_comment(struct reader *r)
{
	bool is_first = r->comment.size == 0;

	read_inner(r, ')', is_first ? &r->comment : NULL);
}

static void forget(struct reader *r)
{
	r->phrase = r->comment = (struct line){ .size = 0 };
}

/* The next piece outside of quotes and comments.  False where the address ends. */
static bool read_piece(struct reader *r)
{
	char c = r->s.data[r->at];
	bool is_name = !r->is_found && !r->in_angle;
	size_t word = field_encoded_size(span_from(r->s, r->at));

	if (c == '(') {
		read_comment(r);
		return true;
	}
	if (c == '"') {
		read_inner(r, '"', is_name ? &r->phrase : NULL);
		return true;
	}
	if (word == 0 && (c == ',' || c == ';' || c == ':') && !r->in_angle) {
		if (r->is_found) {
			return false;
		}
		forget(r);
	} else if (c == '<' || c == '>') {
		r->in_angle = c == '<';
	} else if (is_name) {
		for (size_t i = 0; i < (word ? word : 1); i++) {
			add_byte(&r->phrase, r->s.data[r->at + i]);
		}
	}
	r->at += word ? word : 1;
	return true;
}

bool display_read(struct span value, struct span where, struct buf *to)
{
	struct reader r = { .s = value };
	size_t start = (size_t)(where.data - value.data);

	while (r.at < value.size) {
		if (r.at == start && !r.is_found) {
			r.is_found = true;
			r.at += where.size;
			/* What stands before an address without brackets is no name. */
			if (!r.in_angle && where.size > 0) {
				r.phrase.size = 0;
			}
		} else if (!read_piece(&r)) {
			break;
		}
	}
	return put(r.phrase.size > 0 ? &r.phrase : &r.comment, to);
}

/* -- writing --------------------------------------------------------------------------- */

/* An encoded-word that may stand in a phrase (RFC 2047 §5 (3)). */
static bool is_encoded_word(struct span token)
{
	if (token.size == 0 || field_encoded_size(token) != token.size) {
		return false;
	}
	for (size_t i = 0; i < token.size; i++) {
		if (strchr("()<>[]:;@\\,.\"", token.data[i])) {
			return false;
		}
	}
	return true;
}

/* The text up to the next blank. */
static struct span next_token(struct span s)
{
	const char *blank = s.size ? memchr(s.data, ' ', s.size) : NULL;

	return span_first(s, blank ? (size_t)(blank - s.data) : s.size);
}

bool display_is_encoded(struct span text)
{
	while (text.size > 0) {
		struct span token = next_token(text);
		if (is_encoded_word(token)) {
			return true;
		}
		text = span_from(text, token.size + 1);
	}
	return false;
}

static bool add_plain(struct buf *to, struct span text)
{
	bool ok = true;

	if (text_is_ascii(text)) {
		return addr_add_phrase(to, text);
	}
	ok = buf_add_byte(to, '"');
	for (size_t i = 0; i < text.size; i++) {
		char c = text.data[i];
		ok = ok && ((c != '"' && c != '\\') || buf_add_byte(to, '\\')) &&
		     buf_add_byte(to, c);
	}
	return ok && buf_add_byte(to, '"');
}

bool display_add(struct buf *to, struct span text)
{
	bool is_first = true;

	while (text.size > 0) {
		struct span token = next_token(text);
		bool is_encoded = is_encoded_word(token);
		size_t size = token.size;
		/* Plain words in a row are one piece. */
		while (!is_encoded && size < text.size) {
			struct span more = next_token(span_from(text, size + 1));
			if (is_encoded_word(more)) {
				break;
			}
			size += 1 + more.size;
		}
		struct span piece = span_trim(span_first(text, size));
		if (piece.size > 0) {
			if ((!is_first && !buf_add_byte(to, ' ')) ||
			    !(is_encoded ? buf_add_span(to, piece) : add_plain(to, piece))) {
				return false;
			}
			is_first = false;
		}
		text = span_from(text, size + 1);
	}
	return true;
}
