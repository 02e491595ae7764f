/* SPDX-License-Identifier: ISC */
/* netrc: see netrc.h.  Every word may be a password, so all stand in secret buffers. */
#include "sys/netrc.h"

#include "base/text.h"

/* How well an entry fits; a higher one replaces a lower one. */
enum fit { FIT_NOT, FIT_DEFAULT, FIT_HOST, FIT_EXACT };

struct entry {
	bool is_host, is_default; /* neither: another machine's */
	bool has_login, is_user;
	bool has_password;
	struct buf password;
};

struct parser {
	const char *host, *user;
	struct span rest;
	unsigned line; /* of the last word's end */
	struct buf word;
	struct entry entry;
	enum fit best;
	struct buf *password; /* of the best entry so far */
	struct err *e;
};

enum word { WORD_END, WORD_GOOD, WORD_BAD };

static bool malformed(struct parser *p, const char *why)
{
	return err_set(p->e, CAUSE_SECRET, "line %u: %s", p->line, why);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char take_byte(struct parser *p)
{
	char c = p->rest.data[0];

	p->rest = span_from(p->rest, 1);
	p->line += c == '\n';
	return c;
}

static void skip_blanks(struct parser *p)
{
	while (p->rest.size > 0 && is_blank(p->rest.data[0])) {
		take_byte(p);
	}
}

static void skip_line(struct parser *p)
{
	while (p->rest.size > 0 && take_byte(p) != '\n') {
	}
}

/* A macro's text ends at an empty line. */
static void skip_macro(struct parser *p)
{
	bool is_empty;

	skip_line(p);
	do {
		is_empty = p->rest.size == 0 || p->rest.data[0] == '\n' ||
			   (p->rest.size > 1 && memcmp(p->rest.data, "\r\n", 2) == 0);
		skip_line(p);
	} while (!is_empty);
}

static enum word next_word(struct parser *p)
{
	bool is_quoted;

	buf_reset(&p->word);
	skip_blanks(p);
	if (p->rest.size == 0) {
		return WORD_END;
	}
	is_quoted = p->rest.data[0] == '"';
	if (is_quoted) {
		take_byte(p);
	}
	while (p->rest.size > 0 &&
	       (is_quoted ? p->rest.data[0] != '"' : !is_blank(p->rest.data[0]))) {
		if (p->rest.data[0] == '\\' && p->rest.size > 1) {
			take_byte(p);
		}
		if (p->rest.data[0] == '\n' || !buf_add_byte(&p->word, p->rest.data[0])) {
			malformed(p, p->rest.data[0] == '\n'
					     ? "the line ends inside a word"
					     : "a word is too long");
			return WORD_BAD;
		}
		take_byte(p);
	}
	if (is_quoted && p->rest.size == 0) {
		malformed(p, "a quote is missing");
		return WORD_BAD;
	}
	if (is_quoted) {
		take_byte(p);
	}
	return WORD_GOOD;
}

static enum fit entry_fit(const struct entry *n)
{
	if (!n->has_password || (n->has_login && !n->is_user)) {
		return FIT_NOT;
	}
	if (n->is_host) {
		return n->has_login ? FIT_EXACT : FIT_HOST;
	}
	/* A password for everybody at every host is nobody's wish. */
	return n->is_default && n->has_login ? FIT_DEFAULT : FIT_NOT;
}

/* The entry is complete: keeps its password if it is the best so far. */
static bool entry_end(struct parser *p)
{
	struct entry *n = &p->entry;
	enum fit fit = entry_fit(n);

	if (fit > p->best) {
		buf_reset(p->password);
		if (!buf_add_span(p->password, buf_span(&n->password))) {
			return malformed(p, "the password is too long");
		}
		p->best = fit;
	}
	buf_reset(&n->password);
	n->is_host = n->is_default = n->has_login = n->is_user = n->has_password = false;
	return true;
}

static bool do_machine(struct parser *p)
{
	if (!entry_end(p)) {
		return false;
	}
	p->entry.is_host = text_equal_fold(buf_span(&p->word), span_str(p->host));
	return true;
}

static bool do_default(struct parser *p)
{
	if (!entry_end(p)) {
		return false;
	}
	p->entry.is_default = true;
	return true;
}

static bool do_login(struct parser *p)
{
	p->entry.has_login = true;
	p->entry.is_user = span_equal(buf_span(&p->word), span_str(p->user));
	return true;
}

static bool do_password(struct parser *p)
{
	p->entry.has_password = true;
	buf_reset(&p->entry.password);
	return buf_add_span(&p->entry.password, buf_span(&p->word)) ||
	       malformed(p, "the password is too long");
}

static bool do_macdef(struct parser *p)
{
	skip_macro(p);
	return true;
}

static bool do_nothing(struct parser *p)
{
	(void)p;
	return true;
}

static const struct keyword {
	const char *name;
	bool has_value; /* act() finds it in p->word */
	bool (*act)(struct parser *p);
} keywords[] = {
	{ "machine", true, do_machine },   { "default", false, do_default },
	{ "login", true, do_login },	   { "user", true, do_login },
	{ "password", true, do_password }, { "passwd", true, do_password },
	{ "account", true, do_nothing },   { "port", true, do_nothing },
	{ "macdef", true, do_macdef },
};

static bool do_keyword(struct parser *p)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {
		const struct keyword *k = &keywords[i];
		if (!span_equal(buf_span(&p->word), span_str(k->name))) {
			continue;
		}
		enum word value = k->has_value ? next_word(p) : WORD_GOOD;
		if (value == WORD_END) {
			return malformed(p, "the file ends where a value should be");
		}
		return value == WORD_GOOD && k->act(p);
	}
	return true;
}

static bool parse(struct parser *p)
{
	while (p->best != FIT_EXACT) {
		skip_blanks(p);
		if (p->rest.size > 0 && p->rest.data[0] == '#') {
			skip_line(p);
			continue;
		}
		enum word word = next_word(p);
		if (word == WORD_END) {
			return entry_end(p);
		}
		if (word == WORD_BAD || !do_keyword(p)) {
			return false;
		}
	}
	return true;
}

bool netrc_find(struct span text, const char *host, const char *user,
		struct buf *password, bool *ret_found, struct err *e)
{
	struct parser p = {
		.host = host,
		.user = user,
		.rest = text,
		.line = 1,
		.password = password,
		.e = e,
	};

	buf_init_secret(&p.word, password->max);
	buf_init_secret(&p.entry.password, password->max);
	buf_reset(password);
	bool is_good = parse(&p);
	buf_clear(&p.word);
	buf_clear(&p.entry.password);
	if (!is_good || p.best == FIT_NOT) {
		buf_reset(password);
	}
	if (is_good) {
		*ret_found = p.best != FIT_NOT;
	}
	return is_good;
}
