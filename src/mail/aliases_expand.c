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
	struct alias_problems problems;
	struct alias_paths paths;
	enum { FRESH, OPEN, DONE } *states;	/* of each alias */
	struct addr_list list;
	bool is_default_lost;	/* each that comes to `default:` stands for itself */
	size_t first_path;	/* the paths before it were included before this alias */
	size_t repeats;		/* targets that were given already */
	struct err *e;
};

static bool expand(struct expansion *x, const char *spec, const struct alias *parent,
		   unsigned depth);
static bool expand_targets(struct expansion *x, const struct alias *from, const char *file,
			   const struct alias *alias, unsigned depth);

/* A target that cannot be read or followed: its mail goes as if there were no alias. */
static bool expand_lost(struct expansion *x, const struct alias *alias, unsigned depth)
{
	const struct alias *other = aliases_default(x->aliases);

	if (other && x->states[other - x->aliases->at] != OPEN && depth < ALIAS_DEPTH_MAX) {
		return expand(x, other->name, NULL, depth + 1);
	}
	x->is_default_lost = x->is_default_lost || alias == other;
	return addr_list_add(&x->list, alias == other ? x->problems.recipient : alias->name,
			     x->e);
}

static bool expand_include(struct expansion *x, const struct target *t, const char *file,
			   const struct alias *alias, unsigned depth)
{
	struct alias included;

	x->repeats += alias_paths_find(&x->paths, t->text) < x->first_path;
	if (!alias_include(&included, t, alias->name, file, &x->paths, &x->problems)) {
		return true;
	}
	bool done = expand_targets(x, &included, t->text, alias, depth);
	alias_clear(&included);
	return done;
}

/* file: where the target stands. */
static bool expand_target(struct expansion *x, const struct target *t, const char *file,
			  const struct alias *alias, unsigned depth)
{
	switch (t->kind) {
	case TARGET_ADDRESS:
		return expand(x, t->text, alias, depth + 1);
	case TARGET_FINAL:
		return addr_list_add(&x->list, t->text, x->e);
	case TARGET_INCLUDE:
		return expand_include(x, t, file, alias, depth);
	case TARGET_LOST:
		return expand_lost(x, alias, depth);
	case TARGET_NOTHING:
	case TARGET_COMMAND:
	case TARGET_FILE:
	case TARGET_UNKNOWN:
		alias_refuse(t, alias->name, file, &x->problems);
		return true;
	}
	return true;
}

/* The targets in `from`: those of the alias itself, or of a file it includes. */
static bool expand_targets(struct expansion *x, const struct alias *from, const char *file,
			   const struct alias *alias, unsigned depth)
{
	bool done = true;

	for (size_t i = 0; done && i < from->count; i++) {
		done = expand_target(x, &from->targets[i], file, alias, depth);
	}
	return done;
}

static bool tell_lost(struct expansion *x, const struct alias *alias, const char *what,
		      const char *name, unsigned depth)
{
	struct err e;

	err_set(&e, CAUSE_CONFIG, "%s:%u: %s%s%s; take one of them out", x->aliases->file,
		alias->line, alias->name, what, name);
	alias_problem(&x->problems, ALIAS_MISTAKE, e.text);
	return expand_lost(x, alias, depth);
}

/* What may have become of an alias: grows with each. */
static size_t count_results(const struct expansion *x)
{
	return x->list.count + x->repeats + x->problems.counts[ALIAS_REFUSED] +
	       x->problems.counts[ALIAS_DISCARDED];
}

static bool expand_alias(struct expansion *x, const struct alias *alias, unsigned depth)
{
	size_t i = (size_t)(alias - x->aliases->at), first_path = x->first_path;
	size_t results = count_results(x);
	struct err e;

	x->states[i] = OPEN;
	x->first_path = x->paths.count;
	bool done = expand_targets(x, alias, x->aliases->file, alias, depth);
	x->first_path = first_path;
	x->states[i] = DONE;
	if (done && count_results(x) == results) {
		err_set(&e, CAUSE_CONFIG,
			"%s:%u: %s: no mail goes to it: nobody is in what it includes; "
			"write an address there",
			x->aliases->file, alias->line, alias->name);
		alias_problem(&x->problems, ALIAS_REFUSED, e.text);
	}
	return done;
}

/* parent: the alias whose target spec is, or NULL. */
static bool expand(struct expansion *x, const char *spec, const struct alias *parent,
		   unsigned depth)
{
	const struct alias *alias = aliases_find(x->aliases, x->problems.env, spec);

	if (!alias) {
		return addr_list_add(&x->list, spec, x->e);
	}
	size_t i = (size_t)(alias - x->aliases->at);
	/* `root: root, me@x.test` means the local root too; a longer way is a mistake. */
	if (x->states[i] == OPEN && alias == parent) {
		return addr_list_add(&x->list, spec, x->e);
	}
	if (x->states[i] == OPEN) {
		return tell_lost(x, alias, " leads back to itself, through ",
				 parent ? parent->name : alias->name, depth);
	}
	if (x->states[i] == DONE) {
		x->repeats++;
		return !(x->is_default_lost && alias == aliases_default(x->aliases)) ||
		       addr_list_add(&x->list, spec, x->e);
	}
	if (depth >= ALIAS_DEPTH_MAX) {
		return tell_lost(x, alias, ": more aliases of aliases than are followed", "",
				 depth);
	}
	return expand_alias(x, alias, depth);
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
		struct expansion x = { .aliases = a, .problems.env = env, .e = e };
		x.states = mem_alloc(a->count, sizeof(x.states[0]));
		for (size_t i = 0; done && i < list->count; i++) {
			size_t before = x.list.count;
			x.problems.recipient = list->at[i].spec;
			done = expand(&x, list->at[i].spec, NULL, 0);
			set_origins(&x.list, before, &list->at[i]);
		}
		free(x.states);
		alias_paths_clear(&x.paths);
		addr_list_clear(list);
		*list = x.list;
	}
	if (done) {
		addr_list_unique(list);
	}
	return done;
}
