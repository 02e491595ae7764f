/* SPDX-License-Identifier: ISC */
/* recipient: see recipient.h.  Pure; must never look at more than the word. */
#include "conf/recipient.h"
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

/* A domain without anything that means more than itself. */
static bool is_plain(struct span domain)
{
	for (size_t i = 0; i < domain.size; i++) {
		if (memchr("?*[@", domain.data[i], 4)) {
			return false;
		}
	}
	return domain.size > 0;
}

static bool has_meaning(struct span word)
{
	for (size_t i = 0; i < word.size; i++) {
		if (memchr("?*[", word.data[i], 3)) {
			return true;
		}
	}
	return false;
}

enum recipient_kind recipient_read(struct span word, struct span *ret)
{
	bool has_at = memchr(word.data, '@', word.size) != NULL;
	struct span rest;

	*ret = word;
	if (span_equal(word, span_str("*"))) {
		return RECIPIENT_ALL;
	}
	if (!has_meaning(word)) {
		return has_at			? RECIPIENT_ADDRESS
		       : word.data[0] == '.' ? RECIPIENT_CHILDREN
						: RECIPIENT_DOMAIN;
	}
	if ((begins(word, "*@*", &rest) || (!has_at && begins(word, "*", &rest))) &&
	    rest.size > 1 && rest.data[0] == '.' && is_plain(rest)) {
		*ret = rest;
		return RECIPIENT_CHILDREN;
	}
	if (begins(word, "*@", &rest) && is_plain(rest)) {
		*ret = rest;
		return RECIPIENT_DOMAIN;
	}
	return RECIPIENT_GLOB;
}

char *recipient_pattern(struct span word)
{
	struct span text;
	enum recipient_kind kind = recipient_read(word, &text);
	const char *before = kind == RECIPIENT_DOMAIN	  ? "*@"
			     : kind == RECIPIENT_CHILDREN ? "*@*"
			     : kind == RECIPIENT_GLOB && !memchr(word.data, '@', word.size)
				     ? "*@"
				     : "";

	return mem_printf("%s%.*s", before, (int)text.size, text.data);
}
