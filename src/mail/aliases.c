/* SPDX-License-Identifier: ISC */
/*
 * aliases: the entries of an aliases file, and which of them takes an address.  Reading
 * is in aliases_read.c, replacing in aliases_expand.c, the check in aliases_check.c.
 */
#include "base/mem.h"
#include "base/text.h"
#include "mail/aliases_set.h"

#include <stdlib.h>

struct aliases *aliases_parse(struct span text, const char *file,
			      const struct alias_env *env)
{
	struct alias_problems problems = { .env = env };

	return aliases_read(text, file, &problems);
}

void alias_clear(struct alias *alias)
{
	for (size_t i = 0; i < alias->count; i++) {
		free(alias->targets[i].text);
	}
	free(alias->targets);
	free(alias->name);
	*alias = (struct alias){ 0 };
}

void aliases_free(struct aliases *a)
{
	if (!a) {
		return;
	}
	for (size_t i = 0; i < a->count; i++) {
		alias_clear(&a->at[i]);
	}
	free(a->at);
	free(a->file);
	free(a);
}

size_t aliases_count(const struct aliases *a)
{
	return a->count;
}

static const struct alias *find_name(const struct aliases *a, struct span name)
{
	size_t low = 0, high = a->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = text_compare_fold(name, span_str(a->at[middle].name));
		if (order == 0) {
			return &a->at[middle];
		}
		if (order < 0) {
			high = middle;
		} else {
			low = middle + 1;
		}
	}
	return NULL;
}

const struct alias *aliases_default(const struct aliases *a)
{
	return find_name(a, span_str("default"));
}

const struct alias *aliases_find(const struct aliases *a, const struct alias_env *env,
				 const char *spec)
{
	bool has_domain = addr_domain(span_str(spec)).size > 0;

	if (spec[0] == '\0' ||
	    (has_domain && !(env->is_own && env->is_own(env->context, spec)))) {
		return NULL;
	}
	const struct alias *found = find_name(a, addr_local(span_str(spec)));
	return found ? found : aliases_default(a);
}

void alias_problem(struct alias_problems *p, enum alias_trouble trouble, const char *text)
{
	p->counts[trouble]++;
	p->env->tell(p->env->context, trouble, p->recipient, text);
}

void alias_refuse(const struct target *t, const char *name, const char *file,
		  struct alias_problems *problems)
{
	static const char *const reasons[] = {
		[TARGET_COMMAND] = "is a command, and none is run",
		[TARGET_FILE] = "is a file, and mail is not written to files",
		[TARGET_UNKNOWN] = "is not known here; there are :include: and :blackhole:",
	};
	struct err e;

	/* For its bounded, printable text. */
	if (t->kind == TARGET_NOTHING) {
		err_set(&e, CAUSE_CONFIG, "%s:%u: %s: thrown away by \"%s\"", file, t->line,
			name, t->text);
		alias_problem(problems, ALIAS_DISCARDED, e.text);
		return;
	}
	err_set(&e, CAUSE_CONFIG,
		"%s:%u: %s: no mail goes to \"%s\": this %s; put an address in its place",
		file, t->line, name, t->text, reasons[t->kind]);
	alias_problem(problems, ALIAS_REFUSED, e.text);
}

/* -- included files ------------------------------------------------------------ */

void alias_paths_clear(struct alias_paths *paths)
{
	for (size_t i = 0; i < paths->count; i++) {
		free(paths->at[i]);
	}
	free(paths->at);
	*paths = (struct alias_paths){ 0 };
}

size_t alias_paths_find(const struct alias_paths *paths, const char *path)
{
	size_t i = 0;

	while (i < paths->count && strcmp(paths->at[i], path) != 0) {
		i++;
	}
	return i;
}

static void remember(struct alias_paths *paths, const char *path)
{
	paths->at = mem_resize(paths->at, paths->count + 1, sizeof(paths->at[0]));
	paths->at[paths->count++] = mem_str(path);
}

bool alias_include(struct alias *to, const struct target *t, const char *name,
		   const char *file, struct alias_paths *paths,
		   struct alias_problems *problems)
{
	const struct alias_env *env = problems->env;
	struct buf text BUF_AUTO;
	struct err e;

	buf_init(&text, ALIAS_INCLUDE_MAX);
	*to = (struct alias){ 0 };
	if (alias_paths_find(paths, t->text) < paths->count) {
		return false;
	}
	if (paths->count >= ALIAS_INCLUDES_MAX) {
		err_set(&e, CAUSE_CONFIG, "%s:%u: %s: more than %u included files", file, t->line,
			name, ALIAS_INCLUDES_MAX);
		alias_problem(problems, ALIAS_REFUSED, e.text);
		return false;
	}
	remember(paths, t->text);
	if (!env->read(env->context, t->text, &text, &e)) {
		err_ctx(&e, "%s:%u: %s: :include:", file, t->line, name);
		alias_problem(problems, ALIAS_REFUSED, e.text);
		return false;
	}
	to->name = mem_str(name);
	alias_read_include(to, buf_span(&text), t->text, problems);
	return true;
}
