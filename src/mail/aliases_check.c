/* SPDX-License-Identifier: ISC */
/*
 * aliases_check: all that is wrong with an aliases file, for newaliases.  Goes every way
 * that mail could go, but each alias only once.
 */
#include "base/mem.h"
#include "mail/aliases_set.h"

#include <stdlib.h>

/* A file that is being walked, and the one that includes it. */
struct open_file {
	const char *path;
	const struct open_file *outer;
};

struct check {
	const struct aliases *aliases;
	struct alias_problems problems;
	struct alias_paths paths;
	const struct open_file *open;
	enum { FRESH, OPEN, DONE } *states;
	unsigned *heights;	/* aliases behind each that is DONE, with itself */
};

static unsigned walk(struct check *c, const char *spec, const struct alias *parent,
		     unsigned depth);
static unsigned walk_targets(struct check *c, const struct alias *from, const char *file,
			     const struct alias *alias, unsigned depth);

static void tell_alias(struct check *c, const struct alias *alias, const char *what,
		       const char *name)
{
	struct err e;

	err_set(&e, CAUSE_CONFIG, "%s:%u: %s%s%s; take one of them out", c->aliases->file,
		alias->line, alias->name, what, name);
	alias_problem(&c->problems, ALIAS_MISTAKE, e.text);
}

/* lead: what stands before the text of the target.  more: what else can be done. */
static void tell_ring(struct check *c, const struct target *t, const char *file,
		      const struct alias *alias, const char *lead, const char *more)
{
	struct err e;

	err_set(&e, CAUSE_CONFIG, "%s:%u: %s: \"%s%s\" leads back to itself; take it out%s",
		file, t->line, alias->name, lead, t->text, more);
	alias_problem(&c->problems, ALIAS_MISTAKE, e.text);
}

static unsigned larger(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

static bool is_open(const struct check *c, const char *path)
{
	const struct open_file *f = c->open;

	while (f && strcmp(f->path, path) != 0) {
		f = f->outer;
	}
	return f;
}

static unsigned walk_include(struct check *c, const struct target *t, const char *file,
			     const struct alias *alias, unsigned depth)
{
	const struct open_file opened = { t->text, c->open };
	struct alias included;
	size_t refused = c->problems.counts[ALIAS_REFUSED];
	struct err e;

	if (is_open(c, t->text)) {
		tell_ring(c, t, file, alias, ":include:", "");
		return 0;
	}
	if (!alias_include(&included, t, alias->name, file, &c->paths, &c->problems)) {
		return 0;
	}
	if (included.count == 0 && c->problems.counts[ALIAS_REFUSED] == refused) {
		err_set(&e, CAUSE_CONFIG, "%s:%u: %s: nobody is in %s; write an address there",
			file, t->line, alias->name, t->text);
		alias_problem(&c->problems, ALIAS_REFUSED, e.text);
	}
	c->open = &opened;
	unsigned height = walk_targets(c, &included, t->text, alias, depth);
	c->open = opened.outer;
	alias_clear(&included);
	return height;
}

/*
 * `root: root, me@x.test` means the local root too; the same in a file that root includes
 * is a mistake.
 */
static unsigned walk_address(struct check *c, const struct target *t, const char *file,
			     const struct alias *alias, unsigned depth)
{
	bool is_included = file != c->aliases->file;

	if (is_included && aliases_find(c->aliases, c->problems.env, t->text) == alias) {
		char *more MEM_AUTO =
			mem_printf(", or write \"\\%s\" for the local name", alias->name);
		tell_ring(c, t, file, alias, "", more);
		return 0;
	}
	return walk(c, t->text, alias, depth + 1);
}

static unsigned walk_target(struct check *c, const struct target *t, const char *file,
			    const struct alias *alias, unsigned depth)
{
	switch (t->kind) {
	case TARGET_ADDRESS:
		return walk_address(c, t, file, alias, depth);
	case TARGET_INCLUDE:
		return walk_include(c, t, file, alias, depth);
	case TARGET_COMMAND:
	case TARGET_FILE:
	case TARGET_UNKNOWN:
		alias_refuse(t, alias->name, file, &c->problems);
		return 0;
	case TARGET_FINAL:
	case TARGET_NOTHING:
	case TARGET_LOST:
		return 0;
	}
	return 0;
}

static unsigned walk_targets(struct check *c, const struct alias *from, const char *file,
			     const struct alias *alias, unsigned depth)
{
	unsigned height = 0;

	for (size_t i = 0; i < from->count; i++) {
		height = larger(height, walk_target(c, &from->targets[i], file, alias, depth));
	}
	return height;
}

static unsigned walk_alias(struct check *c, const struct alias *alias, unsigned depth)
{
	size_t i = (size_t)(alias - c->aliases->at);
	unsigned height = 0;

	c->states[i] = OPEN;
	/* No deeper, so that no file can use up the stack. */
	if (depth < ALIAS_DEPTH_MAX) {
		height = walk_targets(c, alias, c->aliases->file, alias, depth);
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
	const struct alias *alias = aliases_find(c->aliases, c->problems.env, spec);

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

static int by_line(const void *a, const void *b)
{
	const struct alias *const *x = a, *const *y = b;

	return ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* In the order of the file: so what is told is easy to follow. */
static void walk_all(struct check *c)
{
	size_t count = c->aliases->count;
	const struct alias **order MEM_AUTO = mem_alloc(count, sizeof(*order));

	for (size_t i = 0; i < count; i++) {
		order[i] = &c->aliases->at[i];
	}
	if (count > 0) {
		qsort(order, count, sizeof(*order), by_line);
	}
	for (size_t i = 0; i < count; i++) {
		if (c->states[order[i] - c->aliases->at] == FRESH) {
			walk_alias(c, order[i], 0);
		}
	}
}

struct alias_report aliases_check(struct span text, const char *file,
				  const struct alias_env *env)
{
	struct check c = { .problems.env = env };
	struct aliases *a = aliases_read(text, file, &c.problems);

	c.aliases = a;
	c.states = mem_alloc(a->count, sizeof(c.states[0]));
	c.heights = mem_alloc(a->count, sizeof(c.heights[0]));
	walk_all(&c);
	const struct alias_report report = {
		.aliases = a->count,
		.mistakes = c.problems.counts[ALIAS_MISTAKE],
		.refused = c.problems.counts[ALIAS_REFUSED],
	};
	free(c.states);
	free(c.heights);
	alias_paths_clear(&c.paths);
	aliases_free(a);
	return report;
}
