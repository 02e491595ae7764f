/* SPDX-License-Identifier: ISC */
/*
 * repair_structured: RFC 5322 §3.2 tokens and §3.4 address lists, as far as encoded-words
 * may stand in them (RFC 2047 §5).  Must never change an addr-spec.  Comments nest without
 * recursion; every byte is looked at a bounded number of times.
 */
#include "mail/repair_part.h"

enum kind {
	TOKEN_BROKEN,	/* it is never closed */
	TOKEN_BLANK,
	TOKEN_COMMENT,
	TOKEN_QUOTED,
	TOKEN_ANGLE,
	TOKEN_SPECIAL,	/* , ; : */
	TOKEN_ATOM,
};

struct token {
	enum kind kind;
	struct span text;
};

/* A step over one character, or over a backslash with what it quotes. */
static size_t step(const struct charset *c, struct span s)
{
	if (s.data[0] != '\\' || s.size < 2) {
		return charset_step(c, s);
	}
	return 1 + charset_step(c, span_from(s, 1));
}

/* Size of what `open` at the front begins, with its end; 0 when it has none. */
static size_t closed_size(const struct charset *c, struct span s, char close)
{
	char open = s.data[0];
	size_t depth = 1;

	for (size_t i = 1; i < s.size; i += step(c, span_from(s, i))) {
		char byte = s.data[i];
		depth += open == '(' && byte == open;
		depth -= byte == close;
		if (depth == 0) {
			return i + 1;
		}
	}
	return 0;
}

/* The same for <…>, in which the local part can be quoted. */
static size_t angle_size(const struct charset *c, struct span s)
{
	bool in_quotes = false;

	for (size_t i = 1; i < s.size;) {
		char byte = s.data[i];
		in_quotes = in_quotes != (byte == '"');
		if (byte == '>' && !in_quotes) {
			return i + 1;
		}
		i += in_quotes ? step(c, span_from(s, i)) : 1;
	}
	return 0;
}

/* A domain literal, which may have colons in it. */
static size_t literal_size(struct span s)
{
	enum { LITERAL_MAX = 255 };

	s = span_first(s, LITERAL_MAX);
	for (size_t i = 1; i < s.size && s.data[i] > ' ' && !strchr("[<", s.data[i]); i++) {
		if (s.data[i] == ']') {
			return i + 1;
		}
	}
	return 1;
}

static size_t atom_size(const struct charset *c, struct span s)
{
	size_t i = 0;

	while (i < s.size && (s.data[i] == '\0' || !strchr(" \t(\"<,;:", s.data[i]))) {
		struct span rest = span_from(s, i);
		size_t word = field_encoded_size(rest);
		i += word > 0		   ? word
		     : s.data[i] == '[' ? literal_size(rest)
					: charset_step(c, rest);
	}
	return i < s.size ? i : s.size;
}

static struct token next(const struct charset *c, struct span s)
{
	enum kind kind = TOKEN_ATOM;
	size_t size = 0;

	switch (s.data[0]) {
	case ' ':
	case '\t':
		kind = TOKEN_BLANK;
		size = repair_blanks(s);
		break;
	case '(':
		kind = TOKEN_COMMENT;
		size = closed_size(c, s, ')');
		break;
	case '"':
		kind = TOKEN_QUOTED;
		size = closed_size(c, s, '"');
		break;
	case '<':
		kind = TOKEN_ANGLE;
		size = angle_size(c, s);
		break;
	case ',':
	case ';':
	case ':':
		kind = TOKEN_SPECIAL;
		size = 1;
		break;
	default:
		size = atom_size(c, s);
	}
	return (struct token){ size > 0 ? kind : TOKEN_BROKEN, span_first(s, size) };
}

/* Does a display name, or the name of a group, stand at the front? */
static bool begins_with_phrase(const struct charset *c, struct span s)
{
	while (s.size > 0) {
		struct token t = next(c, s);
		if (t.kind == TOKEN_ANGLE) {
			return true;
		}
		if (t.kind == TOKEN_SPECIAL) {
			return t.text.data[0] == ':';
		}
		if (t.kind == TOKEN_BROKEN) {
			break;
		}
		s = span_from(s, t.text.size);
	}
	return false;
}

/* Gives the text without backslashes to encode. */
static void add_unescaped(struct field *w, struct span s)
{
	BUF_AUTO struct buf text;

	buf_init(&text, s.size);
	for (size_t i = 0; i < s.size;) {
		i += s.data[i] == '\\' && i + 1 < s.size;
		struct span rest = span_from(s, i);
		size_t size = charset_step(w->charset, rest);
		BUG_ON(!buf_add_span(&text, span_first(rest, size)));
		i += size;
	}
	field_text(w, buf_span(&text));
}

/* What stands in a comment up to the next blank or parenthesis. */
static size_t ctext_size(const struct charset *c, struct span s)
{
	size_t i = 0;

	while (i < s.size && (s.data[i] == '\0' || !strchr(" \t()", s.data[i]))) {
		i += step(c, span_from(s, i));
	}
	return i < s.size ? i : s.size;
}

static void add_comment(struct field *w, struct span s)
{
	if (!repair_is_raw(s)) {
		repair_flow(w, s);
		return;
	}
	while (s.size > 0) {
		size_t blanks = repair_blanks(s);
		if (blanks > 0) {
			field_blank(w, span_first(s, blanks));
			s = span_from(s, blanks);
			continue;
		}
		size_t size = ctext_size(w->charset, s);
		struct span text = span_first(s, size > 0 ? size : 1);
		if (repair_is_raw(text)) {
			add_unescaped(w, text);
		} else {
			field_plain(w, text);
		}
		s = span_from(s, text.size);
	}
}

/* One token of a field; is_name: of a display name. */
static void add_token(struct field *w, const struct token *t, bool is_name)
{
	struct span s = t->text;
	bool is_raw = repair_is_raw(s);

	if (t->kind == TOKEN_BLANK) {
		field_blank(w, s);
	} else if (t->kind == TOKEN_COMMENT) {
		add_comment(w, s);
	} else if (t->kind == TOKEN_QUOTED && is_name && is_raw) {
		add_unescaped(w, span_of(s.data + 1, s.size - 2));
	} else if (t->kind == TOKEN_ATOM && is_name && is_raw) {
		field_text(w, s);
	} else if (t->kind == TOKEN_QUOTED) {
		repair_flow(w, s);
	} else {
		field_plain(w, s);
	}
	if (t->kind == TOKEN_SPECIAL && s.data[0] == ',') {
		field_may_break(w);
	}
}

static bool begins_with_name(const struct field *w, struct span s, enum repair_names names)
{
	return names == REPAIR_PHRASES ||
	       (names == REPAIR_DISPLAY_NAMES && begins_with_phrase(w->charset, s));
}

bool repair_structured(struct field *w, struct span value, enum repair_names names)
{
	bool is_name = begins_with_name(w, value, names);

	while (value.size > 0) {
		struct token t = next(w->charset, value);
		if (t.kind == TOKEN_BROKEN) {
			return false;
		}
		add_token(w, &t, is_name);
		value = span_from(value, t.text.size);
		if (t.kind == TOKEN_ANGLE) {
			/* No name stands behind the address; what does, stays. */
			is_name = false;
		} else if (t.kind == TOKEN_SPECIAL) {
			is_name = begins_with_name(w, value, names);
		}
	}
	return true;
}
