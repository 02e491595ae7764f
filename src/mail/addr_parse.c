/* SPDX-License-Identifier: ISC */
/*
 * addr_parse: text → addresses: RFC 5322 §3.4 with its obsolete forms (§4.4).
 *
 * Each element of a list is read twice: scan_phrase finds what ends it (a comma, or the
 * '<' or ':' that tell that all before was a name), then the address itself is read
 * (addr_spec.c).  No recursion and no second look further than that, so time is linear in
 * the text.  More liberal than the RFC where real mail is: nested groups, a group that is
 * not closed, dots and brackets and one '@' in a display name.
 */
#include "base/mem.h"
#include "mail/addr_lex.h"
#include "mail/addr_syntax.h"

/* Goes on to what ends a name or an address: , ; : < or the end. */
static bool scan_phrase(struct addr_parser *p)
{
	size_t ats[2], count = 0;

	while (addr_skip_cfws(p)) {
		char c = addr_peek(p);
		if (addr_at_end(p) || c == ',' || c == ';') {
			return true;
		}
		if (c == '<') {
			/* `a@b.example <a@b.example>` is common; more is not a name. */
			return count < 2 || addr_fail(p, ADDR_NAME_ATS, ats[1]);
		}
		if (c == ':') {
			bool is_route = p->text.data[p->element] == '@';
			return count < 1 ||
			       addr_fail(p,
					 is_route ? ADDR_ROUTE_BARE : ADDR_GROUP_NAME_AT,
					 p->at);
		}
		if (c == '"') {
			if (!addr_read_quoted(p, NULL)) {
				return false;
			}
		} else if (c == '>' || c == ')' || c == '\n' || c == '\0') {
			return addr_fail_here(p, c == '>' ? ADDR_ANGLE_CLOSE
							  : ADDR_COMMENT_CLOSE);
		} else {
			size_t word = c == '='	 ? addr_encoded_word(p)
				      : c == '[' ? addr_bracket(p)
						 : 1;
			if (c == '@' && count < 2) {
				ats[count++] = p->at;
			}
			p->at += word ? word : 1;
		}
	}
	return false;
}

/* The route of `<@a,@b:c@d>`: read over. */
static bool skip_route(struct addr_parser *p)
{
	size_t start = p->at;
	bool is_long = false;

	while (addr_skip_cfws(p)) {
		char c = addr_peek(p);
		if (addr_at_end(p) || c == '>') {
			return addr_fail(p, is_long ? ADDR_ROUTE_OPEN : ADDR_LOCAL_EMPTY,
					 start);
		}
		if (c != '@' && c != ',' && c != ':') {
			return addr_fail_here(p, ADDR_ROUTE_CHARACTER);
		}
		is_long = is_long || c == ',';
		p->at++;
		if (c == ':') {
			return addr_skip_cfws(p) &&
			       ((!addr_at_end(p) && addr_peek(p) != '>') ||
				addr_fail(p, ADDR_ROUTE_LAST, p->at - 1));
		}
		if (c == '@' && !addr_read_domain(p)) {
			return false;
		}
	}
	return false;
}

/* The next byte sticks to the end of an address. */
static enum addr_wrong fault_behind(const struct addr_parser *p)
{
	return p->domain.size == 0   ? ADDR_LOCAL_CHARACTER
	       : addr_peek(p) == '"' ? ADDR_DOMAIN_QUOTED
				     : ADDR_DOMAIN_CHARACTER;
}

/* What stands behind an address between '<' and '>' has no place there. */
static bool fail_in_angle(struct addr_parser *p)
{
	struct span rest = span_from(p->text, p->at);
	size_t i = 0;
	char c = addr_peek(p), before = p->text.data[p->at - 1];

	while (i < rest.size && rest.data[i] != '>' && (i == 0 || rest.data[i] != '<')) {
		i++;
	}
	if (c == '<' && !addr_at_end(p)) {
		return addr_fail(p, ADDR_ANGLE_TWICE, p->at);
	}
	if (i >= rest.size || rest.data[i] != '>') {
		return addr_fail(p, ADDR_ANGLE_OPEN, p->angle);
	}
	bool is_word = addr_is_atext(c) || c == '"';
	return addr_fail_here(p, c == ','			  ? ADDR_ANGLE_LIST
				 : c == '@'			  ? ADDR_AT_TWICE
				 : before == ']'		  ? ADDR_LITERAL_AFTER
				 : is_word && addr_after_blank(p) ? ADDR_ANGLE_WORDS
								  : fault_behind(p));
}

/* From '<' to '>'. */
static bool read_angle(struct addr_parser *p)
{
	size_t start = p->at;

	p->angle = p->at++;
	if (!addr_skip_cfws(p) || (addr_peek(p) == '@' && !skip_route(p))) {
		return false;
	}
	if (addr_at_end(p) || addr_peek(p) == ',' || addr_peek(p) == '<') {
		return fail_in_angle(p);
	}
	bool is_null = addr_peek(p) == '>';
	if (!is_null && !addr_read_spec(p)) {
		return false;
	}
	if (addr_peek(p) != '>') {
		return fail_in_angle(p);
	}
	p->at++;
	p->angle = ADDR_NOWHERE;
	return is_null ? addr_add(p, "", start, start) : addr_add_spec(p);
}

/* What follows an address that stands for itself is not the end of the element. */
static bool fail_behind(struct addr_parser *p)
{
	char c = addr_peek(p), before = p->at > 0 ? p->text.data[p->at - 1] : '\0';
	bool is_word = addr_is_atext(c) || c == '"';

	return addr_fail_here(p, c == '@'			  ? ADDR_AT_TWICE
				 : before == ']'		  ? ADDR_LITERAL_AFTER
				 : is_word && addr_after_blank(p) ? ADDR_ADDRESS_AFTER
								  : fault_behind(p));
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
	if (*ret_is_group && end == start) {
		return addr_fail(p, ADDR_GROUP_NAMELESS, start);
	}
	if (*ret_is_group) {
		p->colon = p->colon == ADDR_NOWHERE ? p->at : p->colon;
		p->at++;
		p->groups++;
		return true;
	}
	if (addr_peek(p) == '<') {
		return read_angle(p);
	}
	p->at = start;
	return addr_read_spec(p) && (p->at == end ? addr_add_spec(p) : fail_behind(p));
}

/* Something stands behind a whole element, and it is no comma. */
static bool fail_after(struct addr_parser *p, enum addr_wrong after)
{
	char c = addr_peek(p);

	p->element = after == ADDR_GROUP_AFTER ? p->at : p->element;
	return addr_fail_here(p, c == ';'   ? ADDR_SEMICOLON
				 : c == '>' ? ADDR_ANGLE_CLOSE
				 : c == ')' ? ADDR_COMMENT_CLOSE
					    : after);
}

static bool read_list(struct addr_parser *p)
{
	/* What to say about text before the next comma; ADDR_FINE: it is wanted. */
	enum addr_wrong after = ADDR_FINE;

	while (addr_skip_cfws(p)) {
		if (addr_at_end(p)) {
			return true;
		}
		bool is_group = false;
		if (addr_peek(p) == ',') {
			p->comma = p->comma == ADDR_NOWHERE ? p->at : p->comma;
			after = ADDR_FINE;
			p->at++;
		} else if (addr_peek(p) == ';' && p->groups > 0) {
			p->groups--;
			after = ADDR_GROUP_AFTER;
			p->at++;
		} else if (after != ADDR_FINE || addr_peek(p) == ';') {
			return fail_after(p, after);
		} else if (!read_element(p, &is_group)) {
			return false;
		} else {
			after = is_group ? ADDR_FINE : ADDR_ANGLE_AFTER;
		}
	}
	return false;
}

static bool parse(struct addr_parser *p, struct addr_list *list, struct span text,
		  struct addr_fault *ret_fault)
{
	*p = (struct addr_parser){.text = text,
				  .list = list,
				  .fault = ret_fault,
				  .angle = ADDR_NOWHERE,
				  .comma = ADDR_NOWHERE,
				  .colon = ADDR_NOWHERE};
	buf_init(&p->local, ADDR_MAX);
	buf_init(&p->domain, ADDR_MAX);
	bool done = read_list(p);
	buf_clear(&p->local);
	buf_clear(&p->domain);
	return done;
}

bool addr_list_read(struct addr_list *list, struct span text,
		    struct addr_fault *ret_fault)
{
	struct addr_parser p;

	return parse(&p, list, text, ret_fault);
}

bool addr_list_parse(struct addr_list *list, struct span text, struct err *e)
{
	struct addr_fault fault;

	return addr_list_read(list, text, &fault) || addr_fault_set(e, &fault, text, 1);
}

bool addr_list_has_null(const struct addr_list *list, size_t first, struct span text,
			struct addr_fault *ret_fault)
{
	for (size_t i = first; i < list->count; i++) {
		if (list->at[i].spec[0] == '\0') {
			size_t at = (size_t)(list->at[i].where.data - text.data);
			*ret_fault = (struct addr_fault){ADDR_NULL_RECIPIENT, at, at};
			return true;
		}
	}
	return false;
}

bool addr_read_one(char **ret_spec, struct span text, struct addr_fault *ret_fault)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct addr_parser p;

	addr_list_init(&list);
	if (span_trim(text).size == 0) {
		*ret_spec = mem_str("");
		return true;
	}
	if (!parse(&p, &list, text, ret_fault)) {
		return false;
	}
	p.element = 0;
	if (p.colon != ADDR_NOWHERE) {
		return addr_fail(&p, ADDR_ONE_GROUP, p.colon);
	}
	if (list.count > 1) {
		return addr_fail(&p, ADDR_ONE_MORE,
				 (size_t)(list.at[1].where.data - text.data));
	}
	if (p.comma != ADDR_NOWHERE) {
		return addr_fail(&p, ADDR_ONE_COMMA, p.comma);
	}
	if (list.count == 0) {
		return addr_fail(&p, ADDR_ONE_NONE, 0);
	}
	*ret_spec = list.at[0].spec;
	list.at[0].spec = NULL;
	return true;
}

bool addr_parse_one(char **ret_spec, struct span text, struct err *e)
{
	struct addr_fault fault;

	return addr_read_one(ret_spec, text, &fault) ||
	       addr_fault_set(e, &fault, text, 1);
}
