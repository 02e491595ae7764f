/* SPDX-License-Identifier: ISC */
/*
 * caps: see caps.h.  RFC 5321 §4.1.1.1; the keywords are in the table below.
 *
 * A keyword that is not known, or a parameter that makes no sense, is passed over: a server
 * that says strange things about one extension can still be used without it.
 */
#include "smtp/caps.h"
#include "base/text.h"

#include <stdint.h>
#include <limits.h>

/* The next blank-separated word of *rest; empty at the end. */
static struct span take_word(struct span *rest)
{
	size_t n = 0;

	*rest = span_trim(*rest);
	while (n < rest->size && rest->data[n] != ' ' && rest->data[n] != '\t') {
		n++;
	}
	struct span word = span_first(*rest, n);
	*rest = span_from(*rest, n);
	return word;
}

static void set_size(struct smtp_caps *caps, struct span rest)
{
	caps->has_size = true;
	if (!text_unsigned(take_word(&rest), ULLONG_MAX, &caps->size_max)) {
		caps->size_max = 0;
	}
}

/* RFC 4422 §3.1: 1 to 20 letters, digits, hyphens and underscores. */
static bool is_mechanism(struct span word)
{
	for (size_t i = 0; i < word.size; i++) {
		char c = word.data[i];
		if (!text_is_alpha(c) && !text_is_digit(c) && c != '-' && c != '_') {
			return false;
		}
	}
	return word.size > 0 && word.size <= 20;
}

static bool has_mechanism(const struct smtp_caps *caps, struct span word)
{
	struct span rest = span_str(caps->mechanisms);

	for (struct span have; (have = take_word(&rest)).size > 0;) {
		if (text_equal_fold(have, word)) {
			return true;
		}
	}
	return false;
}

static void add_mechanisms(struct smtp_caps *caps, struct span rest)
{
	caps->auth = true;
	for (struct span word; (word = take_word(&rest)).size > 0;) {
		size_t have = strlen(caps->mechanisms);
		if (!is_mechanism(word) || has_mechanism(caps, word) ||
		    have + 1 + word.size >= sizeof(caps->mechanisms)) {
			continue;
		}
		if (have > 0) {
			caps->mechanisms[have++] = ' ';
		}
		for (size_t i = 0; i < word.size; i++) {
			char c = text_lower(word.data[i]);
			c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
			caps->mechanisms[have++] = c;
		}
		caps->mechanisms[have] = '\0';
	}
}

/* NAME=number */
static void set_limit(struct span word, const char *name, unsigned *limit)
{
	size_t n = strlen(name);
	unsigned long long value;

	if (text_starts_fold(word, name) && word.size > n && word.data[n] == '=' &&
	    text_unsigned(span_from(word, n + 1), UINT_MAX, &value)) {
		*limit = (unsigned)value;
	}
}

static void set_limits(struct smtp_caps *caps, struct span rest)
{
	for (struct span word; (word = take_word(&rest)).size > 0;) {
		set_limit(word, "RCPTMAX", &caps->rcpt_max);
		set_limit(word, "MAILMAX", &caps->mail_max);
	}
}

#define FLAG(member) offsetof(struct smtp_caps, member), NULL
#define READ(function) SIZE_MAX, function

static const struct {
	const char *keyword;
	size_t flag;		/* where the bool is, or SIZE_MAX */
	void (*read)(struct smtp_caps *caps, struct span rest);
} keywords[] = {
	{ "PIPELINING", FLAG(pipelining) },	/* RFC 2920 */
	{ "CHUNKING", FLAG(chunking) },		/* RFC 3030 */
	{ "8BITMIME", FLAG(eightbitmime) },	/* RFC 6152 */
	{ "SMTPUTF8", FLAG(smtputf8) },		/* RFC 6531 */
	{ "DSN", FLAG(dsn) },			/* RFC 3461 */
	{ "ENHANCEDSTATUSCODES", FLAG(enhanced) },	/* RFC 2034 */
	{ "STARTTLS", FLAG(starttls) },		/* RFC 3207 */
	{ "REQUIRETLS", FLAG(requiretls) },	/* RFC 8689 */
	{ "XSUBMIT", FLAG(xsubmit) },
	{ "SIZE", READ(set_size) },		/* RFC 1870 */
	{ "AUTH", READ(add_mechanisms) },	/* RFC 4954 */
	{ "LIMITS", READ(set_limits) },		/* RFC 9422 */
};

static void read_line(struct smtp_caps *caps, struct span line)
{
	/* "AUTH=PLAIN" is how some servers from before RFC 2554 spell it. */
	if (text_starts_fold(line, "AUTH=")) {
		add_mechanisms(caps, span_from(line, 5));
		return;
	}
	struct span keyword = take_word(&line);
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		if (!text_equal_fold(keyword, span_str(keywords[i].keyword))) {
			continue;
		}
		if (keywords[i].read) {
			keywords[i].read(caps, line);
		} else {
			*(bool *)((char *)caps + keywords[i].flag) = true;
		}
	}
}

void caps_parse(struct smtp_caps *caps, struct span text)
{
	bool is_first = true;

	*caps = (struct smtp_caps){ .pipelining = false };
	while (text.size > 0) {
		const char *end = memchr(text.data, '\n', text.size);
		size_t n = end ? (size_t)(end - text.data) : text.size;
		if (!is_first) {
			read_line(caps, span_first(text, n));
		}
		is_first = false;
		text = span_from(text, n + 1);
	}
}
