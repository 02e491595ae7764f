/* SPDX-License-Identifier: ISC */
/*
 * reply: see reply.h.  RFC 5321 §4.2 and §4.2.1, RFC 2034 §4.
 *
 * Judges complete lines only (and lines that are too long), so that what it says never
 * depends on how the bytes were cut into pieces.
 */
#include "smtp/reply.h"
#include "base/text.h"

#include <stdio.h>

void reply_init(struct reply *r)
{
	*r = (struct reply){ .code = 0 };
	buf_init(&r->text, REPLY_TEXT_MAX);
}

static void reset(struct reply *r)
{
	r->code = 0;
	r->enhanced[0] = '\0';
	r->lines = 0;
	buf_reset(&r->text);
}

void reply_clear(struct reply *r)
{
	reset(r);
	buf_clear(&r->text);
}

/* Up to three digits at the front of *s, taken off. */
static bool take_number(struct span *s)
{
	size_t n = 0;

	while (n < s->size && n < 3 && text_is_digit(s->data[n])) {
		n++;
	}
	*s = span_from(*s, n);
	return n > 0;
}

static bool take_dot(struct span *s)
{
	if (s->size == 0 || s->data[0] != '.') {
		return false;
	}
	*s = span_from(*s, 1);
	return true;
}

/*
 * The enhanced code at the front of the text, or an empty span.  Its class must be the
 * class of the reply: otherwise it is just text.
 */
static struct span find_enhanced(struct span text, int code)
{
	struct span rest = span_from(text, 1);

	if (text.size < 5 || text.data[0] != '0' + code / 100 || code / 100 == 3 ||
	    !take_dot(&rest) || !take_number(&rest) || !take_dot(&rest) ||
	    !take_number(&rest) || (rest.size > 0 && rest.data[0] != ' ')) {
		return span_of(NULL, 0);
	}
	return span_first(text, text.size - rest.size);
}

static bool bad(struct err *e, const char *what, struct span line)
{
	struct span shown = span_first(line, 120);

	return err_set(e, CAUSE_PROTOCOL, "the server's reply %s: \"%.*s\"", what,
		       SPAN_ARG(shown));
}

static int code_of(struct span line)
{
	if (line.size < 3 || !text_is_digit(line.data[0]) ||
	    !text_is_digit(line.data[1]) || !text_is_digit(line.data[2])) {
		return 0;
	}
	return (line.data[0] - '0') * 100 + (line.data[1] - '0') * 10 +
	       (line.data[2] - '0');
}

/* One line without its line end.  *ret_is_last is set when the reply is complete. */
static bool add_line(struct reply *r, struct span line, bool *ret_is_last, struct err *e)
{
	int code = code_of(line);

	if (text_has_line_break(line)) {
		return bad(e, "has a control character in it", line);
	}
	if (code < 200 || code > 599 || (line.size > 3 && line.data[3] != ' ' &&
	    line.data[3] != '-')) {
		return bad(e, "is not SMTP", line);
	}
	if (r->lines > 0 && code != r->code) {
		return bad(e, "changes its code between lines", line);
	}
	if (r->lines == REPLY_LINES_MAX) {
		return bad(e, "has too many lines", line);
	}
	struct span text = span_from(line, 4);
	struct span enhanced = find_enhanced(text, code);
	if (r->lines == 0) {
		r->code = code;
		memcpy(r->enhanced, enhanced.size > 0 ? enhanced.data : "",
		       enhanced.size);
		r->enhanced[enhanced.size] = '\0';
	}
	if (enhanced.size > 0 && span_equal(enhanced, span_str(r->enhanced))) {
		text = span_from(text, enhanced.size + 1);
	}
	if ((r->lines > 0 && !buf_add_byte(&r->text, '\n')) ||
	    !buf_add_span(&r->text, text)) {
		return bad(e, "is too long", line);
	}
	r->lines++;
	*ret_is_last = line.size == 3 || line.data[3] == ' ';
	return true;
}

enum reply_got reply_parse(struct reply *r, struct span in, size_t *ret_used,
			   struct err *e)
{
	bool is_last = false;
	size_t at = 0;

	reset(r);
	while (!is_last) {
		struct span rest = span_first(span_from(in, at), REPLY_LINE_MAX);
		const char *end = rest.size > 0 ? memchr(rest.data, '\n', rest.size) : NULL;
		if (!end && rest.size < REPLY_LINE_MAX) {
			reset(r);
			return REPLY_MORE;
		}
		if (!end) {
			bad(e, "has a line that is too long", rest);
			return REPLY_BAD;
		}
		struct span line = span_of(rest.data, (size_t)(end - rest.data));
		at += line.size + 1;
		if (line.size > 0 && line.data[line.size - 1] == '\r') {
			line.size--;
		}
		if (!add_line(r, line, &is_last, e)) {
			return REPLY_BAD;
		}
	}
	*ret_used = at;
	return REPLY_DONE;
}

void reply_line(const struct reply *r, char *text, size_t size)
{
	int n = snprintf(text, size, "%d%s%s%s%s", r->code, r->enhanced[0] ? " " : "",
			 r->enhanced, r->text.size > 0 ? " " : "", r->text.data);

	if (n < 0 || size == 0) {
		return;
	}
	for (char *p = text; *p; p++) {
		if (*p == '\n') {
			*p = ' ';
		}
	}
	text_sanitise(text, strlen(text));
}
