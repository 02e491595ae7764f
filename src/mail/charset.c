/* SPDX-License-Identifier: ISC */
/*
 * charset: names of charsets that contain ASCII, and how their characters are built.  Only
 * what is needed to cut text between characters; nothing is converted.
 */
#include "mail/charset.h"
#include "base/text.h"

enum family {
	FAMILY_BYTES,	/* each byte is a character */
	FAMILY_UTF8,
	FAMILY_EUC,	/* EUC-JP, EUC-KR, GB 2312: all bytes of a character above 127 */
	FAMILY_SJIS,	/* Shift_JIS */
	FAMILY_WIDE,	/* Big5, GBK, GB 18030: the second byte can be ASCII */
};

/* The first row that fits counts: names before the prefixes they begin with. */
static const struct row {
	const char *name;
	bool is_prefix;
	enum family family;
} rows[] = {
	{ "shift_jis", false, FAMILY_SJIS },
	{ "shift-jis", false, FAMILY_SJIS },
	{ "x-sjis", false, FAMILY_SJIS },
	{ "sjis", false, FAMILY_SJIS },
	{ "windows-31j", false, FAMILY_SJIS },
	{ "cp932", false, FAMILY_SJIS },
	{ "euc-jp", false, FAMILY_EUC },
	{ "euc-kr", false, FAMILY_EUC },
	{ "gb2312", false, FAMILY_EUC },
	{ "big5", true, FAMILY_WIDE },
	{ "gbk", false, FAMILY_WIDE },
	{ "gb18030", false, FAMILY_WIDE },
	{ "cp936", false, FAMILY_WIDE },
	{ "cp949", false, FAMILY_WIDE },
	{ "cp950", false, FAMILY_WIDE },
	{ "iso-8859-", true, FAMILY_BYTES },
	{ "iso8859-", true, FAMILY_BYTES },
	{ "windows-125", true, FAMILY_BYTES },
	{ "cp125", true, FAMILY_BYTES },
	{ "cp437", false, FAMILY_BYTES },
	{ "cp85", true, FAMILY_BYTES },
	{ "ibm85", true, FAMILY_BYTES },
	{ "koi8-", true, FAMILY_BYTES },
	{ "tis-620", false, FAMILY_BYTES },
	{ "latin1", false, FAMILY_BYTES },
	{ "macintosh", false, FAMILY_BYTES },
};

static bool in(unsigned char c, unsigned char low, unsigned char high)
{
	return c >= low && c <= high;
}

static size_t step_euc(const unsigned char *s, size_t size)
{
	size_t want = s[0] == 0x8e ? 2 : s[0] == 0x8f ? 3 : in(s[0], 0xa1, 0xfe) ? 2 : 0;

	for (size_t i = 1; i < want; i++) {
		if (i >= size || !in(s[i], 0xa1, 0xfe)) {
			return 0;
		}
	}
	return want;
}

static size_t step_sjis(const unsigned char *s, size_t size)
{
	if (in(s[0], 0xa1, 0xdf)) {
		return 1;
	}
	bool is_lead = in(s[0], 0x81, 0x9f) || in(s[0], 0xe0, 0xfc);
	return is_lead && size > 1 && in(s[1], 0x40, 0xfc) && s[1] != 0x7f ? 2 : 0;
}

static size_t step_wide(const unsigned char *s, size_t size)
{
	if (!in(s[0], 0x81, 0xfe) || size < 2) {
		return 0;
	}
	if (in(s[1], '0', '9')) {
		return size > 3 && in(s[2], 0x81, 0xfe) && in(s[3], '0', '9') ? 4 : 0;
	}
	return in(s[1], 0x40, 0xfe) && s[1] != 0x7f ? 2 : 0;
}

/* The text is known to be UTF-8: a character ends where the next begins. */
static size_t step_utf8(const unsigned char *s, size_t size)
{
	size_t step = 1;

	while (step < size && step < 4 && (s[step] & 0xc0) == 0x80) {
		step++;
	}
	return step;
}

/* Size of the character at s, or 0 when it is none. */
static size_t step(enum family family, struct span text)
{
	const unsigned char *s = (const unsigned char *)text.data;

	if (s[0] < 0x80) {
		return 1;
	}
	switch (family) {
	case FAMILY_UTF8:
		return step_utf8(s, text.size);
	case FAMILY_EUC:
		return step_euc(s, text.size);
	case FAMILY_SJIS:
		return step_sjis(s, text.size);
	case FAMILY_WIDE:
		return step_wide(s, text.size);
	case FAMILY_BYTES:
		break;
	}
	return 1;
}

static bool fits(enum family family, struct span text)
{
	while (text.size > 0) {
		size_t size = step(family, text);
		if (size == 0) {
			return false;
		}
		text = span_from(text, size);
	}
	return true;
}

static bool is_name(struct span s)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		if (!text_is_alpha(c) && !text_is_digit(c) && c != '-' && c != '_') {
			return false;
		}
	}
	return s.size > 0 && s.size <= CHARSET_NAME_MAX;
}

static const struct row *find(struct span name)
{
	for (size_t i = 0; is_name(name) && i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *r = &rows[i];
		if (r->is_prefix ? text_starts_fold(name, r->name)
				 : text_equal_fold(name, span_str(r->name))) {
			return r;
		}
	}
	return NULL;
}

static struct charset make(struct span name, enum family family)
{
	struct charset c = { .family = (unsigned char)family };

	memcpy(c.name, name.data, name.size);
	return c;
}

struct charset charset_of(struct span text, struct span declared)
{
	if (text_is_utf8(text)) {
		return make(span_str("UTF-8"), FAMILY_UTF8);
	}
	const struct row *r = find(declared);
	if (r && fits(r->family, text)) {
		return make(declared, r->family);
	}
	return make(span_str("unknown-8bit"), FAMILY_BYTES);
}

size_t charset_step(const struct charset *c, struct span text)
{
	size_t size = step((enum family)c->family, text);

	return size > 0 ? size : 1;
}
