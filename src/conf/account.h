/* SPDX-License-Identifier: ISC */
/* account: the list of accounts as the parser builds it; everybody else uses conf.h. */
#ifndef CONF_ACCOUNT_H
#define CONF_ACCOUNT_H

#include "conf/conf.h"

/* Most accounts, and most bytes of their values together. */
#define ACCOUNTS_MAX	  1000
#define ACCOUNT_BYTES_MAX (16u << 20)

/* Keeps a copy of a file's name as long as the configuration lives. */
const char *account_keep_file(struct conf *c, const char *file);

/* "FILE:LINE"; without a line, as for what comes from the environment, only the name. */
void account_where(const char *file, unsigned line, char *text, size_t size);

/* NULL when there are too many. */
struct account *account_add(struct conf *c, struct span name, const char *file,
			    unsigned line);

void account_clear(struct account *a);

/*
 * Sets one value, or what became of an old word.  where: "FILE:LINE" of the error, which
 * names the key that was written.
 */
bool account_set(struct account *a, enum key key, struct span text,
		 const struct conf_env *env, const char *where, enum key *ret_key,
		 struct err *e) RELAY_CHECKED;

/* The first account of that name from index `first` on, or NULL. */
struct account *account_find(const struct conf *c, size_t first, struct span name);

/*
 * Copies what is set in `from`; with skip_defaults not what it has from a `defaults`
 * section.  False: the values together are too large.
 */
bool account_inherit(struct conf *c, struct account *to, const struct account *from,
		     bool skip_defaults) RELAY_CHECKED;

/* Does this value of `from` take the sender?  me+detail@… is me@…, too. */
bool account_takes(const char *from, struct span sender);

/* Counts a value's size against the limit. */
bool account_count_bytes(struct conf *c, const struct conf_value *v) RELAY_CHECKED;

#endif
