/* SPDX-License-Identifier: ISC */
/* quoted: see quoted.h.  An open quote ends with the line. */
#include "import/quoted.h"

static bool separates(char c, const char *also)
{
	return c != '\0' && (strchr(" \t\r\n", c) || strchr(also, c));
}

bool quoted_next(struct span *line, const char *also, struct buf *word)
{
	size_t i = 0;
	char quote = '\0';

	buf_reset(word);
	while (i < line->size && separates(line->data[i], also)) {
		i++;
	}
	bool found = i < line->size;
	for (; i < line->size && (quote || !separates(line->data[i], also)); i++) {
		char c = line->data[i];
		if (c == quote) {
			quote = '\0';
			continue;
		}
		if (!quote && (c == '"' || c == '\'')) {
			quote = c;
			continue;
		}
		if (c == '\\' && quote != '\'' && i + 1 < line->size) {
			c = line->data[++i];
		}
		if (!buf_add_byte(word, c)) {
			break;
		}
	}
	*line = span_from(*line, i);
	return found;
}
