/* SPDX-License-Identifier: ISC */
/*
 * addr_fault: see addr_fault.h.  Must never put a byte of the text into an error as it is
 * when a terminal could obey it or nobody could see it.
 */
#include "mail/addr_fault.h"
#include "base/buf.h"
#include "mail/addr_syntax.h"

enum {
	QUOTE_MAX = 100,   /* characters of the text that are shown */
	QUOTE_BEFORE = 60, /* of them before the column, when not all can be shown */
	QUOTE_BYTES = QUOTE_MAX * 8,
};

static const struct row {
	const char *sentence;
	bool names_character;
} rows[ADDR_WRONG_COUNT] = {
#define PLACE			    false
#define CHARACTER		    true
#define FAULT(name, what, sentence) [ADDR_##name] = { sentence, what },
#include "mail/addr_fault.def"
#undef FAULT
#undef CHARACTER
#undef PLACE
};

/* -- where ------------------------------------------------------------------------- */

size_t addr_column(struct span text, size_t at)
{
	struct span before = span_first(text, at);
	const char *newline =
		before.size ? memrchr(before.data, '\n', before.size) : NULL;
	size_t i = newline ? (size_t)(newline - before.data) + 1 : 0, column = 1;

	while (i < before.size) {
		i += addr_character(span_from(text, i)).size;
		column++;
	}
	return column;
}

static size_t line_of(struct span text, size_t at)
{
	size_t line = 1;

	for (size_t i = 0; i < at && i < text.size; i++) {
		line += text.data[i] == '\n';
	}
	return line;
}

/* -- what -------------------------------------------------------------------------- */

/* One character as people can read it. */
static bool add_visible(struct buf *to, struct span text)
{
	struct addr_character c = addr_character(text);

	if (c.wrong == ADDR_FINE || c.wrong == ADDR_WIDE_AT) {
		return buf_add_span(to, span_first(text, c.size));
	}
	if (c.code == '\r' || c.code == '\n' || c.code == '\t') {
		return buf_add_str(to, c.code == '\r'	? "\\r"
				       : c.code == '\n' ? "\\n"
							: "\\t");
	}
	return c.size == 1 ? buf_printf(to, "\\x%02x", (unsigned char)text.data[0])
			   : buf_printf(to, "\\u%04x", c.code);
}

/* Up to `most` characters; folding is shown as the blank that it means. */
static bool add_characters(struct buf *to, struct span text, size_t most)
{
	size_t count = 0, i = 0;
	bool fits = true;

	for (; i < text.size && count < most && fits; count++) {
		struct span rest = span_from(text, i);
		bool is_fold = rest.size > 2 && memcmp(rest.data, "\r\n", 2) == 0 &&
			       memchr(" \t", rest.data[2], 2);
		i += is_fold ? 2 : 0;
		rest = span_from(text, i);
		fits = is_fold ? buf_add_byte(to, ' ') : add_visible(to, rest);
		i += addr_character(rest).size;
	}
	return fits && (i >= text.size || buf_add_str(to, "..."));
}

/* Goes back by up to `most` characters, not before `start`. */
static size_t go_back(struct span text, size_t at, size_t start, size_t most)
{
	while (at > start && most > 0) {
		at--;
		most -= ((unsigned char)text.data[at] & 0xc0) != 0x80;
	}
	return at;
}

/* The element of the list, or the part of it around the column. */
static bool add_element(struct buf *to, const struct addr_fault *f, struct span text)
{
	struct span behind = span_from(text, f->at + 1);
	const char *comma = behind.size ? memchr(behind.data, ',', behind.size) : NULL;
	size_t end = comma ? (size_t)(comma - text.data) : text.size;
	size_t start = go_back(text, f->at, f->element, QUOTE_BEFORE);
	bool is_cut =
		go_back(text, start, f->element, QUOTE_MAX - QUOTE_BEFORE) > f->element;

	if (!is_cut) {
		start = f->element;
	}
	struct span shown = span_trim(span_of(text.data + start, end - start));
	return (!is_cut || buf_add_str(to, "...")) &&
	       add_characters(to, shown, QUOTE_MAX);
}

/* line 1 is not said. */
static bool set(struct err *e, const struct addr_fault *f, const struct span *shown,
		size_t line, size_t column)
{
	const struct row *row = &rows[f->wrong];
	struct buf b BUF_AUTO;
	bool fits = true;

	buf_init(&b, ERR_TEXT_MAX + QUOTE_BYTES);
	if (line > 1) {
		fits = buf_printf(&b, "line %zu, ", line);
	}
	fits = fits && buf_printf(&b, "column %zu: ", column);
	if (shown) {
		fits = fits && buf_add_str(&b, "address \"") &&
		       add_element(&b, f, *shown) && buf_add_str(&b, "\": ");
	}
	if (row->names_character && shown && f->at < shown->size) {
		fits = fits && buf_add_byte(&b, '"') &&
		       add_visible(&b, span_from(*shown, f->at)) &&
		       buf_add_str(&b, "\" ");
	} else if (row->names_character) {
		fits = fits && buf_add_str(&b, "the character ");
	}
	BUG_ON(!fits);
	return err_set(e, CAUSE_DATA, "%s%s", b.data, row->sentence);
}

/* On the first line the text may not begin in the first column. */
static size_t moved(struct span text, const struct addr_fault *f, size_t line,
		    size_t column)
{
	return addr_column(text, f->at) + (line == 1 && column > 0 ? column - 1 : 0);
}

bool addr_fault_set(struct err *e, const struct addr_fault *f, struct span text,
		    size_t column)
{
	size_t line = line_of(text, f->at);

	return set(e, f, &text, line, moved(text, f, line, column));
}

bool addr_fault_set_at(struct err *e, const struct addr_fault *f, struct span text,
		       size_t column)
{
	return set(e, f, &text, 1, column);
}

bool addr_fault_set_unquoted(struct err *e, const struct addr_fault *f, struct span text)
{
	return set(e, f, NULL, line_of(text, f->at), addr_column(text, f->at));
}
