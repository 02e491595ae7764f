/* SPDX-License-Identifier: ISC */
/* taker: see taker.h.  Pure; must never compare. */
#include "conf/taker.h"
#include "base/mem.h"

static bool begins(struct span s, const char *with, struct span *ret_rest)
{
	size_t size = strlen(with);

	if (s.size < size || memcmp(s.data, with, size) != 0) {
		return false;
	}
	*ret_rest = span_from(s, size);
	return true;
}

static bool has_any(struct span s, const char *bytes)
{
	for (size_t i = 0; i < s.size; i++) {
		if (memchr(bytes, s.data[i], strlen(bytes))) {
			return true;
		}
	}
	return false;
}

/* A domain, or its end, without anything that means more than itself. */
static bool is_plain(struct span domain, size_t least)
{
	return domain.size >= least && !has_any(domain, "?*[@");
}

/* before: what stands in front of a domain, "*@". */
static bool read_domain(struct taker *t, const char *before)
{
	struct span rest;

	if (!begins(t->word, before, &rest)) {
		return false;
	}
	if (is_plain(rest, 1)) {
		t->kind = TAKER_DOMAIN;
		t->text = rest;
		return true;
	}
	if (begins(rest, "*", &rest) && is_plain(rest, 2) && rest.data[0] == '.') {
		t->kind = TAKER_CHILDREN;
		t->text = rest;
		return true;
	}
	return false;
}

struct taker taker_of_recipients(struct span word, size_t account,
				 const struct conf_value *line)
{
	bool has_at = memchr(word.data, '@', word.size) != NULL;
	struct taker t = { .kind = TAKER_GLOB, .text = word, .word = word,
			   .account = account, .line = line, .key = KEY_TO };

	if (span_equal(word, span_str("*"))) {
		t.kind = TAKER_ALL;
	} else if (!has_any(word, "?*[")) {
		t.kind = has_at			 ? TAKER_ADDRESS
			 : word.data[0] == '.' ? TAKER_CHILDREN
					       : TAKER_DOMAIN;
	} else {
		read_domain(&t, has_at ? "*@" : "");
	}
	return t;
}

struct taker taker_of_senders(size_t account, const struct conf_value *line)
{
	struct span word = span_str(line->text);
	struct taker t = { .kind = TAKER_GLOB, .text = word, .word = word,
			   .account = account, .line = line, .key = KEY_FROM };

	if (span_equal(word, span_str("*"))) {
		t.kind = TAKER_ALL;
	} else if (!has_any(word, "?*[")) {
		t.kind = TAKER_ADDRESS;
	} else {
		read_domain(&t, "*@");
	}
	return t;
}

char *taker_pattern(const struct taker *t)
{
	bool has_at = memchr(t->word.data, '@', t->word.size) != NULL;
	const char *before = t->kind == TAKER_DOMAIN	 ? "*@"
			     : t->kind == TAKER_CHILDREN ? "*@*"
			     : t->kind == TAKER_GLOB && t->key == KEY_TO && !has_at
				     ? "*@"
				     : "";

	return mem_printf("%s%.*s", before, (int)t->text.size, t->text.data);
}
