/* SPDX-License-Identifier: ISC */
/*
 * qp: RFC 2045 §6.7.  Text with few other characters stays readable as it is.  A line
 * never ends in a blank and never has more than 76 columns.
 */
#include "mail/qp.h"

enum { COLUMN_MAX = 76 };

static bool is_line_end(struct span s)
{
	return s.size >= 2 && s.data[0] == '\r' && s.data[1] == '\n';
}

bool qp_add(struct buf *to, struct span text)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t column = 0;

	while (text.size > 0) {
		if (is_line_end(text)) {
			if (!buf_add_str(to, "\r\n")) {
				return false;
			}
			column = 0;
			text = span_from(text, 2);
			continue;
		}
		unsigned char c = (unsigned char)text.data[0];
		struct span rest = span_from(text, 1);
		bool is_last = rest.size == 0 || is_line_end(rest);
		bool is_plain = (c > ' ' && c < 0x7f && c != '=') ||
				((c == ' ' || c == '\t') && !is_last);
		char code[3] = { is_plain ? (char)c : '=', hex[c >> 4], hex[c & 15] };
		size_t size = is_plain ? 1 : sizeof(code);
		/* The last column is for the '=' of a soft line break. */
		if (column + size + !is_last > COLUMN_MAX) {
			if (!buf_add_str(to, "=\r\n")) {
				return false;
			}
			column = 0;
		}
		if (!buf_add(to, code, size)) {
			return false;
		}
		column += size;
		text = rest;
	}
	return true;
}
