/* SPDX-License-Identifier: ISC */
/*
 * aliases_check: all that is wrong with an aliases file, for newaliases.  Goes every way
 * that mail could go, but each alias only once.
 */
#include "base/mem.h"
#include "mail/aliases_set.h"

#include <stdlib.h>

struct check {
	const struct aliases *aliases;
	const struct alias_env *env;
	struct alias_problems problems;
	enum { FRESH, OPEN, DONE } *states;
	unsigned *heights;	/* aliases behind each that is DONE, with itself */
};

static unsigned walk(struct check *c, const char *spec, const struct alias *parent,
		     unsigned depth);

static void tell_alias(struct check *c, const struct alias *alias, const char *what,
		       const char *name)
{
	struct err e;

	if (!err_set(&e, CAUSE_CONFIG, "%s:%u: %s%s%s", c->aliases->file, alias->line,
		     alias->name, what, name)) {
		alias_problem(&c->problems, e.text);
	}
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static unsigned walk_include(struct check *c, const struct target *t,
			     const struct alias *alias, unsigned depth)
{
	struct alias included;
	unsigned height = 0;

	if (!alias_include(&included, t, alias->name, c->aliases->file, c->env,
			   &c->problems)) {
		return 0;
	}
	for (size_t i = 0; i < included.count; i++) {
		const struct target *inner = &included.targets[i];
		if (inner->kind == TARGET_ADDRESS) {
			height = larger(height, walk(c, inner->text, alias, depth + 1));
		} else if (inner->kind != TARGET_FINAL) {
			alias_refuse(inner, alias->name, t->text, &c->problems);
		}
	}
	alias_clear(&included);
	return height;
}

static unsigned walk_target(struct check *c, const struct target *t,
			    const struct alias *alias, unsigned depth)
{
	switch (t->kind) {
	case TARGET_ADDRESS:
		return walk(c, t->text, alias, depth + 1);
	case TARGET_INCLUDE:
		return walk_include(c, t, alias, depth);
	case TARGET_COMMAND:
	case TARGET_FILE:
	case TARGET_UNKNOWN:
		alias_refuse(t, alias->name, c->aliases->file, &c->problems);
		return 0;
	case TARGET_FINAL:
		return 0;
	}
	return 0;
}

static unsigned walk_alias(struct check *c, const struct alias *alias, unsigned depth)
{
	size_t i = (size_t)(alias - c->aliases->at);
	unsigned height = 0;

	c->states[i] = OPEN;
	/* No deeper, so that no file can use up the stack. */
	for (size_t k = 0; depth < ALIAS_DEPTH_MAX && k < alias->count; k++) {
		height = larger(height, walk_target(c, &alias->targets[k], alias, depth));
	}
	c->states[i] = DONE;
	c->heights[i] = height + 1;
	if (depth == 0 && c->heights[i] > ALIAS_DEPTH_MAX) {
		tell_alias(c, alias, ": more aliases of aliases than are followed", "");
	}
	return c->heights[i];
}

/* How many aliases are gone through from here. */
static unsigned walk(struct check *c, const char *spec, const struct alias *parent,
		     unsigned depth)
{
	const struct alias *alias = aliases_find(c->aliases, c->env, spec);

	if (!alias) {
		return 0;
	}
	size_t i = (size_t)(alias - c->aliases->at);
	if (c->states[i] == FRESH) {
		return walk_alias(c, alias, depth);
	}
	if (c->states[i] == DONE) {
		return c->heights[i];
	}
	if (alias != parent) {
		tell_alias(c, alias, " leads back to itself, through ",
			   parent ? parent->name : alias->name);
	}
	return 0;
}

size_t aliases_check(struct span text, const char *file, const struct alias_env *env,
		     size_t *ret_count)
{
	struct check c = { .env = env, .problems = { env->tell, env->context, 0 } };
	struct err e;
	struct aliases *a = aliases_read(text, file, &c.problems, &e);

	BUG_ON(!a);
	c.aliases = a;
	c.states = mem_alloc(a->count, sizeof(c.states[0]));
	c.heights = mem_alloc(a->count, sizeof(c.heights[0]));
	for (size_t i = 0; i < a->count; i++) {
		if (c.states[i] == FRESH) {
			walk_alias(&c, &a->at[i], 0);
		}
	}
	*ret_count = a->count;
	free(c.states);
	free(c.heights);
	aliases_free(a);
	return c.problems.count;
}
