/* SPDX-License-Identifier: ISC */
/* aliases_set: the entries of an aliases file.  For aliases*.c alone. */
#ifndef MAIL_ALIASES_SET_H
#define MAIL_ALIASES_SET_H

#include "mail/aliases.h"

/* Most aliases of aliases. */
#define ALIAS_DEPTH_MAX 100u
/* Most bytes of a file that :include: names. */
#define ALIAS_INCLUDE_MAX ((size_t)1 << 20)
/* Most of such files for one message. */
#define ALIAS_INCLUDES_MAX 100u

enum target_kind {
	TARGET_ADDRESS,
	TARGET_FINAL,		/* `\name`: not looked up again */
	TARGET_INCLUDE,		/* text is a path */
	TARGET_NOTHING,		/* /dev/null, :blackhole: */
	TARGET_COMMAND,
	TARGET_FILE,
	TARGET_UNKNOWN,		/* another :word: */
	TARGET_LOST,		/* could not be read; text is NULL */
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

/* Where troubles are told, and how many of each there were. */
struct alias_problems {
	const struct alias_env *env;
	const char *recipient;	/* whose mail it is, or NULL */
	size_t counts[ALIAS_TROUBLES];
};
void alias_problem(struct alias_problems *p, enum alias_trouble trouble, const char *text);

/* As aliases_parse. */
struct aliases *aliases_read(struct span text, const char *file,
			     struct alias_problems *problems);

/* Files that were included already: each gives its lines once. */
struct alias_paths {
	char **at;
	size_t count;
};
void alias_paths_clear(struct alias_paths *paths);
/* Where in paths it is; paths->count when it was not included yet. */
size_t alias_paths_find(const struct alias_paths *paths, const char *path);

/*
 * The addresses of an included file, one or more a line, as the targets of one alias; the
 * caller clears it.  A line that cannot be used is told: its readers get no mail.
 */
void alias_read_include(struct alias *to, struct span text, const char *file,
			struct alias_problems *problems);
/*
 * Reads the file that target t of `name` in `file` includes; true when its lines are in *to,
 * which the caller clears.  False: it was read before, or cannot be, which is told.
 */
bool alias_include(struct alias *to, const struct target *t, const char *name,
		   const char *file, struct alias_paths *paths,
		   struct alias_problems *problems) RELAY_CHECKED;
/* Tells that nothing is delivered to this target, by its kind. */
void alias_refuse(const struct target *t, const char *name, const char *file,
		  struct alias_problems *problems);

void alias_clear(struct alias *alias);
/* The alias that takes this address, or NULL. */
const struct alias *aliases_find(const struct aliases *a, const struct alias_env *env,
				 const char *spec);
/* `default:`, or NULL. */
const struct alias *aliases_default(const struct aliases *a);

#endif
