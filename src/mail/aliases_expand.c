/* SPDX-License-Identifier: ISC */
/*
 * aliases_expand: local recipients → who gets their mail.  Must never lose a recipient
 * without a word: what has no alias, or only leads to itself, stays as it is.
 */
#include "base/mem.h"
#include "mail/aliases_set.h"

#include <stdlib.h>

/* One expansion.  Each alias gives its targets once: what it gives again is the same. */
struct expansion {
	const struct aliases *aliases;
	const struct alias_env *env;
	struct alias_problems problems;
	enum { FRESH, OPEN, DONE } *states;	/* of each alias */
	struct addr_list list;
	struct err *e;
};

static bool expand(struct expansion *x, const char *spec, const struct alias *parent,
		   unsigned depth);

/* The lines of an included file; another :include: in it is not followed. */
static bool expand_include(struct expansion *x, const struct target *t,
			   const struct alias *alias, unsigned depth)
{
	struct alias included;
	bool done = true;

	if (!alias_include(&included, t, alias->name, x->aliases->file, x->env,
			   &x->problems)) {
		return true;
	}
	for (size_t i = 0; done && i < included.count; i++) {
		const struct target *inner = &included.targets[i];
		if (inner->kind == TARGET_ADDRESS) {
			done = expand(x, inner->text, alias, depth + 1);
		} else if (inner->kind == TARGET_FINAL) {
			done = addr_list_add(&x->list, inner->text, x->e);
		} else {
			alias_refuse(inner, alias->name, t->text, &x->problems);
		}
	}
	alias_clear(&included);
	return done;
}

static bool expand_target(struct expansion *x, const struct target *t,
			  const struct alias *alias, unsigned depth)
{
	switch (t->kind) {
	case TARGET_ADDRESS:
		return expand(x, t->text, alias, depth + 1);
	case TARGET_FINAL:
		return addr_list_add(&x->list, t->text, x->e);
	case TARGET_INCLUDE:
		return expand_include(x, t, alias, depth);
	case TARGET_COMMAND:
	case TARGET_FILE:
	case TARGET_UNKNOWN:
		alias_refuse(t, alias->name, x->aliases->file, &x->problems);
		return true;
	}
	return true;
}

/* parent: the alias whose target spec is, or NULL. */
static bool expand(struct expansion *x, const char *spec, const struct alias *parent,
		   unsigned depth)
{
	const struct alias *alias = aliases_find(x->aliases, x->env, spec);

	if (!alias) {
		return addr_list_add(&x->list, spec, x->e);
	}
	size_t i = (size_t)(alias - x->aliases->at);
	/* `root: root, me@x.test` means the local root too; a longer way is a mistake. */
	if (x->states[i] == OPEN && alias == parent) {
		return addr_list_add(&x->list, spec, x->e);
	}
	if (x->states[i] == OPEN) {
		return err_set(x->e, CAUSE_CONFIG,
			       "%s:%u: %s leads back to itself, through %s",
			       x->aliases->file, alias->line, alias->name,
			       parent ? parent->name : alias->name);
	}
	if (x->states[i] == DONE) {
		return true;
	}
	if (depth >= ALIAS_DEPTH_MAX) {
		return err_set(x->e, CAUSE_CONFIG,
			       "%s:%u: %s: more than %u aliases of aliases",
			       x->aliases->file, alias->line, alias->name,
			       ALIAS_DEPTH_MAX);
	}
	x->states[i] = OPEN;
	bool done = true;
	for (size_t k = 0; done && k < alias->count; k++) {
		done = expand_target(x, &alias->targets[k], alias, depth);
	}
	x->states[i] = DONE;
	return done;
}

/* What came out of `from` remembers it. */
static void set_origins(struct addr_list *list, size_t first, const struct addr *from)
{
	for (size_t i = first; i < list->count; i++) {
		struct addr *to = &list->at[i];
		bool is_same = strcmp(to->spec, from->spec) == 0;
		const char *origin = from->origin ? from->origin
				     : is_same	  ? NULL
						  : from->spec;
		to->origin = origin ? mem_str(origin) : NULL;
		if (is_same) {
			to->where = from->where;
		}
	}
}

bool aliases_expand(const struct aliases *a, const struct alias_env *env,
		    struct addr_list *list, struct err *e)
{
	bool done = true;

	if (a && a->count > 0) {
		struct expansion x = { .aliases = a,
				       .env = env,
				       .problems = { env->tell, env->context, 0 },
				       .e = e };
		x.states = mem_alloc(a->count, sizeof(x.states[0]));
		for (size_t i = 0; done && i < list->count; i++) {
			size_t before = x.list.count;
			done = expand(&x, list->at[i].spec, NULL, 0);
			set_origins(&x.list, before, &list->at[i]);
		}
		free(x.states);
		addr_list_clear(list);
		*list = x.list;
	}
	if (done) {
		addr_list_unique(list);
	}
	return done;
}
