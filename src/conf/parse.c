/* SPDX-License-Identifier: ISC */
/*
 * parse: see parse.h.  An account takes its parents' values when it is defined, so a
 * parent must stand before its heirs and a loop cannot be written.  Never opens files.
 */
#include "conf/parse.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/keys.h"
#include "conf/lex.h"

enum { ACCOUNT_NAME_MAX = 255 };

/* Wrong lines that are reported; more are not this program's file. */
enum { REPORTS_MAX = 100 };

enum section {
	SECTION_NONE,
	SECTION_DEFAULTS,
	SECTION_ACCOUNT,
	SECTION_LOST,	/* behind a wrong `account` line, when wrong lines are reported */
};

struct parse {
	struct conf *c;
	size_t first;		/* index of this file's first account */
	const char *file;	/* kept by c */
	const char *secret_refusal;
	const struct conf_env *env;
	enum section section;
	struct account defaults, lost;
	struct conf_value *to;	/* the last `to` of this section: the next one adds to it */
	unsigned reports;
};

static bool fail_at(const struct parse *p, unsigned line, struct err *e, const char *text)
{
	return err_set(e, CAUSE_CONFIG, "%s:%u: %s", p->file, line, text);
}

/* Starts an account with the defaults that are known so far. */
static struct account *begin_account(struct parse *p, struct span name, unsigned line,
				     struct err *e)
{
	struct account *twin = account_find(p->c, p->first, name);

	if (twin) {
		err_set(e, CAUSE_CONFIG,
			"%s:%u: account: \"%.*s\" was already defined in line %u",
			p->file, line, SPAN_ARG(name), twin->line);
		return NULL;
	}
	struct account *a = account_add(p->c, name, p->file, line);
	if (!a) {
		fail_at(p, line, e, "account: too many accounts");
		return NULL;
	}
	account_inherit(a, &p->defaults, false);
	p->section = SECTION_ACCOUNT;
	p->to = NULL;
	return a;
}

static bool is_account_name(struct span name)
{
	return name.size > 0 && name.size <= ACCOUNT_NAME_MAX &&
	       !memchr(name.data, ',', name.size) && !memchr(name.data, ':', name.size);
}

/* Everything from the parents' names, "a, b". */
static bool inherit_all(struct parse *p, struct account *a, struct span parents,
			unsigned line, struct err *e)
{
	while (parents.size > 0) {
		const char *comma = memchr(parents.data, ',', parents.size);
		size_t size = comma ? (size_t)(comma - parents.data) : parents.size;
		struct span name = span_trim(span_first(parents, size));
		const struct account *parent = account_find(p->c, p->first, name);

		parents = span_from(parents, size + 1);
		if (name.size == 0 || (comma && parents.size == 0)) {
			return fail_at(p, line, e, "account: an account name is missing");
		}
		if (!parent || parent == a) {
			return err_set(e, CAUSE_CONFIG,
				"%s:%u: account: there is no account \"%.*s\" before "
				"this line",
				p->file, line, SPAN_ARG(name));
		}
		account_inherit(a, parent, true);
	}
	return true;
}

/* account NAME [: PARENT, PARENT…] */
static bool parse_account(struct parse *p, const struct lex_line *l, struct err *e)
{
	const char *colon =
		l->value.size ? memchr(l->value.data, ':', l->value.size) : NULL;
	size_t size = colon ? (size_t)(colon - l->value.data) : l->value.size;
	struct span name = span_trim(span_first(l->value, size));
	struct span parents = span_trim(span_from(l->value, size + 1));

	if (!is_account_name(name) || (colon && parents.size == 0)) {
		return fail_at(p, l->number, e,
			"account: a name is missing or wrong; write: account NAME, or: "
			"account NAME : OTHER");
	}
	struct account *a = begin_account(p, name, l->number, e);
	return a && inherit_all(p, a, parents, l->number, e);
}

static bool fail_unknown(const struct parse *p, const struct lex_line *l, struct err *e)
{
	const char *equals = memchr(l->key.data, '=', l->key.size);
	size_t size = equals ? (size_t)(equals - l->key.data) : l->key.size;
	enum key key;

	if (equals && conf_key_find(span_first(l->key, size), &key)) {
		return err_set(e, CAUSE_CONFIG,
			"%s:%u: %.*s: write a blank between setting and value, not \"=\"",
			p->file, l->number, SPAN_ARG(span_first(l->key, size)));
	}
	/* Not more than this: it may be a password on a line of its own. */
	struct span shown = span_first(l->key, 40);
	const char *nearest = conf_key_nearest(l->key);
	if (nearest) {
		return err_set(e, CAUSE_CONFIG,
			       "%s:%u: %.*s: unknown setting; did you mean \"%s\"?",
			       p->file, l->number, SPAN_ARG(shown), nearest);
	}
	return err_set(e, CAUSE_CONFIG, "%s:%u: %.*s: unknown setting; relayrc(5) has them all",
		       p->file, l->number, SPAN_ARG(shown));
}

static struct account *current(struct parse *p, unsigned line, struct err *e)
{
	switch (p->section) {
	case SECTION_DEFAULTS:
		return &p->defaults;
	case SECTION_ACCOUNT:
		return &p->c->accounts[p->c->count - 1];
	case SECTION_LOST:
		return &p->lost;
	case SECTION_NONE:
		break;
	}
	return begin_account(p, span_str("default"), line, e);
}

/* A password, or the PIN of a token in its URI. */
static bool is_secret_value(enum key key, struct span value)
{
	if (conf_key_row(key)->type == TYPE_PATH) {
		char *copy MEM_AUTO = mem_copy(value.data, value.size);
		return text_hide_pin(copy);
	}
	return conf_key_row(key)->type == TYPE_SECRET && value.size > 0;
}

/* msmtp's old word: what to write now. */
static void report_old_word(const struct parse *p, unsigned line, enum key key,
			    const struct account *a)
{
	const struct key_heir *heir = key_heir(key);
	const char *name = conf_key_row(key)->name;
	char text[512];

	if (heir) {
		const char *value = conf_value(a, heir->now)->text;
		snprintf(text, sizeof(text), "%s: an old word; write: %s %.200s", name,
			 conf_key_row(heir->now)->name, value ? value : "");
	} else {
		snprintf(text, sizeof(text), "%s: an old word, which is ignored; "
			 "remove this line", name);
	}
	p->env->report(p->env->report_arg, false, p->file, line, text);
}

/* The new value of a setting; NULL: its default is in force again. */
static bool set_line(struct parse *p, struct account *a, enum key *key, struct span text,
		     const char *where, struct conf_value **ret, struct err *e)
{
	bool adds = *key == KEY_TO && p->to && text.size > 0;

	if (adds ? !account_add_line(&p->to, *key, text, p->env, where, e)
		 : !account_set(a, *key, text, p->env, where, key, e)) {
		return false;
	}
	*ret = adds ? p->to : account_new_value(a, *key);
	if (*key == KEY_TO) {
		p->to = text.size > 0 ? *ret : NULL;
	}
	return true;
}

static bool set_value(struct parse *p, const struct lex_line *l, enum key key,
		      const char *where, struct err *e)
{
	struct account *a = current(p, l->number, e);
	const enum key written = key;
	struct conf_value *v = NULL;

	if (!a || !set_line(p, a, &key, l->value, where, &v, e)) {
		return false;
	}
	if (p->env->report && conf_key_row(written)->flags & KEY_OBSOLETE) {
		report_old_word(p, l->number, written, a);
	}
	if (!v) {
		return true;
	}
	v->file = p->file;
	v->line = l->number;
	v->from_defaults = p->section == SECTION_DEFAULTS;
	return account_count_bytes(p->c, v) ||
	       fail_at(p, l->number, e, "too much text in the accounts");
}

static bool parse_setting(struct parse *p, const struct lex_line *l, bool is_evaluated,
			  struct err *e)
{
	char *where MEM_AUTO = mem_printf("%s:%u", p->file, l->number);
	enum key key;

	if (memchr(l->key.data, '-', l->key.size) || !conf_key_find(l->key, &key)) {
		return fail_unknown(p, l, e);
	}
	bool is_secret = is_secret_value(key, l->value);
	if (is_secret && !is_evaluated && p->secret_refusal) {
		return err_set(e, CAUSE_CONFIG, "%s: %.*s: %s", where, SPAN_ARG(l->key),
			       p->secret_refusal);
	}
	return set_value(p, l, key, where, e);
}

static bool parse_line(struct parse *p, const struct lex_line *l, bool is_evaluated,
		       struct err *e);

/* The first line of a command's output stands in for this line. */
static bool parse_eval(struct parse *p, const struct lex_line *l, struct err *e)
{
	struct lex_line given = { .number = l->number };
	struct buf line BUF_AUTO;

	buf_init_secret(&line, LEX_LINE_MAX);
	if (!p->env->run || l->value.size == 0) {
		return fail_at(p, l->number, e,
			       p->env->run ? "eval: the command is missing"
					   : "eval: not possible here");
	}
	char *command MEM_AUTO = mem_copy(l->value.data, l->value.size);
	if (!p->env->run(command, &line, e) || !lex_split(buf_span(&line), &given, e)) {
		return err_ctx(e, "%s:%u: eval", p->file, l->number);
	}
	if (span_equal(given.key, span_str("eval"))) {
		return fail_at(p, l->number, e, "eval: the command gave another eval");
	}
	return given.key.size == 0 || parse_line(p, &given, true, e);
}

static bool parse_line(struct parse *p, const struct lex_line *l, bool is_evaluated,
		       struct err *e)
{
	if (span_equal(l->key, span_str("account"))) {
		return parse_account(p, l, e);
	}
	if (span_equal(l->key, span_str("defaults"))) {
		p->section = SECTION_DEFAULTS;
		p->to = NULL;
		return l->value.size == 0 ||
		       fail_at(p, l->number, e, "defaults: has no value");
	}
	if (span_equal(l->key, span_str("eval"))) {
		return parse_eval(p, l, e);
	}
	return parse_setting(p, l, is_evaluated, e);
}

/* The error without "FILE:LINE: ", which it may begin with. */
static const char *without_place(const struct parse *p, unsigned line, const char *text)
{
	char *place MEM_AUTO = mem_printf("%s:%u: ", p->file, line);
	size_t size = strlen(place);

	text_sanitise(place, size);
	return strncmp(text, place, size) == 0 ? text + size : text;
}

/* A wrong line: is it an error, or is it told of, and passed over? */
static bool pass_over(struct parse *p, const struct lex_line *l, struct err *e)
{
	if (!p->env->report) {
		return false;
	}
	if (p->reports++ == REPORTS_MAX) {
		return err_set(e, CAUSE_CONFIG,
			       "%s: more than %d wrong lines; the rest is not read",
			       p->file, REPORTS_MAX);
	}
	/* What follows would be taken for settings of the account before. */
	if (span_equal(l->key, span_str("account"))) {
		p->section = SECTION_LOST;
		p->to = NULL;
	}
	p->env->report(p->env->report_arg, true, p->file, l->number,
		       without_place(p, l->number, e->text));
	return true;
}

bool parse_text(struct conf *c, struct span text, const char *file,
		const char *secret_refusal, const struct conf_env *env, struct err *e)
{
	struct parse p = { .c = c,
			   .first = c->count,
			   .file = account_keep_file(c, file),
			   .secret_refusal = secret_refusal,
			   .env = env };
	struct lex l;
	struct lex_line line;
	bool ok = true, at_end = false;

	lex_init(&l, text, p.file);
	while (ok && !at_end) {
		if (!lex_next(&l, &line, e)) {
			ok = pass_over(&p, &line, e);
		} else if (line.key.size == 0) {
			at_end = true;
		} else {
			ok = parse_line(&p, &line, false, e) || pass_over(&p, &line, e);
		}
	}
	account_clear(&p.defaults);
	account_clear(&p.lost);
	return ok;
}
