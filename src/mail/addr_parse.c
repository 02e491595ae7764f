/* SPDX-License-Identifier: ISC */
/*
 * addr_parse: text → addresses: RFC 5322 §3.4 with its obsolete forms (§4.4).
 *
 * Each element of a list is read twice: scan_phrase finds what ends it (a comma, or the
 * '<' or ':' that tell that all before was a name), then the address itself is read.
 * No recursion and no second look further than that, so time is linear in the text.
 * More liberal than the RFC where real mail is: nested groups, a group that is not
 * closed, dots and brackets and one '@' in a display name, dots anywhere in a local
 * part, a dot after the domain.  Never accepts what addr_is_safe does not.
 */
#include "mail/addr_lex.h"
#include "base/mem.h"
#include "mail/addr_syntax.h"

/* Goes on to what ends a name or an address: , ; : < or the end. */
static bool scan_phrase(struct addr_parser *p)
{
	size_t ats = 0;

	while (addr_skip_cfws(p)) {
		char c = addr_peek(p);
		if (addr_at_end(p) || c == ',' || c == ';') {
			return true;
		}
		if (c == '<' || c == ':') {
			/* `a@b.example <a@b.example>` is common; more is not a name. */
			return ats <= (c == '<') || addr_fail_here(p);
		}
		if (c == '"') {
			if (!addr_read_quoted(p, NULL)) {
				return false;
			}
		} else if (c == '>' || c == ')' || c == '\n' || c == '\0') {
			return addr_fail_here(p);
		} else {
			size_t word = c == '=' ? addr_encoded_word(p)
				    : c == '[' ? addr_bracket(p)
					       : 1;
			ats += c == '@';
			p->at += word ? word : 1;
		}
	}
	return false;
}

static bool no_local(struct addr_parser *p)
{
	return addr_peek(p) == '@' ? addr_fail(p, "nothing before the \"@\"")
				   : addr_fail_here(p);
}

/* Words and dots up to something else.  p->spec_end is then the end of the last. */
static bool read_local(struct addr_parser *p)
{
	bool after_word = false, had_word = false;

	buf_reset(&p->local);
	while (addr_skip_cfws(p)) {
		size_t start = p->at;
		if (addr_peek(p) == '.') {
			p->at++;
		} else if (addr_peek(p) == '"' && !after_word) {
			if (!addr_read_quoted(p, &p->local)) {
				return false;
			}
		} else {
			while (!addr_at_end(p) && addr_is_atext(addr_peek(p))) {
				p->at++;
			}
			if (p->at == start) {
				return had_word || no_local(p);
			}
			if (after_word) {
				p->at = start;
				return addr_fail_here(p);
			}
		}
		after_word = p->text.data[start] != '.';
		had_word = had_word || after_word;
		struct span plain = span_of(p->text.data + start, p->at - start);
		if (plain.data[0] != '"' && !buf_add_span(&p->local, plain)) {
			return addr_fail(p, "it is too long");
		}
		p->spec_end = p->at;
	}
	return false;
}

static bool read_literal(struct addr_parser *p)
{
	do {
		if (addr_at_end(p)) {
			return addr_fail(p, "no closing \"]\"");
		}
		if (addr_peek(p) == '\r' && !addr_skip_fold(p)) {
			return false;
		}
		char c = addr_peek(p);
		if (c != ' ' && c != '\t' && !buf_add_byte(&p->domain, c)) {
			return addr_fail(p, "it is too long");
		}
		p->at++;
	} while (p->text.data[p->at - 1] != ']');
	p->spec_end = p->at;
	return addr_is_literal(buf_span(&p->domain)) ||
	       addr_fail(p, "the address in brackets is not valid");
}

/* What follows '@'.  One dot after the last label is left out. */
static bool read_domain(struct addr_parser *p)
{
	bool after_dot = false;

	buf_reset(&p->domain);
	while (addr_skip_cfws(p)) {
		size_t start = p->at;
		if (p->domain.size == 0 && addr_peek(p) == '[') {
			return read_literal(p);
		}
		while (!addr_at_end(p) && addr_is_label(addr_peek(p))) {
			p->at++;
		}
		if (p->at == start && addr_peek(p) == '.') {
			return addr_fail(p, "two dots in the domain, or one at its start");
		}
		if (p->at == start) {
			return after_dot || addr_fail(p, "nothing after the \"@\"");
		}
		if ((after_dot && !buf_add_byte(&p->domain, '.')) ||
		    !buf_add(&p->domain, p->text.data + start, p->at - start)) {
			return addr_fail(p, "it is too long");
		}
		p->spec_end = p->at;
		if (!addr_skip_cfws(p)) {
			return false;
		}
		if (addr_peek(p) != '.') {
			return true;
		}
		p->spec_end = ++p->at;
		after_dot = true;
	}
	return false;
}

/* What was read goes to the list, in the form for the envelope. */
static bool add_spec(struct addr_parser *p)
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
		return addr_fail(p, "it is too long");
	}
	if (!addr_is_safe(buf_span(&spec))) {
		return addr_fail(p, "it is not UTF-8, or has control characters");
	}
	if (!addr_list_add(p->list, spec.data, p->e)) {
		return false;
	}
	p->list->at[p->list->count - 1].where =
		span_of(p->text.data + p->spec_start, p->spec_end - p->spec_start);
	return true;
}

/* local, or local@domain, and blanks behind it. */
static bool read_spec(struct addr_parser *p)
{
	p->spec_start = p->at;
	buf_reset(&p->domain);
	if (!read_local(p)) {
		return false;
	}
	if (addr_peek(p) == '@') {
		p->at++;
		if (!read_domain(p)) {
			return false;
		}
	}
	return addr_skip_cfws(p);
}

/* The route of `<@a,@b:c@d>`: read over. */
static bool skip_route(struct addr_parser *p)
{
	while (addr_skip_cfws(p)) {
		char c = addr_peek(p);
		if (c != '@' && c != ',' && c != ':') {
			return addr_fail_here(p);
		}
		p->at++;
		if (c == ':') {
			return addr_skip_cfws(p);
		}
		if (c == '@' && !read_domain(p)) {
			return false;
		}
	}
	return false;
}

/* From '<' to '>'. */
static bool read_angle(struct addr_parser *p)
{
	p->at++;
	if (!addr_skip_cfws(p) || (addr_peek(p) == '@' && !skip_route(p))) {
		return false;
	}
	bool is_null = addr_peek(p) == '>';
	if (!is_null && !addr_at_end(p) && !read_spec(p)) {
		return false;
	}
	char c = addr_peek(p);
	if (c != '>') {
		bool is_open = addr_at_end(p) || c == ',' || c == '<';
		return is_open ? addr_fail(p, "no closing \">\"") : addr_fail_here(p);
	}
	p->at++;
	if (is_null) {
		if (!addr_list_add(p->list, "", p->e)) {
			return false;
		}
		p->list->at[p->list->count - 1].where = span_of(p->text.data + p->at - 1, 0);
		return true;
	}
	return add_spec(p);
}

/* A mailbox, or a group's name and colon: then *ret_is_group. */
static bool read_element(struct addr_parser *p, bool *ret_is_group)
{
	size_t start = p->at;

	p->element = start;
	if (!scan_phrase(p)) {
		return false;
	}
	size_t end = p->at;
	*ret_is_group = addr_peek(p) == ':';
	if (*ret_is_group && end > start) {
		p->at++;
		p->groups++;
		p->had_group = true;
		return true;
	}
	if (*ret_is_group) {
		return addr_fail_here(p);
	}
	if (addr_peek(p) == '<') {
		return read_angle(p);
	}
	p->at = start;
	return read_spec(p) && (p->at == end ? add_spec(p) : addr_fail_here(p));
}

static bool read_list(struct addr_parser *p)
{
	bool after_element = false;

	while (addr_skip_cfws(p)) {
		if (addr_at_end(p)) {
			return true;
		}
		bool is_group = false;
		if (addr_peek(p) == ',') {
			p->had_comma = true;
			after_element = false;
			p->at++;
		} else if (addr_peek(p) == ';' && p->groups > 0) {
			p->groups--;
			after_element = true;
			p->at++;
		} else if (after_element || addr_peek(p) == ';') {
			return addr_fail_here(p);
		} else if (!read_element(p, &is_group)) {
			return false;
		} else {
			after_element = !is_group;
		}
	}
	return false;
}

static bool parse(struct addr_parser *p, struct addr_list *list, struct span text,
		  struct err *e)
{
	*p = (struct addr_parser){ .text = text, .list = list, .e = e };
	buf_init(&p->local, ADDR_MAX);
	buf_init(&p->domain, ADDR_MAX);
	bool done = read_list(p);
	buf_clear(&p->local);
	buf_clear(&p->domain);
	return done;
}

bool addr_list_parse(struct addr_list *list, struct span text, struct err *e)
{
	struct addr_parser p;

	return parse(&p, list, text, e);
}

bool addr_parse_one(char **ret_spec, struct span text, struct err *e)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct addr_parser p;

	addr_list_init(&list);
	if (span_trim(text).size == 0) {
		*ret_spec = mem_str("");
		return true;
	}
	if (!parse(&p, &list, text, e)) {
		return false;
	}
	if (list.count != 1 || p.had_group || p.had_comma) {
		p.element = 0;
		return addr_fail(&p, "exactly one address is needed");
	}
	*ret_spec = list.at[0].spec;
	list.at[0].spec = NULL;
	return true;
}
