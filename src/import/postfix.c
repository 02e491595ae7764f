/* SPDX-License-Identifier: ISC */
/*
 * postfix: main.cf, master.cf and the lookup tables → accounts.  This file goes through the
 * parameters; routes, senders and local names have files of their own.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/build.h"
#include "import/lines.h"

#include <stdlib.h>

/* Largest value, largest main.cf. */
enum { VALUE_MOST = 1 << 18, MAIN_MOST = 1 << 20 };

/* -- values -------------------------------------------------------------------- */

static const struct table no_table;

/* Its own text, before anything is replaced; data is NULL: only a default. */
static struct span written(const struct postfix *p, struct span transport, const char *name,
			   struct import_place *at)
{
	const struct main_line *line = main_cf_find(&p->main, span_str(name));
	const struct master_option *option =
		transport.size > 0 ? master_cf_option(&p->master, transport, span_str(name))
				   : NULL;

	*at = (struct import_place){ p->file, line ? line->line : 0 };
	if (option) {
		return option->value.data ? option->value : span_str("");
	}
	return line ? (line->value.data ? line->value : span_str("")) : span_of(NULL, 0);
}

char *postfix_get(struct postfix *p, struct span transport, const char *name,
		  struct import_place *ret_at)
{
	struct import_place at;
	struct span text = written(p, transport, name, &at);
	struct buf value BUF_AUTO;
	struct err e;

	buf_init_secret(&value, VALUE_MOST);
	bool ok = text.data ? main_cf_expand(&p->main, text, &value, &e)
			    : main_cf_get(&p->main, name, &value, &e);
	if (!ok) {
		buf_reset(&value);
		if (!build_has_note(p->im, IMPORT_LEFT, name)) {
			build_note(p->im, IMPORT_LEFT, at, name, "%s", e.text);
		}
	}
	if (ret_at) {
		*ret_at = at;
	}
	struct span trimmed = span_trim(buf_span(&value));
	return mem_copy(trimmed.data, trimmed.size);
}

bool postfix_yes(struct postfix *p, struct span transport, const char *name)
{
	char *value MEM_AUTO = postfix_get(p, transport, name, NULL);

	return text_equal_fold(span_str(value), span_str("yes"));
}

bool postfix_is_set(const struct postfix *p, struct span transport, const char *name)
{
	struct import_place at;

	return written(p, transport, name, &at).size > 0;
}

const struct table *postfix_table(struct postfix *p, struct span transport,
				  const char *name, bool patterns)
{
	struct import_place at;
	char *list MEM_AUTO = postfix_get(p, transport, name, &at);
	char *spec = mem_printf("%s%s", patterns ? "/" : "", list);

	for (size_t i = 0; i < p->table_count; i++) {
		if (strcmp(p->tables[i]->spec, spec) == 0) {
			mem_free_secret(&spec);
			mem_free_secret(&list);
			return &p->tables[i]->table;
		}
	}
	if (list[0] == '\0') {
		free(spec);
		return &no_table;
	}
	struct postfix_table *t = mem_alloc(1, sizeof(*t));
	p->tables = mem_resize(p->tables, p->table_count + 1, sizeof(*p->tables));
	p->tables[p->table_count++] = t;
	t->spec = spec;
	table_read(&t->table, p->im, p->env, span_str(list), at, name, patterns);
	mem_free_secret(&list);	/* static:user:password */
	return &t->table;
}

/* -- the parameters ------------------------------------------------------------ */

static void tell_odd_line(void *context, unsigned line)
{
	struct postfix *p = context;

	build_note(p->im, IMPORT_LEFT, (struct import_place){ p->file, line }, "(no name)",
		   "not `name = value`: Postfix does not accept this line either");
}

/* Names that other values use, as $name: not parameters of Postfix, but not unknown. */
static bool *find_used(const struct main_cf *m)
{
	bool *is_used = mem_alloc(m->count + 1, sizeof(*is_used));

	for (size_t i = 0; i < m->count; i++) {
		struct span rest = m->lines[i].value;
		const char *dollar;
		while (rest.size > 0 && (dollar = memchr(rest.data, '$', rest.size))) {
			size_t size = 0;
			rest = span_from(rest, (size_t)(dollar - rest.data) + 1);
			if (rest.size > 0 && strchr("{(", rest.data[0])) {
				rest = span_from(rest, 1);
			}
			while (size < rest.size &&
			       (text_is_alpha(rest.data[size]) ||
				text_is_digit(rest.data[size]) || rest.data[size] == '_')) {
				size++;
			}
			const struct main_line *line =
				main_cf_find(m, span_first(rest, size));
			if (line) {
				is_used[line - m->lines] = true;
			}
		}
	}
	return is_used;
}

/* Not switched off, and not "never". */
static bool says_something(const char *value)
{
	static const char *const nothing[] = { "", "no", "0", "0s" };

	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		if (text_equal_fold(span_str(value), span_str(nothing[i]))) {
			return false;
		}
	}
	return true;
}

static void take_left(struct postfix *p, const struct postfix_row *row, const char *name,
		      struct import_place at)
{
	char *value MEM_AUTO = postfix_get(p, span_of(NULL, 0), name, &at);

	if (says_something(value) &&
	    !build_has_note(p->im, IMPORT_LEFT, name)) {
		build_note(p->im, IMPORT_LEFT, at, name, "%s", row->text);
	}
}

static void take_line(struct postfix *p, const struct main_line *line, bool is_used)
{
	const struct postfix_row *row = postfix_row_find(line->name);
	char *name MEM_AUTO = mem_copy(line->name.data, line->name.size);
	struct import_place at = { p->file, line->line };

	if (!row) {
		if (!is_used) {
			build_mention(p->im, IMPORT_UNKNOWN, at, name);
		}
	} else if (row->kind == ROW_NOT_NEEDED) {
		build_mention(p->im, IMPORT_NOT_NEEDED, at, name);
	} else if (row->kind == ROW_LEFT) {
		take_left(p, row, name, at);
	} else if (row->kind == ROW_APPLY) {
		char *value MEM_AUTO = postfix_get(p, span_of(NULL, 0), name, &at);
		if (value[0]) {
			row->apply(p, row, value, at);
		}
	}
}

/* Is it the last line of its name? */
static bool is_in_force(const struct main_cf *m, const struct main_line *line)
{
	return main_cf_find(m, line->name) == line;
}

static void take_lines(struct postfix *p)
{
	bool *is_used = find_used(&p->main);

	for (size_t i = 0; i < p->main.count; i++) {
		if (is_in_force(&p->main, &p->main.lines[i])) {
			take_line(p, &p->main.lines[i], is_used[i]);
		}
	}
	free(is_used);
}

/* relay wants the longest wait to be the longest; Postfix does not care. */
static void fit_times(struct postfix *p)
{
	struct import_account *a = &p->im->defaults;
	struct conf c;
	const struct conf_env env = { 0 };
	struct err e;

	const char *min = build_value(a, KEY_MINIMAL_BACKOFF_TIME),
		   *max = build_value(a, KEY_MAXIMAL_BACKOFF_TIME);
	if (!min && !max) {
		return;
	}
	conf_init(&c);
	struct account *one = conf_add_account(&c, "times");
	bool ok = (!min || conf_set(one, KEY_MINIMAL_BACKOFF_TIME, span_str(min), "", &env, &e)) &&
		  (!max || conf_set(one, KEY_MAXIMAL_BACKOFF_TIME, span_str(max), "", &env, &e));
	if (ok && conf_number(one, KEY_MINIMAL_BACKOFF_TIME) >
			  conf_number(one, KEY_MAXIMAL_BACKOFF_TIME)) {
		const char *name = max ? "maximal_backoff_time" : "minimal_backoff_time";
		const struct main_line *line = main_cf_find(&p->main, span_str(name));
		char *longest MEM_AUTO = mem_str(conf_text(one, KEY_MINIMAL_BACKOFF_TIME));
		build_note(p->im, IMPORT_CHANGED,
			   (struct import_place){ p->file, line ? line->line : 0 }, name,
			   "maximal_backoff_time was less than minimal_backoff_time; both "
			   "became %.40s", longest);
		build_put(p->im, a, KEY_MINIMAL_BACKOFF_TIME, longest);
		build_put(p->im, a, KEY_MAXIMAL_BACKOFF_TIME, longest);
	}
	conf_clear(&c);
}

/* Settings without any note. */
static void count_carried(struct postfix *p)
{
	for (size_t i = 0; i < p->main.sorted_count; i++) {
		const struct main_line *line = p->main.sorted[i];
		const struct postfix_row *row = postfix_row_find(line->name);
		if (!row || row->kind == ROW_NOT_NEEDED) {
			continue;
		}
		char *name MEM_AUTO = mem_copy(line->name.data, line->name.size);
		p->im->carried += !build_has_note(p->im, IMPORT_LEFT, name) &&
				  !build_has_note(p->im, IMPORT_CHANGED, name);
	}
}

static void clear(struct postfix *p)
{
	for (size_t i = 0; i < p->table_count; i++) {
		mem_free_secret(&p->tables[i]->spec);
		table_clear(&p->tables[i]->table);
		free(p->tables[i]);
	}
	free(p->tables);
	main_cf_clear(&p->main);
	master_cf_clear(&p->master);
}

bool import_postfix(struct import *im, const struct import_env *env, const char *path,
		    struct err *e)
{
	struct postfix p = { .im = im, .env = env };
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	char *folder MEM_AUTO = slash ? mem_copy(path, size) : mem_str(".");
	char *master MEM_AUTO = mem_printf("%s/master.cf", folder);
	struct buf text BUF_AUTO;
	struct err unused;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	im->program = "postfix";
	im->source = mem_str(path);
	if (!build_read(env, path, &text, e)) {
		return false;
	}
	if (text.size > MAIN_MOST) {
		return err_set(e, CAUSE_CONFIG, "%s: larger than 1 MiB: not a main.cf", path);
	}
	p.file = build_keep_file(im, path);
	main_cf_init(&p.main, &text, env->host, folder, tell_odd_line, &p);
	/* Many setups have nothing of their own in it. */
	buf_reset(&text);
	if (build_read(env, master, &text, &unused)) {
		master_cf_init(&p.master, &text);
	}
	take_lines(&p);
	fit_times(&p);
	postfix_senders(&p);
	postfix_local(&p);
	postfix_routes(&p);
	count_carried(&p);
	clear(&p);
	return true;
}
