/* SPDX-License-Identifier: ISC */
/*
 * addr_spec: one address without its name: local part and domain (RFC 5322 §3.4.1, §4.4;
 * RFC 5321 §4.1.3), made ready for the envelope.  More liberal than the RFC where real
 * mail is: dots anywhere in a local part, a dot after the domain, "_" in a domain, a
 * local part longer than 64 bytes (reply addresses of web sites).  Never adds what
 * addr_is_safe refuses.
 */
#include "base/mem.h"
#include "mail/addr_lex.h"
#include "mail/addr_syntax.h"

/* What is above 127 must be text that people can see. */
static bool check_characters(struct addr_parser *p, size_t start)
{
	size_t i = start;

	while (i < p->at) {
		struct span rest = span_of(p->text.data + i, p->at - i);
		struct addr_character c = addr_character(rest);
		if ((unsigned char)rest.data[0] >= 0x80 && c.wrong != ADDR_FINE &&
		    c.wrong != ADDR_WIDE_AT) {
			return addr_fail(p, c.wrong, i);
		}
		i += c.size;
	}
	return true;
}

/* -- before the "@" ------------------------------------------------------------------ */

static bool no_local(struct addr_parser *p, bool had_dot)
{
	char c = addr_peek(p);
	bool is_end = c == '@' || addr_at_end(p) || (c != '\0' && strchr(",;>", c));

	return addr_fail_here(p, !is_end   ? ADDR_LOCAL_CHARACTER
				 : had_dot ? ADDR_LOCAL_DOTS
					   : ADDR_LOCAL_EMPTY);
}

/* Two words without a dot between them. */
static bool two_words(struct addr_parser *p)
{
	return addr_fail(p,
			 !addr_after_blank(p)	    ? ADDR_LOCAL_QUOTES
			 : p->angle != ADDR_NOWHERE ? ADDR_ANGLE_WORDS
						    : ADDR_WORDS,
			 p->at);
}

/* The atom, quoted string or dot at the next byte; none: it stays where it is. */
static bool read_word(struct addr_parser *p)
{
	size_t start = p->at;

	if (addr_peek(p) == '"') {
		return addr_read_quoted(p, &p->local) && check_characters(p, start);
	}
	p->at += addr_peek(p) == '.';
	while (p->text.data[start] != '.' && !addr_at_end(p) &&
	       addr_is_atext(addr_peek(p))) {
		p->at++;
	}
	return (buf_add(&p->local, p->text.data + start, p->at - start) ||
		addr_fail(p, ADDR_LONG, p->spec_start)) &&
	       check_characters(p, start);
}

/* Words and dots up to something else.  p->spec_end is then the end of the last. */
static bool read_local(struct addr_parser *p)
{
	bool after_word = false, had_word = false;

	buf_reset(&p->local);
	while (addr_skip_cfws(p)) {
		size_t start = p->at;
		bool is_dot = addr_peek(p) == '.';
		bool is_word = addr_peek(p) == '"' ||
			       (!addr_at_end(p) && addr_is_atext(addr_peek(p)));
		if (!is_word && !is_dot) {
			return had_word || no_local(p, start > p->spec_start);
		}
		if (after_word && is_word) {
			return two_words(p);
		}
		if (!read_word(p)) {
			return false;
		}
		after_word = is_word;
		had_word = had_word || is_word;
		p->spec_end = p->at;
	}
	return false;
}

/* -- behind it ----------------------------------------------------------------------- */

/* Where byte `at` of the literal that begins at start stands: blanks are not in it. */
static size_t literal_place(const struct addr_parser *p, size_t start, size_t at)
{
	size_t i = start;

	while (memchr(" \t\r\n", p->text.data[i], 4) || at-- > 0) {
		i++;
	}
	return i;
}

static bool read_literal(struct addr_parser *p)
{
	size_t start = p->at, at = 0;

	do {
		char c = addr_peek(p);
		if (addr_at_end(p) || (c != '\0' && strchr(",;<>\"", c))) {
			return addr_fail(p, ADDR_LITERAL_OPEN, start);
		}
		if (c == '\r' && !addr_skip_fold(p)) {
			return false;
		}
		if (c == '\0' || c == '\n') {
			return addr_fail_here(p, ADDR_LITERAL_CHARACTER);
		}
		c = addr_peek(p);
		if (c != ' ' && c != '\t' && !buf_add_byte(&p->domain, c)) {
			return addr_fail(p, ADDR_LONG, p->spec_start);
		}
		p->at++;
	} while (p->text.data[p->at - 1] != ']');
	p->spec_end = p->at;
	enum addr_wrong wrong = addr_check_literal(buf_span(&p->domain), &at);
	if (wrong == ADDR_FINE) {
		return true;
	}
	p->at = literal_place(p, start, at);
	return addr_fail_here(p, wrong);
}

/* No label stands where one must. */
static bool no_label(struct addr_parser *p, size_t sign)
{
	char c = addr_peek(p);
	bool is_end = addr_at_end(p) || (c != '\0' && strchr(",;>", c));

	if (is_end) {
		return addr_fail(p, ADDR_DOMAIN_EMPTY, sign);
	}
	return addr_fail_here(p, c == '.'   ? ADDR_DOMAIN_DOT_FIRST
				 : c == '@' ? ADDR_AT_TWICE
				 : c == '"' ? ADDR_DOMAIN_QUOTED
					    : ADDR_DOMAIN_CHARACTER);
}

/* The label at the next byte, with the dot before it. */
static bool read_label(struct addr_parser *p, bool after_dot)
{
	size_t start = p->at, at;

	while (!addr_at_end(p) && addr_is_label(addr_peek(p))) {
		p->at++;
	}
	struct span label = span_of(p->text.data + start, p->at - start);
	if (!check_characters(p, start)) {
		return false;
	}
	if ((after_dot && !buf_add_byte(&p->domain, '.')) ||
	    !buf_add_span(&p->domain, label)) {
		return addr_fail(p, ADDR_LONG, p->spec_start);
	}
	enum addr_wrong wrong = addr_check_domain(label, &at);
	return wrong != ADDR_LABEL_LONG || addr_fail(p, wrong, start);
}

static bool check_length(struct addr_parser *p, size_t start)
{
	size_t at;

	return addr_check_domain(buf_span(&p->domain), &at) != ADDR_DOMAIN_LONG ||
	       addr_fail(p, ADDR_DOMAIN_LONG, start);
}

bool addr_read_domain(struct addr_parser *p)
{
	size_t sign = p->at - 1, start = p->at;
	bool after_dot = false;

	buf_reset(&p->domain);
	while (addr_skip_cfws(p)) {
		if (p->domain.size == 0 && addr_peek(p) == '[') {
			return read_literal(p);
		}
		bool is_label = !addr_at_end(p) && addr_is_label(addr_peek(p));
		if (!is_label && addr_peek(p) == '.' && after_dot) {
			return addr_fail(p, ADDR_DOMAIN_DOTS, p->at);
		}
		if (!is_label) {
			return after_dot ? check_length(p, start) : no_label(p, sign);
		}
		start = p->domain.size == 0 ? p->at : start;
		if (!read_label(p, after_dot)) {
			return false;
		}
		p->spec_end = p->at;
		if (!addr_skip_cfws(p)) {
			return false;
		}
		if (addr_peek(p) != '.') {
			return check_length(p, start);
		}
		p->spec_end = ++p->at;
		after_dot = true;
	}
	return false;
}

/* -- both ---------------------------------------------------------------------------- */

bool addr_add(struct addr_parser *p, const char *spec, size_t start, size_t end)
{
	struct err full;

	if (!addr_list_add(p->list, spec, &full)) {
		return addr_fail(p, ADDR_LIST_LONG, start);
	}
	p->list->at[p->list->count - 1].where =
		span_of(p->text.data + start, end - start);
	return true;
}

bool addr_add_spec(struct addr_parser *p)
{
	struct buf spec BUF_AUTO;
	bool fits = true;

	buf_init(&spec, ADDR_MAX);
	if (addr_is_dot_atom(buf_span(&p->local))) {
		fits = buf_add_span(&spec, buf_span(&p->local));
	} else {
		fits = buf_add_byte(&spec, '"');
		for (size_t i = 0; i < p->local.size; i++) {
			char c = p->local.data[i];
			bool escape = c == '"' || c == '\\';
			fits = fits && (!escape || buf_add_byte(&spec, '\\')) &&
			       buf_add_byte(&spec, c);
		}
		fits = fits && buf_add_byte(&spec, '"');
	}
	if (p->domain.size > 0) {
		fits = fits && buf_add_byte(&spec, '@') &&
		       buf_add_span(&spec, buf_span(&p->domain));
	}
	if (!fits) {
		return addr_fail(p, ADDR_LONG, p->spec_start);
	}
	/* All that was read was looked at; what a mistake here would cost is too much. */
	if (!addr_is_safe(buf_span(&spec))) {
		return addr_fail(p, ADDR_LOCAL_CHARACTER, p->spec_start);
	}
	return addr_add(p, spec.data, p->spec_start, p->spec_end);
}

bool addr_read_spec(struct addr_parser *p)
{
	size_t at = 0;

	p->spec_start = p->spec_end = p->at;
	buf_reset(&p->domain);
	if (!read_local(p)) {
		return false;
	}
	if (addr_peek(p) == '@') {
		p->at++;
		if (!addr_read_domain(p)) {
			return false;
		}
	} else if (addr_has_wide_at(buf_span(&p->local), &at)) {
		struct span read = span_of(p->text.data + p->spec_start,
					   p->spec_end - p->spec_start);
		return addr_fail(p, ADDR_WIDE_AT,
				 addr_has_wide_at(read, &at) ? p->spec_start + at
							     : p->spec_start);
	}
	return addr_skip_cfws(p);
}
