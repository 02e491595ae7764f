/* SPDX-License-Identifier: ISC */
/*
 * wire: line ends, the end of the input, and where the header ends (RFC 5322 §2.1, §2.2).
 *
 * A machine over bytes; what it does to a byte depends only on the bytes before it, never
 * on how they were cut into chunks.  Runs of ordinary bytes, nearly all of a large body,
 * are copied eight at a time.  Must never put out a CR or LF that is not in a CRLF.
 */
#include "mail/wire.h"
#include "base/text.h"

#include <stdint.h>

enum state {
	STATE_FIRST,	/* the input began with `held` bytes of "From " or ">From " */
	STATE_SKIP,	/* in that line: nothing is put out */
	STATE_START,	/* nothing of the line was put out */
	STATE_DOT,	/* the same, but a dot was read: perhaps the end */
	STATE_LINE,	/* something of the line was put out */
};

/* What the present line is. */
enum field {
	FIELD_BODY,	/* a line of the body */
	FIELD_START,	/* nothing of it was seen */
	FIELD_NAME,	/* a field, if a colon follows */
	FIELD_BLANK,	/* the same, after a blank behind the name */
	FIELD_YES,	/* a field, or the continuation of one */
};

enum {
	/* Longer field names are text: or a gigabyte of base64 would be a header. */
	NAME_MAX_SIZE = 998,
	/* RFC 5322 §2.1.1; nobody asks how long a shorter one is. */
	LINE_MAX_SIZE = 998,
	/* What one slice of input can become: a CR per LF, and what was held back. */
	SLICE = 16384,
	SLACK = 16,
	SLICE_SMALL = 240,
};

void wire_init(struct wire *w, bool ends_at_dot)
{
	*w = (struct wire){
		.ends_at_dot = ends_at_dot,
		.header_end = WIRE_UNKNOWN,
		.body_start = WIRE_UNKNOWN,
		.at = { .state = STATE_FIRST, .field = FIELD_START },
	};
}

/* The first byte lowest. */
static uint64_t little_endian(uint64_t v)
{
	return __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? __builtin_bswap64(v) : v;
}

/* A byte of 0x80 where a byte of v is zero, exactly. */
static uint64_t zeros(uint64_t v)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7f;

	return ~(((v & low) + low) | v | low);
}

/*
 * Copies the bytes before the first CR or LF and returns their number; notes 8-bit bytes
 * and NUL among them.  `to` has room for size bytes.
 */
static size_t copy_run(struct wire *w, const char *from, size_t size, char *to)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t high = 0, nul = 0;
	size_t i = 0;
	bool found = false;

	while (!found && i + sizeof(uint64_t) <= size) {
		uint64_t v;
		memcpy(&v, from + i, sizeof(v));
		memcpy(to + i, &v, sizeof(v));
		v = little_endian(v);
		uint64_t ends = zeros(v ^ ones * '\n') | zeros(v ^ ones * '\r');
		size_t run = sizeof(v);
		uint64_t before = ~(uint64_t)0;
		if (ends) {
			found = true;
			run = (size_t)__builtin_ctzll(ends) / 8;
			before = ((uint64_t)1 << (run * 8)) - 1;
		}
		high |= v & before;
		nul |= zeros(v) & before;
		i += run;
	}
	while (!found && i < size && from[i] != '\n' && from[i] != '\r') {
		to[i] = from[i];
		high |= (unsigned char)from[i];
		nul |= from[i] == '\0';
		i++;
	}
	w->is_8bit = w->is_8bit || (high & ones * 0x80);
	w->has_nul = w->has_nul || nul;
	return i;
}

static void end_header(struct wire *w, size_t header_end, size_t body_start)
{
	w->header_end = header_end;
	w->body_start = body_start;
	w->at.field = FIELD_BODY;
}

/* Is the line a field?  Looks at the next bytes of it, which were put out at `offset`. */
static void classify(struct wire *w, const char *text, size_t size, size_t offset)
{
	for (size_t i = 0; i < size; i++) {
		char c = text[i];
		bool is_blank = c == ' ' || c == '\t', is_name = c > ' ' && c < 0x7f;
		bool is_text = false;
		switch (w->at.field) {
		case FIELD_START:
			is_text = is_blank ? !w->at.had_field : !is_name || c == ':';
			w->at.field = is_blank ? FIELD_YES : FIELD_NAME;
			break;
		case FIELD_NAME:
			is_text = !is_blank && !is_name;
			w->at.field = c == ':'   ? FIELD_YES
				    : is_blank ? FIELD_BLANK
					       : FIELD_NAME;
			break;
		case FIELD_BLANK:
			w->at.field = c == ':' ? FIELD_YES : FIELD_BLANK;
			is_text = c != ':' && !is_blank;
			break;
		default:
			return;
		}
		/* With its colon the name must fit into a line (mail/mime_line.c agrees). */
		bool is_long = offset + i - w->at.line_start >= NAME_MAX_SIZE;
		if (is_text || is_long) {
			end_header(w, w->at.line_start, w->at.line_start);
			return;
		}
	}
}

/* Counts what was written to the output and belongs to the present line. */
static void put_out(struct wire *w, const char *text, size_t size)
{
	if (size == 0) {
		return;
	}
	if (w->at.field != FIELD_BODY && w->at.field != FIELD_YES) {
		classify(w, text, size, w->size);
	}
	w->size += size;
	w->at.state = STATE_LINE;
}

static char *put_text(struct wire *w, const char *text, size_t size, char *to)
{
	memcpy(to, text, size);
	put_out(w, to, size);
	return to + size;
}

static void note_length(struct wire *w)
{
	size_t length = w->size - w->at.line_start;

	w->longest_line = length > w->longest_line ? length : w->longest_line;
}

/* CRLF; the line is complete. */
static char *end_line(struct wire *w, char *to)
{
	note_length(w);
	bool is_empty = w->size == w->at.line_start;
	*to++ = '\r';
	*to++ = '\n';
	w->size += 2;
	if (w->at.field == FIELD_START && is_empty) {
		end_header(w, w->at.line_start, w->size);
	} else if (w->at.field == FIELD_YES) {
		w->at.had_field = true;
		w->at.field = FIELD_START;
	} else if (w->at.field != FIELD_BODY) {
		end_header(w, w->at.line_start, w->at.line_start);
	}
	w->at.line_start = w->size;
	w->at.state = STATE_START;
	w->at.had_cr = false;
	return to;
}

/* The bytes that were held back turn out to be text. */
static char *put_held(struct wire *w, char *to)
{
	if (w->at.state == STATE_FIRST) {
		const char *from = w->at.is_quoted ? ">From " : "From ";
		w->at.state = STATE_START;
		return put_text(w, from, w->at.held, to);
	}
	if (w->at.state == STATE_DOT) {
		to = put_text(w, ".", 1, to);
	}
	if (w->at.had_cr) {
		w->at.had_cr = false;
		to = put_text(w, " ", 1, to);
	}
	return to;
}

/*
 * One more byte of the first line.  True when it was taken.  `From :` is an old form of
 * the field, so one byte more must be seen.
 */
static bool take_first(struct wire *w, char c)
{
	if (w->at.held == 0) {
		w->at.is_quoted = c == '>';
	}
	const char *from = w->at.is_quoted ? ">From " : "From ";
	if (from[w->at.held] == '\0' && c != ':') {
		w->at.state = STATE_SKIP;
		return c != '\n';
	}
	if (c != from[w->at.held]) {
		return false;
	}
	w->at.held++;
	return true;
}

/* The wire form of size bytes at `from`; `to` has room for 2 × size + SLACK. */
static char *convert(struct wire *w, const char *from, size_t size, char *to)
{
	const char *end = from + size;

	while (from < end && !w->ended) {
		char c = *from;
		if (w->at.state == STATE_FIRST) {
			if (take_first(w, c)) {
				from++;
			} else if (w->at.state == STATE_FIRST) {
				to = put_held(w, to);
			}
		} else if (w->at.state == STATE_SKIP) {
			const char *newline = memchr(from, '\n', (size_t)(end - from));
			w->at.state = newline ? STATE_START : STATE_SKIP;
			from = newline ? newline + 1 : end;
		} else if (c == '\n') {
			w->ended = w->at.state == STATE_DOT;
			to = w->ended ? to : end_line(w, to);
			from++;
		} else if (c == '\r') {
			w->at.had_cr = true;
			from++;
		} else if (w->at.state == STATE_START && c == '.' && w->ends_at_dot &&
			   !w->at.had_cr) {
			w->at.state = STATE_DOT;
			from++;
		} else {
			if (w->at.had_cr || w->at.state == STATE_DOT) {
				to = put_held(w, to);
			}
			size_t run = copy_run(w, from, (size_t)(end - from), to);
			put_out(w, to, run);
			from += run;
			to += run;
		}
	}
	return to;
}

bool wire_feed(struct wire *w, struct span in, struct buf *out)
{
	while (in.size > 0 && !w->ended) {
		size_t slice = in.size < SLICE ? in.size : SLICE;
		char *to = buf_room(out, 2 * slice + SLACK);
		if (to) {
			buf_grew(out, (size_t)(convert(w, in.data, slice, to) - to));
		} else {
			/* Near the maximum: all that fits still goes in. */
			char small[2 * SLICE_SMALL + SLACK];
			slice = slice < SLICE_SMALL ? slice : SLICE_SMALL;
			to = convert(w, in.data, slice, small);
			if (!buf_add(out, small, (size_t)(to - small))) {
				return false;
			}
		}
		in = span_from(in, slice);
	}
	note_length(w);
	return true;
}

void wire_forget_header(struct wire *w, struct span body)
{
	/* Nearly always the header hides nothing. */
	if (!w->is_8bit && !w->has_nul && w->longest_line <= LINE_MAX_SIZE) {
		return;
	}
	w->is_8bit = !text_is_ascii(body);
	w->has_nul = body.size > 0 && memchr(body.data, '\0', body.size);
	w->longest_line = 0;
	while (body.size > 0) {
		const char *end = memchr(body.data, '\r', body.size);
		size_t length = end ? (size_t)(end - body.data) : body.size;
		w->longest_line = length > w->longest_line ? length : w->longest_line;
		body = span_from(body, length + 2);
	}
}

bool wire_end(struct wire *w, struct buf *out)
{
	char last[SLACK], *to = last;

	if (w->at.state == STATE_FIRST && w->at.held < strlen("From ") + w->at.is_quoted) {
		to = put_held(w, to);
	}
	w->ended = w->ended || w->at.state == STATE_DOT;
	if (!w->ended && (w->at.state == STATE_LINE || w->at.had_cr)) {
		to = end_line(w, to);
	}
	if (w->body_start == WIRE_UNKNOWN) {
		end_header(w, w->size, w->size);
	}
	return buf_add(out, last, (size_t)(to - last));
}

/* Where the next line with a dot in front starts, after at least one byte; or NULL. */
static const char *find_dot(struct span in)
{
	const char *end = in.data + in.size, *p = in.data;

	while ((p = memchr(p, '\n', (size_t)(end - p))) && ++p < end) {
		if (*p == '.') {
			return p;
		}
	}
	return NULL;
}

bool wire_stuff(bool *at_line_start, struct span in, struct buf *out)
{
	while (in.size > 0) {
		const char *dot = find_dot(in);
		size_t run = dot ? (size_t)(dot - in.data) : in.size;
		if ((*at_line_start && in.data[0] == '.' && !buf_add_byte(out, '.')) ||
		    !buf_add(out, in.data, run)) {
			return false;
		}
		*at_line_start = in.data[run - 1] == '\n';
		in = span_from(in, run);
	}
	return true;
}
