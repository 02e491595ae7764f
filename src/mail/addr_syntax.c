/* SPDX-License-Identifier: ISC */
/*
 * addr_syntax: the predicates that stand between any text and an SMTP command line
 * (RFC 5321 §4.1.2 and §4.1.3, RFC 6531 §3.3).  Must never accept a control byte, a
 * blank outside quotes, or an angle bracket outside quotes.
 */
#include "mail/addr_syntax.h"
#include "base/text.h"
#include "mail/addr.h"

#include <arpa/inet.h>

bool addr_is_atext(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || (unsigned char)c >= 0x80 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

bool addr_is_label(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool is_dotted(struct span s, bool (*is_part)(char c))
{
	bool after_part = false;

	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '.' ? !after_part : !is_part(s.data[i])) {
			return false;
		}
		after_part = s.data[i] != '.';
	}
	return after_part;
}

bool addr_is_dot_atom(struct span local)
{
	return is_dotted(local, addr_is_atext);
}

static bool is_quoted_string(struct span s)
{
	if (s.size < 2 || s.data[0] != '"' || s.data[s.size - 1] != '"') {
		return false;
	}
	for (size_t i = 1; i + 1 < s.size; i++) {
		if (s.data[i] == '"') {
			return false;
		}
		if (s.data[i] == '\\' && ++i + 1 >= s.size) {
			return false;
		}
		if ((unsigned char)s.data[i] < ' ' || s.data[i] == 0x7f) {
			return false;
		}
	}
	return true;
}

bool addr_is_literal(struct span domain)
{
	char text[256];
	unsigned char raw[16];

	if (domain.size < 3 || domain.size > sizeof(text) || domain.data[0] != '[' ||
	    domain.data[domain.size - 1] != ']') {
		return false;
	}
	struct span inside = span_of(domain.data + 1, domain.size - 2);
	for (size_t i = 0; i < inside.size; i++) {
		char c = inside.data[i];
		/* Stricter than the RFC: nothing that could mean something elsewhere. */
		if (!text_is_alpha(c) && !text_is_digit(c) &&
		    (c == '\0' || !strchr("-.:_+=/%", c))) {
			return false;
		}
	}
	memcpy(text, inside.data, inside.size);
	text[inside.size] = '\0';
	if (text_starts_fold(inside, "IPv6:")) {
		return inet_pton(AF_INET6, text + 5, raw) == 1;
	}
	const char *colon = memchr(text, ':', inside.size);
	if (!colon) {
		return inet_pton(AF_INET, text, raw) == 1;
	}
	for (const char *p = text; p < colon; p++) {
		if (!text_is_alpha(*p) && !text_is_digit(*p) && *p != '-') {
			return false;
		}
	}
	return colon > text && colon[-1] != '-' && colon[1] != '\0';
}

/* U+0080 to U+009F are control characters too, for a terminal at least. */
static bool has_c1_control(struct span s)
{
	const unsigned char *text = (const unsigned char *)s.data;

	for (size_t i = 0; i + 1 < s.size; i++) {
		if (text[i] == 0xc2 && text[i + 1] < 0xa0) {
			return true;
		}
	}
	return false;
}

bool addr_is_safe(struct span spec)
{
	if (spec.size == 0) {
		return true;
	}
	if (spec.size > ADDR_MAX || !text_is_utf8(spec) || has_c1_control(spec)) {
		return false;
	}
	struct span local = addr_local(spec), domain = addr_domain(spec);
	if (local.size < spec.size && domain.size == 0) {
		return false;	/* "local@" */
	}
	if (!addr_is_dot_atom(local) && !is_quoted_string(local)) {
		return false;
	}
	return domain.size == 0 || is_dotted(domain, addr_is_label) || addr_is_literal(domain);
}
