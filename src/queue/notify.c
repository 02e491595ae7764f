/* SPDX-License-Identifier: ISC */
/* notify: see notify.h. */
#include "queue/notify.h"

static const struct {
	const char *word;
	unsigned bit;
} rows[] = { { "never", 1 }, { "success", 2 }, { "failure", 4 }, { "delay", 8 } };

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

bool queue_notify_add(struct buf *to, const char *lead, unsigned notify)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (!(notify & rows[i].bit)) {
			continue;
		}
		if (!buf_printf(to, "%s%s", lead, rows[i].word)) {
			return false;
		}
		lead = ",";
	}
	return true;
}

static unsigned bit_of(struct span word)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (span_equal(word, span_str(rows[i].word))) {
			return rows[i].bit;
		}
	}
	return 0;
}

bool queue_notify_read(struct span words, unsigned *ret_notify)
{
	bool is_more = true;

	*ret_notify = 0;
	while (is_more) {
		const char *comma = words.size > 0 ? memchr(words.data, ',', words.size) : NULL;
		struct span word = span_first(words, comma ? (size_t)(comma - words.data)
							   : words.size);
		unsigned bit = bit_of(word);
		if (bit == 0 || (*ret_notify & bit)) {
			return false;
		}
		*ret_notify |= bit;
		is_more = comma != NULL;
		words = span_from(words, word.size + is_more);
	}
	return true;
}
