/* SPDX-License-Identifier: ISC */
/*
 * verb: see verb.h.  Every byte that a server reads as a command passes verb_add_line, so
 * that no address, name or login can put a second command behind the first.
 */
#include "smtp/verb.h"
#include "base/text.h"

static const struct verb_row rows[VERB_COUNT] = {
	[VERB_NONE] = { "", "", 300, true },
#define VERB(name, word, phrase, seconds, ends_group) \
	[VERB_##name] = { word, phrase, seconds, ends_group },
#include "smtp/verb.def"
#undef VERB
};

const struct verb_row *verb_row(enum verb verb)
{
	return &rows[verb < VERB_COUNT ? verb : VERB_NONE];
}

bool verb_add_line(struct buf *to, enum verb verb, struct span rest, struct err *e)
{
	const struct verb_row *row = verb_row(verb);
	size_t word = strlen(row->word);

	if (text_has_line_break(rest)) {
		return err_set(e, CAUSE_DATA,
			       "%s: a line break or NUL stands in what was to be sent",
			       row->phrase);
	}
	if (rest.size > VERB_LINE_MAX - 2 - word) {
		return err_set(e, CAUSE_DATA,
			       "%s: the command line is too long (%zu bytes)",
			       row->phrase, rest.size);
	}
	char *line = buf_room(to, word + rest.size + 2);
	if (!line) {
		return err_set(e, CAUSE_DATA, "%s: too much to send at once",
			       row->phrase);
	}
	memcpy(line, row->word, word);
	if (rest.size > 0) {
		memcpy(line + word, rest.data, rest.size);
	}
	line[word + rest.size] = '\r';
	line[word + rest.size + 1] = '\n';
	buf_grew(to, word + rest.size + 2);
	return true;
}

bool verb_add_xtext(struct buf *to, struct span text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.size; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c > ' ' && c < 0x7f && c != '+' && c != '=') {
			if (!buf_add_byte(to, (char)c)) {
				return false;
			}
		} else {
			char escaped[3] = { '+', hex[c >> 4], hex[c & 15] };
			if (!buf_add(to, escaped, sizeof(escaped))) {
				return false;
			}
		}
	}
	return true;
}

const char *verb_envid_fault(struct span envid)
{
	BUF_AUTO struct buf xtext;

	buf_init(&xtext, VERB_ENVID_MAX);
	for (size_t i = 0; i < envid.size; i++) {
		if (envid.data[i] < ' ' || envid.data[i] > '~') {
			return "not printable ASCII; take other characters out";
		}
	}
	return verb_add_xtext(&xtext, envid)
		       ? NULL
		       : "more than 100 characters, of which a blank, + and = count as three";
}
