/* SPDX-License-Identifier: ISC */
/* aliases_text: see aliases_text.h. */
#include "mail/aliases_text.h"
#include "base/text.h"

#include <stdint.h>

char alias_text_byte(const struct alias_text *r, size_t at)
{
	return at < r->text.size ? r->text.data[at] : '\n';
}

size_t alias_text_line_end(const struct alias_text *r, size_t at)
{
	struct span rest = span_from(r->text, at);
	const char *newline = rest.size ? memchr(rest.data, '\n', rest.size) : NULL;

	return newline ? (size_t)(newline - r->text.data) : r->text.size;
}

bool alias_text_skip_lines(struct alias_text *r)
{
	while (r->at < r->text.size) {
		size_t end = alias_text_line_end(r, r->at);
		struct span line = span_of(r->text.data + r->at, end - r->at);
		struct span inside = span_trim(line);
		if (inside.size > 0 && inside.data[0] != '#') {
			return true;
		}
		r->at = end < r->text.size ? end + 1 : end;
		r->line++;
	}
	return false;
}

/* At an LF: true when the entry goes on, on the next line that is not empty. */
static bool next_line(struct alias_text *r)
{
	if (r->at >= r->text.size) {
		return false;
	}
	r->at++;
	r->line++;
	return alias_text_skip_lines(r) &&
	       (alias_text_byte(r, r->at) == ' ' || alias_text_byte(r, r->at) == '\t');
}

/* Goes past a `\\` at the end of a line: the next line belongs to this one. */
static void join_lines(struct alias_text *r)
{
	size_t end = r->at + 1;

	if (alias_text_byte(r, r->at) != '\\' || end >= r->text.size) {
		return;
	}
	end += alias_text_byte(r, end) == '\r';
	if (end < r->text.size && alias_text_byte(r, end) == '\n') {
		r->at = end + 1;
		r->line++;
	}
}

/*
 * The next byte of the entry: line ends are blanks, comments are not there.  False at the
 * end of the entry: the reader is then at the start of the next line.
 */
static bool next_byte(struct alias_text *r, char before, bool is_plain, char *ret_byte)
{
	bool after_blank = before == ' ' || before == '\t';

	join_lines(r);
	if (is_plain && after_blank && alias_text_byte(r, r->at) == '#') {
		r->at = alias_text_line_end(r, r->at);
	}
	if (alias_text_byte(r, r->at) == '\r' && alias_text_byte(r, r->at + 1) == '\n') {
		r->at++;
	}
	if (alias_text_byte(r, r->at) == '\n' && !next_line(r)) {
		r->in_entry = false;
		return false;
	}
	*ret_byte = alias_text_byte(r, r->at);
	r->at++;
	return true;
}

void alias_text_skip_entry(struct alias_text *r)
{
	char c = ' ';

	while (r->in_entry && next_byte(r, c, false, &c)) {
		continue;
	}
}

/*
 * Goes on to `stop` outside quotes and comments, or to the end of the entry, or behind byte
 * `most`; what was read is appended to `to`, if there is one, while it fits.
 */
static bool scan(struct alias_text *r, char stop, struct buf *to, size_t most,
		 bool *ret_stopped)
{
	bool in_quotes = false, is_escaped = false, has_text = false, fits = true;
	unsigned depth = 0;
	char c = ',';

	*ret_stopped = false;
	for (size_t n = 0; n <= most && next_byte(r, c, !in_quotes && depth == 0, &c); n++) {
		bool is_plain = !in_quotes && depth == 0;
		if (c == stop && is_plain) {
			*ret_stopped = true;
			break;
		}
		if (!has_text && c != ' ' && c != '\t') {
			has_text = true;
			r->piece_line = r->line;
		}
		fits = fits && (!to || buf_add_byte(to, c));
		if (is_escaped || c == '\\') {
			is_escaped = !is_escaped && !is_plain;
		} else if (c == '"' && depth == 0) {
			in_quotes = !in_quotes;
		} else if (!in_quotes) {
			depth += c == '(';
			depth -= c == ')' && depth > 0;
		}
	}
	return fits;
}

bool alias_text_piece(struct alias_text *r, char stop, struct buf *to, bool *ret_stopped)
{
	r->piece = (struct alias_text_place){ r->at, r->line };
	return scan(r, stop, to, SIZE_MAX - 1, ret_stopped);
}

struct alias_text_place alias_text_find(const struct alias_text *r, char stop, size_t offset)
{
	struct alias_text again = *r, before;
	bool ignored;

	again.at = r->piece.at;
	again.line = r->piece.line;
	again.in_entry = true;
	before = again;
	if (offset > 0) {
		scan(&before, stop, NULL, offset - 1, &ignored);
	}
	again = before;
	scan(&again, stop, NULL, 0, &ignored);
	/* At the end of the entry it stands in the next line already. */
	return again.in_entry ? (struct alias_text_place){ again.at - 1, again.line }
			      : (struct alias_text_place){ before.at, before.line };
}
