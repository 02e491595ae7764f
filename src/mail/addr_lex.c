/* SPDX-License-Identifier: ISC */
/*
 * addr_lex: the small pieces of address text: blanks, folding, comments, quoted strings
 * (RFC 5322 §3.2), and the words for what is wrong.  Comments nest without recursion.
 * NUL and line breaks outside folding are refused in every piece.
 */
#include "mail/addr_lex.h"
#include "base/text.h"
#include "mail/addr_syntax.h"

/* The next byte, or NUL at the end (a NUL in the text is refused wherever it stands). */
char addr_peek(const struct addr_parser *p)
{
	return p->at < p->text.size ? p->text.data[p->at] : '\0';
}

bool addr_at_end(const struct addr_parser *p)
{
	return p->at >= p->text.size;
}

bool addr_fail(struct addr_parser *p, const char *what)
{
	enum { QUOTE_MAX = 100 };
	struct span rest = span_from(p->text, p->at), element;
	const char *comma = rest.size ? memchr(rest.data, ',', rest.size) : NULL;
	size_t end = comma ? (size_t)(comma - p->text.data) : p->text.size;

	element = span_trim(span_from(span_first(p->text, end), p->element));
	const char *more = element.size > QUOTE_MAX ? "..." : "";
	element = span_first(element, QUOTE_MAX);
	return err_set(p->e, CAUSE_DATA, "address \"%.*s%s\": %s", SPAN_ARG(element), more,
		       what);
}

/* What stands at p->at has no place there. */
bool addr_fail_here(struct addr_parser *p)
{
	char c = addr_peek(p), what[] = "unexpected \"?\"";

	if (addr_at_end(p)) {
		return addr_fail(p, "the address is not complete");
	}
	if (c == '\r' || c == '\n') {
		return addr_fail(p, "a line break in it");
	}
	if ((unsigned char)c < ' ' || c == 0x7f) {
		return addr_fail(p, "a control character in it");
	}
	if (p->at > p->element && strchr(" \t\n)>\"", p->text.data[p->at - 1]) &&
	    (addr_is_atext(c) || c == '"')) {
		return addr_fail(p, "two words in it: is a comma missing?");
	}
	if (c == ';') {
		return addr_fail(p, "\";\" does not separate addresses, \",\" does");
	}
	what[sizeof(what) - 3] = c;
	return addr_fail(p, what);
}

/* A CR is only ever the start of folding: CRLF and a blank. */
bool addr_skip_fold(struct addr_parser *p)
{
	struct span rest = span_from(p->text, p->at);

	if (rest.size < 3 || rest.data[1] != '\n' ||
	    (rest.data[2] != ' ' && rest.data[2] != '\t')) {
		return addr_fail(p, "a line break in it");
	}
	p->at += 2;
	return true;
}

/*
 * One byte inside a comment or a quoted string.  After a backslash it is the byte behind
 * it; then *ret_is_plain is false.
 */
static bool inner_byte(struct addr_parser *p, char close, char *ret_byte,
		       bool *ret_is_plain)
{
	char c;

	*ret_is_plain = addr_peek(p) != '\\';
	p->at += !*ret_is_plain;
	if (addr_at_end(p)) {
		return addr_fail(p, close == ')' ? "no closing \")\"" : "no closing quote");
	}
	c = addr_peek(p);
	if (c == '\0' || c == '\n' || (c == '\r' && !*ret_is_plain)) {
		return addr_fail_here(p);
	}
	if (c == '\r' && !addr_skip_fold(p)) {
		return false;
	}
	*ret_byte = addr_peek(p);
	p->at++;
	return true;
}

static bool skip_comment(struct addr_parser *p)
{
	size_t depth = 0;

	do {
		char c = '\0';
		bool is_plain = false;
		if (!inner_byte(p, ')', &c, &is_plain)) {
			return false;
		}
		depth += is_plain && c == '(';
		depth -= is_plain && c == ')';
	} while (depth > 0);
	return true;
}

/* Blanks, folding and comments. */
bool addr_skip_cfws(struct addr_parser *p)
{
	for (;;) {
		char c = addr_peek(p);
		if (c == ' ' || c == '\t') {
			p->at++;
		} else if (c == '\r' || c == '(') {
			if (c == '\r' ? !addr_skip_fold(p) : !skip_comment(p)) {
				return false;
			}
		} else {
			return true;
		}
	}
}

/* A quoted string; what it means is added to *to when that is not NULL. */
bool addr_read_quoted(struct addr_parser *p, struct buf *to)
{
	p->at++;
	for (;;) {
		char c = '\0';
		bool is_plain = false;
		if (!inner_byte(p, '"', &c, &is_plain)) {
			return false;
		}
		if (is_plain && c == '"') {
			return true;
		}
		if (to && ((unsigned char)c < ' ' || c == 0x7f)) {
			return addr_fail(p, "a control character in it");
		}
		if (to && !buf_add_byte(to, c)) {
			return addr_fail(p, "it is too long");
		}
	}
}

/*
 * Size of the RFC 2047 encoded-word at p->at, or 0.  As one word, because common
 * mailers leave commas and the like in it.
 */
size_t addr_encoded_word(const struct addr_parser *p)
{
	enum { WORD_MAX = 200 };
	struct span s = span_first(span_from(p->text, p->at), WORD_MAX);
	unsigned marks = 0;

	for (size_t i = 1; i < s.size && s.data[i] > ' '; i++) {
		marks += s.data[i] == '?';
		if (marks == 4) {
			bool is_end = i + 1 < s.size && s.data[i + 1] == '=';
			return is_end && s.data[1] == '?' ? i + 2 : 0;
		}
	}
	return 0;
}

/* Size of a [domain literal] at p->at, or 1: then the bracket stands for itself. */
size_t addr_bracket(const struct addr_parser *p)
{
	struct span s = span_from(p->text, p->at);

	for (size_t i = 1; i < s.size; i++) {
		if (s.data[i] == ']') {
			return i + 1;
		}
		if (s.data[i] == '\0' || strchr("[<>,;\"\r\n", s.data[i])) {
			break;
		}
	}
	return 1;
}
