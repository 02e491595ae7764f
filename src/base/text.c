/* SPDX-License-Identifier: ISC */
/* text: see text.h.  Pure: no locale, no errno, no allocation but through struct buf. */
#include "base/text.h"

#include <stdint.h>

bool text_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool text_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

char text_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int text_compare_fold(struct span a, struct span b)
{
	for (size_t i = 0; i < a.size && i < b.size; i++) {
		unsigned char x = (unsigned char)text_lower(a.data[i]);
		unsigned char y = (unsigned char)text_lower(b.data[i]);
		if (x != y) {
			return x < y ? -1 : 1;
		}
	}
	return (a.size > b.size) - (a.size < b.size);
}

bool text_equal_fold(struct span a, struct span b)
{
	return a.size == b.size && text_compare_fold(a, b) == 0;
}

bool text_starts_fold(struct span s, const char *prefix)
{
	size_t size = strlen(prefix);

	return s.size >= size && text_equal_fold(span_first(s, size), span_str(prefix));
}

/* Size of the well-formed UTF-8 sequence at s (RFC 3629), or 0. */
static size_t utf8_sequence(const unsigned char *s, size_t size)
{
	unsigned char c = s[0];
	size_t want = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (want == 0 || want > size) {
		return 0;
	}
	for (size_t i = 1; i < want; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	bool overlong = (c == 0xe0 && s[1] < 0xa0) || (c == 0xf0 && s[1] < 0x90);
	bool beyond = (c == 0xed && s[1] > 0x9f) || (c == 0xf4 && s[1] > 0x8f);
	return overlong || beyond ? 0 : want;
}

/* U+2028, U+2029 and the marks that turn the direction of writing: they forge lines. */
static bool is_deceptive(const unsigned char *s, size_t n)
{
	if (n != 3 || s[0] != 0xe2) {
		return false;
	}
	return (s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) ||
	       (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9);
}

void text_sanitise(char *text, size_t size)
{
	unsigned char *s = (unsigned char *)text;

	if (text_is_plain(span_of(text, size))) {
		return;
	}
	for (size_t i = 0; i < size;) {
		size_t n = utf8_sequence(s + i, size - i);
		bool c1_control = n == 2 && s[i] == 0xc2 && s[i + 1] < 0xa0;
		if (n == 0 || s[i] < 0x20 || s[i] == 0x7f || c1_control ||
		    is_deceptive(s + i, n)) {
			s[i] = '?';
			n = n == 0 ? 1 : n;
			for (size_t k = 1; k < n; k++) {
				s[i + k] = '?';
			}
		}
		i += n;
	}
}

bool text_unsigned(struct span s, unsigned long long max, unsigned long long *ret_value)
{
	enum { NO_OVERFLOW = 19 };	/* so many digits always fit */
	unsigned long long value = 0;

	if (s.size == 0) {
		return false;
	}
	for (size_t i = 0; i < s.size; i++) {
		unsigned digit = (unsigned)(unsigned char)s.data[i] - '0';
		if (digit > 9) {
			return false;
		}
		if (i < NO_OVERFLOW) {
			value = value * 10 + digit;
		} else if (__builtin_mul_overflow(value, 10, &value) ||
			   __builtin_add_overflow(value, digit, &value)) {
			return false;
		}
	}
	if (value > max) {
		return false;
	}
	*ret_value = value;
	return true;
}

bool text_is_ascii(struct span s)
{
	uint64_t high = 0x8080808080808080, v;
	size_t i = 0;

	for (; i + sizeof(v) <= s.size; i += sizeof(v)) {
		memcpy(&v, s.data + i, sizeof(v));
		if (v & high) {
			return false;
		}
	}
	for (; i < s.size; i++) {
		if ((unsigned char)s.data[i] >= 0x80) {
			return false;
		}
	}
	return true;
}

/* Of eight bytes: is none less than ' ', DEL, or above? */
static bool are_plain(const char *at)
{
	const uint64_t ones = 0x0101010101010101, high = ones << 7;
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return ((v | (v - ones * ' ') | (v + ones)) & high) == 0;
}

bool text_is_plain(struct span s)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= s.size; i += sizeof(uint64_t)) {
		if (!are_plain(s.data + i)) {
			return false;
		}
	}
	/* The rest, with bytes before it once more. */
	if (i > 0) {
		return are_plain(s.data + s.size - sizeof(uint64_t));
	}
	for (; i < s.size; i++) {
		if (s.data[i] < ' ' || s.data[i] > '~') {
			return false;
		}
	}
	return true;
}

bool text_is_utf8(struct span s)
{
	for (size_t i = 0; i < s.size;) {
		size_t n = utf8_sequence((const unsigned char *)s.data + i, s.size - i);
		if (n == 0) {
			return false;
		}
		i += n;
	}
	return true;
}

bool text_has_line_break(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '\r' || s.data[i] == '\n' || s.data[i] == '\0') {
			return true;
		}
	}
	return false;
}

/*
 * One [set] at p (just after the '[').  Returns the byte after its ']', or NULL when
 * there is none: then '[' is an ordinary character.
 */
static const char *match_set(const char *p, char c, bool *ret_hit)
{
	bool negate = *p == '!' || *p == '^', hit = false;

	p += negate;
	for (bool first = true; *p && (first || *p != ']'); first = false) {
		char low = text_lower(*p++), high = low;
		if (p[0] == '-' && p[1] && p[1] != ']') {
			high = text_lower(p[1]);
			p += 2;
		}
		hit = hit || (c >= low && c <= high);
	}
	*ret_hit = hit != negate;
	return *p == ']' ? p + 1 : NULL;
}

/* Iterative with one point to come back to, so no pattern can be slow. */
bool text_match(const char *pattern, struct span s)
{
	const char *p = pattern, *star = NULL;
	size_t i = 0, star_i = 0;

	while (i < s.size) {
		char c = text_lower(s.data[i]);
		bool hit = false;
		const char *next = *p == '[' ? match_set(p + 1, c, &hit) : NULL;
		if (!next) {
			hit = *p && (*p == '?' || text_lower(*p) == c);
			next = p + 1;
		}
		if (*p == '*') {
			star = ++p;
			star_i = i;
		} else if (hit) {
			p = next;
			i++;
		} else if (star) {
			p = star;
			i = ++star_i;
		} else {
			return false;
		}
	}
	while (*p == '*') {
		p++;
	}
	return *p == '\0';
}

unsigned text_distance(const char *a, const char *b)
{
	enum { MAX = 64 };
	unsigned d[3][MAX + 1];
	size_t m = strlen(a), n = strlen(b);

	if (m > MAX || n > MAX) {
		return MAX;
	}
	for (size_t j = 0; j <= n; j++) {
		d[0][j] = (unsigned)j;
	}
	for (size_t i = 1; i <= m; i++) {
		unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= n; j++) {
			unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
			best = up[j] + 1 < best ? up[j] + 1 : best;
			best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
				best = up2[j - 2] + 1 < best ? up2[j - 2] + 1 : best;
			}
			row[j] = best;
		}
	}
	return d[m % 3][n];
}

bool text_base64_add(struct buf *to, struct span data)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = (const unsigned char *)data.data;
	size_t size = (data.size + 2) / 3 * 4;
	char *out = buf_room(to, size);

	if (!out) {
		return false;
	}
	for (size_t i = 0; i < data.size; i += 3) {
		size_t left = data.size - i;
		unsigned v = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
			     (left > 2 ? in[i + 2] : 0u);
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = left > 1 ? digits[v >> 6 & 63] : '=';
		*out++ = left > 2 ? digits[v & 63] : '=';
	}
	buf_grew(to, size);
	return true;
}

bool text_hide_pin(char *text)
{
	static const char name[] = "pin-value=";
	bool is_found = false;

	while ((text = strcasestr(text, name))) {
		text += strlen(name);
		size_t size = strcspn(text, "&"), shown = size < 3 ? size : 3;
		memset(text, '*', shown);
		memmove(text + shown, text + size, strlen(text + size) + 1);
		is_found = true;
	}
	return is_found;
}

static int base64_value(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A'
	     : c >= 'a' && c <= 'z' ? c - 'a' + 26
	     : text_is_digit(c)     ? c - '0' + 52
	     : c == '+'             ? 62
	     : c == '/'             ? 63
				    : -1;
}

bool text_base64_decode(struct buf *to, struct span base64)
{
	size_t pad = 0;

	if (base64.size % 4 != 0) {
		return false;
	}
	while (pad < 2 && pad < base64.size && base64.data[base64.size - 1 - pad] == '=') {
		pad++;
	}
	for (size_t i = 0; i < base64.size; i += 4) {
		unsigned v = 0;
		size_t have = i + 4 == base64.size ? 4 - pad : 4;
		for (size_t k = 0; k < 4; k++) {
			int digit = k < have ? base64_value(base64.data[i + k]) : 0;
			if (digit < 0) {
				return false;
			}
			v = v << 6 | (unsigned)digit;
		}
		char bytes[3] = { (char)(v >> 16), (char)(v >> 8), (char)v };
		if (!buf_add(to, bytes, have - 1)) {
			return false;
		}
	}
	return true;
}
