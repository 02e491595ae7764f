/* SPDX-License-Identifier: ISC */
/* users: see users.h. */
#include "conf/users.h"
#include "base/text.h"
#include "conf/words.h"

static const char between[] = ", \t";

static bool is_everybody(struct span entry)
{
	return text_starts_fold(entry, "static:");
}

static struct span without_mark(struct span entry)
{
	return entry.size > 0 && entry.data[0] == '!' ? span_from(entry, 1) : entry;
}

bool users_has(const char *list, const char *login)
{
	struct span rest = span_str(list);
	bool is_known = login && login[0];

	for (struct span entry = words_next(&rest, between); entry.size > 0;
	     entry = words_next(&rest, between)) {
		struct span name = without_mark(entry);
		bool is_it = is_known && span_equal(name, span_str(login));
		if (is_it || is_everybody(name)) {
			return name.size == entry.size;
		}
		/* He could be the one. */
		if (!is_known && name.size < entry.size) {
			return false;
		}
	}
	return false;
}

struct span users_unknown(const char *list)
{
	struct span rest = span_str(list);

	for (struct span entry = words_next(&rest, between); entry.size > 0;
	     entry = words_next(&rest, between)) {
		struct span name = without_mark(entry);
		bool is_name = name.size > 0 && !memchr(name.data, '/', name.size) &&
			       !memchr(name.data, ':', name.size);
		if (!is_name && !is_everybody(name)) {
			return entry;
		}
	}
	return span_of(NULL, 0);
}
