/* SPDX-License-Identifier: ISC */
/*
 * syntax: see syntax.h.  Names as RFC 1123 §2.1 and RFC 5890 have them, '_' too, and
 * bytes above 127 for names that are not ASCII yet.  Pure: must never resolve anything.
 */
#include "conf/syntax.h"
#include "base/text.h"

#include <arpa/inet.h>

enum { LABEL_MAX = 63, NAME_MAX_SIZE = 253, FINGERPRINT_MAX = 32 };

int syntax_ip_version(const char *text)
{
	char address[INET6_ADDRSTRLEN];
	unsigned char binary[sizeof(struct in6_addr)];
	size_t size = strcspn(text, "%");

	if (size >= sizeof(address)) {
		return 0;
	}
	memcpy(address, text, size);
	address[size] = '\0';
	if (inet_pton(AF_INET6, address, binary) == 1) {
		return text[size] == '%' && text[size + 1] == '\0' ? 0 : 6;
	}
	return text[size] == '\0' && inet_pton(AF_INET, address, binary) == 1 ? 4 : 0;
}

static bool is_label_byte(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || c == '-' || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static bool is_name(struct span s)
{
	size_t label = 0;

	if (s.size > 0 && s.data[s.size - 1] == '.') {
		s.size--;
	}
	if (s.size == 0 || s.size > NAME_MAX_SIZE || !text_is_utf8(s)) {
		return false;
	}
	for (size_t i = 0; i < s.size; i++) {
		char next = i + 1 < s.size ? s.data[i + 1] : '.';
		bool at_edge = label == 0 || next == '.';
		if (s.data[i] == '.') {
			if (label == 0) {
				return false;
			}
			label = 0;
		} else if (!is_label_byte(s.data[i]) || (at_edge && s.data[i] == '-') ||
			   ++label > LABEL_MAX) {
			return false;
		}
	}
	return label > 0;
}

/* [192.0.2.1], [2001:db8::1], [IPv6:2001:db8::1] */
static int literal_version(const char *text, bool *ret_has_tag)
{
	char inside[64] = "";
	size_t size = strlen(text);

	if (size < 3 || size - 2 >= sizeof(inside) || text[0] != '[' ||
	    text[size - 1] != ']') {
		return 0;
	}
	memcpy(inside, text + 1, size - 2);
	*ret_has_tag = text_starts_fold(span_str(inside), "IPv6:");
	return syntax_ip_version(*ret_has_tag ? inside + 5 : inside);
}

bool syntax_host(const char *text, struct err *e)
{
	const char *colon = strchr(text, ':');
	bool has_tag = false;

	if (is_name(span_str(text)) || syntax_ip_version(text) ||
	    (literal_version(text, &has_tag) && !has_tag)) {
		return true;
	}
	if (strstr(text, "://")) {
		return err_set(e, CAUSE_CONFIG,
			       "not a host name but a URL; write only the name, as in: "
			       "host smtp.example.org");
	}
	if (colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1)) {
		return err_set(e, CAUSE_CONFIG,
			       "not a host name; a port has its own line: port %s",
			       colon + 1);
	}
	return err_set(e, CAUSE_CONFIG, "not a host name or IP address");
}

bool syntax_domain(const char *text, struct err *e)
{
	bool has_tag = false;
	int version = literal_version(text, &has_tag);

	/* RFC 5321 §4.1.3: an IPv6 literal has the tag, an IPv4 one has not. */
	if (is_name(span_str(text)) || version == (has_tag ? 6 : 4)) {
		return true;
	}
	return err_set(e, CAUSE_CONFIG, "not a domain");
}

bool syntax_fingerprint(const char *text, struct err *e)
{
	size_t digits = 0, colons = 0;

	for (const char *p = text; *p; p++) {
		if (*p == ':' && digits > 0 && digits % 2 == 0 && p[-1] != ':' && p[1]) {
			colons++;
		} else if (strchr("0123456789abcdefABCDEF", *p)) {
			digits++;
		} else {
			return err_set(e, CAUSE_CONFIG,
				"not hexadecimal digits with colons between the bytes");
		}
	}
	bool has_size = digits == 64 || digits == 40 || digits == 32;
	if (!has_size || (colons > 0 && colons != digits / 2 - 1)) {
		return err_set(e, CAUSE_CONFIG,
			"must have 64 hexadecimal digits (SHA-256), or 40, or 32");
	}
	return true;
}
