/* SPDX-License-Identifier: ISC */
/*
 * addr_lex: the small pieces of address text: blanks, folding, comments, quoted strings
 * (RFC 5322 §3.2).  Comments nest without recursion.  NUL and line breaks outside folding
 * are refused in every piece.
 */
#include "mail/addr_lex.h"
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

bool addr_after_blank(const struct addr_parser *p)
{
	return p->at > 0 && memchr(" \t\n)", p->text.data[p->at - 1], 4);
}

bool addr_fail(struct addr_parser *p, enum addr_wrong wrong, size_t at)
{
	*p->fault = (struct addr_fault){wrong, at, p->element < at ? p->element : at};
	return false;
}

bool addr_fail_here(struct addr_parser *p, enum addr_wrong wrong)
{
	char c = addr_peek(p);

	if (!addr_at_end(p)) {
		struct addr_character here = addr_character(span_from(p->text, p->at));
		bool is_bad = here.wrong != ADDR_FINE && here.wrong != ADDR_WIDE_AT;
		wrong = c == '\r' || c == '\n' ? ADDR_LINE_BREAK
			: is_bad	       ? here.wrong
			: c == '\\'	       ? ADDR_LOCAL_BACKSLASH
					       : wrong;
	}
	return addr_fail(p, wrong, p->at);
}

/* A CR is only ever the start of folding: CRLF and a blank. */
bool addr_skip_fold(struct addr_parser *p)
{
	struct span rest = span_from(p->text, p->at);

	if (rest.size < 3 || rest.data[1] != '\n' ||
	    (rest.data[2] != ' ' && rest.data[2] != '\t')) {
		return addr_fail(p, ADDR_LINE_BREAK, p->at);
	}
	p->at += 2;
	return true;
}

/* A comment or a quoted string that is being read. */
struct inside {
	size_t start; /* what opened it */
	char close;
	size_t escaped; /* a backslash before what would have closed it */
};

static bool fail_open(struct addr_parser *p, const struct inside *in)
{
	if (in->escaped != ADDR_NOWHERE) {
		return addr_fail(p, ADDR_CLOSE_ESCAPED, in->escaped);
	}
	return addr_fail(p, in->close == ')' ? ADDR_COMMENT_OPEN : ADDR_QUOTE_OPEN,
			 in->start);
}

/*
 * One byte inside.  After a backslash it is the byte behind it; then *ret_is_plain is
 * false.
 */
static bool inner_byte(struct addr_parser *p, struct inside *in, char *ret_byte,
		       bool *ret_is_plain)
{
	char c;

	*ret_is_plain = addr_peek(p) != '\\';
	p->at += !*ret_is_plain;
	if (addr_at_end(p)) {
		return *ret_is_plain ? fail_open(p, in)
				     : addr_fail(p, ADDR_BACKSLASH_LAST, p->at - 1);
	}
	c = addr_peek(p);
	if (c == '\0' || c == '\n' || (c == '\r' && !*ret_is_plain)) {
		return addr_fail_here(p, ADDR_LINE_BREAK);
	}
	if (c == '\r' && !addr_skip_fold(p)) {
		return false;
	}
	if (!*ret_is_plain && c == in->close) {
		in->escaped = p->at - 1;
	}
	*ret_byte = addr_peek(p);
	p->at++;
	return true;
}

static bool skip_comment(struct addr_parser *p)
{
	struct inside in = {p->at, ')', ADDR_NOWHERE};
	size_t depth = 0;

	do {
		char c = '\0';
		bool is_plain = false;
		if (!inner_byte(p, &in, &c, &is_plain)) {
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
	struct inside in = {p->at, '"', ADDR_NOWHERE};

	p->at++;
	for (;;) {
		char c = '\0';
		bool is_plain = false;
		if (!inner_byte(p, &in, &c, &is_plain)) {
			return false;
		}
		if (is_plain && c == '"') {
			return true;
		}
		if (to && ((unsigned char)c < ' ' || c == 0x7f)) {
			return addr_fail(p, ADDR_CONTROL, p->at - 1);
		}
		if (to && !buf_add_byte(to, c)) {
			return addr_fail(p, ADDR_LONG, p->spec_start);
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

	if (s.size < 2 || s.data[1] != '?') {
		return 0;
	}
	for (size_t i = 1; i < s.size && s.data[i] > ' '; i++) {
		marks += s.data[i] == '?';
		if (marks == 4) {
			bool is_end = i + 1 < s.size && s.data[i + 1] == '=';
			return is_end ? i + 2 : 0;
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
