/* SPDX-License-Identifier: ISC */
/* words: see words.h.  Pure. */
#include "conf/words.h"
#include "base/buf.h"
#include "base/text.h"

struct span words_next(struct span *list, const char *between)
{
	size_t i = 0;

	while (list->size > 0 && strchr(between, list->data[0])) {
		*list = span_from(*list, 1);
	}
	while (i < list->size && !strchr(between, list->data[i])) {
		i++;
	}
	struct span word = span_first(*list, i);
	*list = span_from(*list, i);
	return word;
}

long words_find(const char *words, struct span word, struct span *ret_first)
{
	struct span rest = span_str(words);
	long n = 0;

	for (struct span entry = words_next(&rest, " "); entry.size > 0;
	     entry = words_next(&rest, " "), n++) {
		struct span spellings = entry, first = words_next(&spellings, "|");
		for (struct span s = first; s.size > 0; s = words_next(&spellings, "|")) {
			if (text_equal_fold(s, word)) {
				*ret_first = first;
				return n;
			}
		}
	}
	return -1;
}

bool words_fail(struct err *e, const char *what, const char *words)
{
	struct span rest = span_str(words);
	struct buf text BUF_AUTO;

	buf_init(&text, ERR_TEXT_MAX / 2);
	for (struct span w = words_next(&rest, " "); w.size > 0;
	     w = words_next(&rest, " ")) {
		struct span name = words_next(&w, "|");
		if ((text.size > 0 && !buf_add_str(&text, ", ")) ||
		    !buf_add_span(&text, name)) {
			break;
		}
	}
	return err_set(e, CAUSE_CONFIG, "%s: %s", what, text.data);
}
