/* SPDX-License-Identifier: ISC */
/* output: see output.h. */
#include "app/output.h"
#include "app/say.h"
#include "base/fs.h"
#include "base/text.h"

#include <poll.h>
#include <unistd.h>

/* One write. */
enum { PIECE = 64 << 10 };

void output_init(struct output *o)
{
	*o = (struct output){ 0 };
	buf_init(&o->text, PIECE);
}

static void write_out(struct output *o, struct span bytes)
{
	if (!o->has_failed && bytes.size > 0) {
		o->has_failed = !fs_write_all(STDOUT_FILENO, bytes.data, bytes.size);
	}
}

bool output_end(struct output *o)
{
	write_out(o, buf_span(&o->text));
	buf_clear(&o->text);
	return !o->has_failed;
}

/* Who has read enough, as head in "mailq | head", knows that it is not all. */
void output_tell_failure(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) < 0 || !(p.revents & (POLLERR | POLLHUP))) {
		say("standard output cannot be written to: it is not complete");
	}
}

void output_bytes(struct output *o, struct span bytes)
{
	if (buf_add_span(&o->text, bytes)) {
		return;
	}
	write_out(o, buf_span(&o->text));
	buf_reset(&o->text);
	if (!buf_add_span(&o->text, bytes)) {
		write_out(o, bytes);
	}
}

void output_text(struct output *o, const char *text)
{
	output_bytes(o, span_str(text));
}

void output_blanks(struct output *o, int count)
{
	static const char blanks[] = "                                ";
	enum { MOST = sizeof(blanks) - 1 };

	for (; count > 0; count -= MOST) {
		output_bytes(o, span_of(blanks, (size_t)(count < MOST ? count : MOST)));
	}
}

void output_number(struct output *o, unsigned long long number, int width)
{
	char digits[24];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	output_blanks(o, width - (int)(sizeof(digits) - at));
	output_bytes(o, span_of(digits + at, sizeof(digits) - at));
}

void output_shown(struct output *o, const char *text)
{
	struct span s = span_str(text);
	struct buf copy BUF_AUTO;

	buf_init(&copy, s.size);
	/* Most texts of a listing are plain: they need no copy. */
	if (text_is_plain(s)) {
		output_bytes(o, s);
	} else if (buf_add_span(&copy, s)) {
		text_sanitise(copy.data, copy.size);
		output_bytes(o, buf_span(&copy));
	}
}

/* The character at p and its size; a byte that is not UTF-8 is U+FFFD. */
static unsigned next_character(const unsigned char *p, size_t left, size_t *ret_size)
{
	*ret_size = 1;
	if (p[0] < 0x80) {
		return p[0];
	}
	for (size_t size = 2; size <= 4 && size <= left; size++) {
		if (text_is_utf8(span_of(p, size))) {
			unsigned value = p[0] & (0x7fu >> size);
			for (size_t i = 1; i < size; i++) {
				value = value << 6 | (p[i] & 0x3fu);
			}
			*ret_size = size;
			return value;
		}
	}
	return 0xfffd;
}

/* Line breaks, direction marks and what stands in a terminal's control range. */
static bool needs_escape(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == '"' || c == '\\' || c == 0xfffd ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

void output_json(struct output *o, const char *text)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = strlen(text), size;

	output_text(o, "\"");
	if (text_is_plain(span_of(text, left)) && !strpbrk(text, "\"\\")) {
		output_bytes(o, span_of(text, left));
		left = 0;
	}
	for (; left > 0; p += size, left -= size) {
		char escaped[8];
		unsigned c = next_character(p, left, &size);
		if (!needs_escape(c)) {
			output_bytes(o, span_of(p, size));
		} else if (c == '"' || c == '\\') {
			snprintf(escaped, sizeof(escaped), "\\%c", (char)c);
			output_text(o, escaped);
		} else {
			snprintf(escaped, sizeof(escaped), "\\u%04x", c & 0xffff);
			output_text(o, escaped);
		}
	}
	output_text(o, "\"");
}
