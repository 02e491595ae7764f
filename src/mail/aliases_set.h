/* SPDX-License-Identifier: ISC */
/* aliases_set: the entries of an aliases file.  For aliases*.c alone. */
#ifndef MAIL_ALIASES_SET_H
#define MAIL_ALIASES_SET_H

#include "mail/aliases.h"

/* Most aliases of aliases. */
#define ALIAS_DEPTH_MAX 100u
/* Most bytes of a file that :include: names. */
#define ALIAS_INCLUDE_MAX ((size_t)1 << 20)

enum target_kind {
	TARGET_ADDRESS,
	TARGET_FINAL,		/* `\name`: not looked up again */
	TARGET_INCLUDE,		/* text is a path */
	TARGET_COMMAND,
	TARGET_FILE,
	TARGET_UNKNOWN,		/* another :word: */
};

struct target {
	enum target_kind kind;
	unsigned line;
	char *text;
};

struct alias {
	char *name;		/* as addr_parse_one gives it */
	unsigned line;
	struct target *targets;
	size_t count;
};

struct aliases {
	char *file;
	struct alias *at;	/* sorted by name, case ignored */
	size_t count, room;
};

struct alias_problems {
	void (*tell)(void *context, const char *text);
	void *context;
	size_t count;
};
void alias_problem(struct alias_problems *p, const char *text);

/* With `problems` all errors are told, wrong entries are left out, and it never fails. */
struct aliases *aliases_read(struct span text, const char *file,
			     struct alias_problems *problems,
			     struct err *e) RELAY_CHECKED;

/*
 * The addresses of an included file, one or more a line, as the targets of one alias; the
 * caller clears it.  What cannot be used is told.
 */
void alias_read_include(struct alias *to, struct span text, const char *file,
			struct alias_problems *problems);
/* Reads the file that target t of `name` in `file` includes, and tells when it cannot. */
bool alias_include(struct alias *to, const struct target *t, const char *name,
		   const char *file, const struct alias_env *env,
		   struct alias_problems *problems) RELAY_CHECKED;
/* Tells that nothing is delivered to this target, by its kind. */
void alias_refuse(const struct target *t, const char *name, const char *file,
		  struct alias_problems *problems);

void alias_clear(struct alias *alias);
/* The alias that takes this address, or NULL. */
const struct alias *aliases_find(const struct aliases *a, const struct alias_env *env,
				 const char *spec);

#endif
