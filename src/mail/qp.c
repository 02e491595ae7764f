/* SPDX-License-Identifier: ISC */
/*
 * qp: RFC 2045 §6.7.  Text with few other characters stays readable as it is.  A line
 * never ends in a blank and never has more than 76 columns.
 */
#include "mail/qp.h"

enum {
	COLUMN_MAX = 76,
	SLICE = 256,
	/* A byte can become a soft line break and three characters. */
	GROWTH = 6,
};

static char *put(struct qp *q, char byte, bool is_last, char *to)
{
	static const char hex[] = "0123456789ABCDEF";
	unsigned char c = (unsigned char)byte;
	bool is_plain = (c > ' ' && c < 0x7f && c != '=') ||
			((c == ' ' || c == '\t') && !is_last);
	size_t size = is_plain ? 1 : 3;

	/* The last column is for the '=' of a soft line break. */
	if (q->column + size + !is_last > COLUMN_MAX) {
		memcpy(to, "=\r\n", 3);
		to += 3;
		q->column = 0;
		/* Text from within a line must not become a boundary (RFC 2046 §5.1.1). */
		is_plain = is_plain && byte != '-';
		size = is_plain ? 1 : 3;
	}
	q->column += size;
	*to++ = is_plain ? byte : '=';
	if (!is_plain) {
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
}

static char *put_held(struct qp *q, bool is_last, char *to)
{
	bool has_held = q->has_held;

	q->has_held = false;
	return has_held ? put(q, q->held, is_last, to) : to;
}

static char *hold(struct qp *q, char byte, char *to)
{
	to = put_held(q, false, to);
	q->held = byte;
	q->has_held = true;
	return to;
}

static char *take(struct qp *q, char byte, char *to)
{
	if (q->had_cr) {
		q->had_cr = false;
		if (byte == '\n') {
			to = put_held(q, true, to);
			memcpy(to, "\r\n", 2);
			q->column = 0;
			return to + 2;
		}
		to = hold(q, '\r', to);
	}
	if (byte == '\r') {
		q->had_cr = true;
		return to;
	}
	return hold(q, byte, to);
}

bool qp_feed(struct qp *q, struct span text, struct buf *to)
{
	char slice[(SLICE + 2) * GROWTH];

	while (text.size > 0) {
		size_t size = text.size < SLICE ? text.size : SLICE;
		char *end = slice;
		for (size_t i = 0; i < size; i++) {
			end = take(q, text.data[i], end);
		}
		if (!buf_add(to, slice, (size_t)(end - slice))) {
			return false;
		}
		text = span_from(text, size);
	}
	return true;
}

bool qp_end(struct qp *q, struct buf *to)
{
	char last[2 * GROWTH], *end = last;

	if (q->had_cr) {
		q->had_cr = false;
		end = hold(q, '\r', end);
	}
	end = put_held(q, true, end);
	return buf_add(to, last, (size_t)(end - last));
}

bool qp_add(struct buf *to, struct span text)
{
	struct qp q = { 0 };

	return qp_feed(&q, text, to) && qp_end(&q, to);
}
