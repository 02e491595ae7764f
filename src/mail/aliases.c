/* SPDX-License-Identifier: ISC */
/*
 * aliases: the entries of an aliases file, and which of them takes an address.  Reading
 * is in aliases_read.c, replacing in aliases_expand.c, the check in aliases_check.c.
 */
#include "base/mem.h"
#include "base/text.h"
#include "mail/aliases_set.h"

#include <stdlib.h>

struct aliases *aliases_parse(struct span text, const char *file, struct err *e)
{
	return aliases_read(text, file, NULL, e);
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

const struct alias *aliases_find(const struct aliases *a, const struct alias_env *env,
				 const char *spec)
{
	bool has_domain = addr_domain(span_str(spec)).size > 0;

	if (spec[0] == '\0' ||
	    (has_domain && !(env->is_own && env->is_own(env->context, spec)))) {
		return NULL;
	}
	const struct alias *found = find_name(a, addr_local(span_str(spec)));
	return found ? found : find_name(a, span_str("default"));
}

void alias_problem(struct alias_problems *p, const char *text)
{
	p->count++;
	p->tell(p->context, text);
}

void alias_refuse(const struct target *t, const char *name, const char *file,
		  struct alias_problems *problems)
{
	static const char *const reasons[] = {
		[TARGET_INCLUDE] = "is a file that an included file includes",
		[TARGET_COMMAND] = "is a command, and none is run",
		[TARGET_FILE] = "is a file, and mail is not written to files",
		[TARGET_UNKNOWN] = "is not known; the only such word is :include:",
	};
	struct err e;

	/* For its bounded, printable text. */
	if (!err_set(&e, CAUSE_CONFIG, "%s:%u: %s: no mail goes to \"%s\": this %s", file,
		     t->line, name, t->text, reasons[t->kind])) {
		alias_problem(problems, e.text);
	}
}

bool alias_include(struct alias *to, const struct target *t, const char *name,
		   const char *file, const struct alias_env *env,
		   struct alias_problems *problems)
{
	struct buf text BUF_AUTO;
	struct err e;

	*to = (struct alias){ 0 };
	buf_init(&text, ALIAS_INCLUDE_MAX);
	if (!env->read(env->context, t->text, &text, &e)) {
		err_ctx(&e, "%s:%u: %s: :include:", file, t->line, name);
		alias_problem(problems, e.text);
		return false;
	}
	to->name = mem_str(name);
	alias_read_include(to, buf_span(&text), t->text, problems);
	return true;
}
