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

enum { LABEL_MAX = 63, DOMAIN_MAX = 253 };

/* Blanks and marks that are not ASCII.  U+200C and U+200D have a meaning in names. */
static const struct {
	unsigned first, last;
} invisible[] = {
	{0x00a0, 0x00a0}, {0x00ad, 0x00ad}, {0x2000, 0x200b}, {0x200e, 0x200f},
	{0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000}, {0xfeff, 0xfeff},
};

static unsigned decode(struct span c)
{
	unsigned code = (unsigned char)c.data[0];

	if (c.size > 1) {
		code &= 0x7fU >> c.size;
	}
	for (size_t i = 1; i < c.size; i++) {
		code = code << 6 | ((unsigned char)c.data[i] & 0x3f);
	}
	return code;
}

struct addr_character addr_character(struct span text)
{
	struct addr_character c = {.size = text.size > 0};

	if (text.size == 0) {
		return c;
	}
	unsigned char first = (unsigned char)text.data[0];
	if (first >= ' ' && first < 0x7f) {
		c.code = first;
		return c;
	}
	size_t want = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	if (want > text.size || !text_is_utf8(span_first(text, want))) {
		c.wrong = ADDR_NOT_UTF8;
		return c;
	}
	c.size = want;
	c.code = decode(span_first(text, want));
	if (c.code < ' ' || (c.code >= 0x7f && c.code < 0xa0)) {
		c.wrong = c.code == 0 ? ADDR_NUL : ADDR_CONTROL;
	} else if (c.code == 0xff20 || c.code == 0xfe6b) {
		c.wrong = ADDR_WIDE_AT;
	}
	for (size_t i = 0; i < sizeof(invisible) / sizeof(invisible[0]); i++) {
		if (c.code >= invisible[i].first && c.code <= invisible[i].last) {
			c.wrong = ADDR_INVISIBLE;
		}
	}
	return c;
}

/*
 * A character that can stand nowhere in an address.  ADDR_WIDE_AT is none: it is only wrong
 * where an "@" was meant.
 */
static bool has_bad_character(struct span text)
{
	size_t i = text_is_plain(text) ? text.size : 0;

	while (i < text.size) {
		struct addr_character c = addr_character(span_from(text, i));
		if (c.wrong != ADDR_FINE && c.wrong != ADDR_WIDE_AT) {
			return true;
		}
		i += c.size;
	}
	return false;
}

bool addr_has_wide_at(struct span local, size_t *ret_at)
{
	for (size_t i = 0; i < local.size;) {
		struct addr_character c = addr_character(span_from(local, i));
		if (c.wrong == ADDR_WIDE_AT) {
			*ret_at = i;
			return true;
		}
		i += c.size;
	}
	return false;
}

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

bool addr_is_dot_atom(struct span local)
{
	bool after_atom = false;

	for (size_t i = 0; i < local.size; i++) {
		if (local.data[i] == '.' ? !after_atom : !addr_is_atext(local.data[i])) {
			return false;
		}
		after_atom = local.data[i] != '.';
	}
	return after_atom;
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

/* The bytes behind the colon, and those of its tag. */
static enum addr_wrong check_tag(const char *text, size_t size, const char *colon,
				 size_t *ret_at)
{
	for (const char *p = text; p < colon; p++) {
		if (!text_is_alpha(*p) && !text_is_digit(*p) && *p != '-') {
			*ret_at = (size_t)(p - text) + 1;
			return ADDR_LITERAL_TAG;
		}
	}
	bool is_tag = colon > text && colon[-1] != '-' && colon + 1 < text + size;
	return is_tag ? ADDR_FINE : ADDR_LITERAL_TAG;
}

enum addr_wrong addr_check_literal(struct span domain, size_t *ret_at)
{
	char text[256];
	unsigned char raw[16];

	*ret_at = 0;
	if (domain.size < 2 || domain.data[0] != '[' ||
	    domain.data[domain.size - 1] != ']') {
		return ADDR_LITERAL_OPEN;
	}
	struct span inside = span_of(domain.data + 1, domain.size - 2);
	for (size_t i = 0; i < inside.size; i++) {
		char c = inside.data[i];
		if (!text_is_alpha(c) && !text_is_digit(c) &&
		    (c == '\0' || !strchr("-.:_+=/%", c))) {
			*ret_at = i + 1;
			return ADDR_LITERAL_CHARACTER;
		}
	}
	if (inside.size == 0) {
		return ADDR_LITERAL_EMPTY;
	}
	*ret_at = 1;
	if (inside.size >= sizeof(text)) {
		return ADDR_LITERAL_TAG;
	}
	memcpy(text, inside.data, inside.size);
	text[inside.size] = '\0';
	if (text_starts_fold(inside, "IPv6:")) {
		return inet_pton(AF_INET6, text + 5, raw) == 1 ? ADDR_FINE
							       : ADDR_LITERAL_IPV6;
	}
	if (inet_pton(AF_INET6, text, raw) == 1) {
		return ADDR_LITERAL_NO_TAG;
	}
	const char *colon = memchr(text, ':', inside.size);
	if (colon) {
		return check_tag(text, inside.size, colon, ret_at);
	}
	if (inet_pton(AF_INET, text, raw) == 1) {
		return ADDR_FINE;
	}
	return text_is_digit(text[0]) ? ADDR_LITERAL_IPV4 : ADDR_LITERAL_TAG;
}

enum addr_wrong addr_check_domain(struct span domain, size_t *ret_at)
{
	size_t label = 0, count = 0, start = 0, i = 0;

	while (i < domain.size) {
		char c = domain.data[i];
		*ret_at = i;
		if (c != '.' && !addr_is_label(c)) {
			return ADDR_DOMAIN_CHARACTER;
		}
		if (c == '.' && label == 0) {
			return i == 0 ? ADDR_DOMAIN_DOT_FIRST : ADDR_DOMAIN_DOTS;
		}
		i += (unsigned char)c < 0x80 ? 1 : addr_character(span_from(domain, i)).size;
		label = c == '.' ? 0 : label + 1;
		start = c == '.' ? i : start;
		if (label > LABEL_MAX) {
			*ret_at = start;
			return ADDR_LABEL_LONG;
		}
		count++;
	}
	if (label == 0) {
		*ret_at = domain.size ? domain.size - 1 : 0;
		return domain.size ? ADDR_DOMAIN_DOTS : ADDR_DOMAIN_EMPTY;
	}
	*ret_at = 0;
	return count > DOMAIN_MAX ? ADDR_DOMAIN_LONG : ADDR_FINE;
}

static bool is_domain(struct span domain)
{
	size_t at;

	return addr_check_domain(domain, &at) == ADDR_FINE ||
	       addr_check_literal(domain, &at) == ADDR_FINE;
}

bool addr_is_safe(struct span spec)
{
	size_t at;

	if (spec.size == 0) {
		return true;
	}
	if (spec.size > ADDR_MAX || has_bad_character(spec)) {
		return false;
	}
	struct span local = addr_local(spec), domain = addr_domain(spec);
	if (local.size < spec.size && domain.size == 0) {
		return false; /* "local@" */
	}
	if (!addr_is_dot_atom(local) && !is_quoted_string(local)) {
		return false;
	}
	return domain.size > 0 ? is_domain(domain) : !addr_has_wide_at(local, &at);
}
