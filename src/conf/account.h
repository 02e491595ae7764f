/* SPDX-License-Identifier: ISC */
/*
 * account: the list of accounts as the parser builds it; everybody else uses conf.h.
 *
 * An account keeps only what is set, and shares what it has inherited: a file of ten
 * thousand accounts costs little more than its text.
 */
#ifndef CONF_ACCOUNT_H
#define CONF_ACCOUNT_H

#include "conf/conf.h"

/* Most accounts, and most bytes of their values together. */
#define ACCOUNTS_MAX	  12000
#define ACCOUNT_BYTES_MAX (16u << 20)

/* Keeps a copy of a file's name as long as the configuration lives. */
const char *account_keep_file(struct conf *c, const char *file);

/* "FILE:LINE"; without a line, as for what comes from the environment, only the name. */
void account_where(const char *file, unsigned line, char *text, size_t size);

/* Where a value comes from, as conf_origin has it. */
void account_origin(const struct conf_value *v, char *text, size_t size);

/* NULL when there are too many. */
struct account *account_add(struct conf *c, struct span name, const char *file,
			    unsigned line);

void account_clear(struct account *a);

/*
 * Sets one value, or what became of an old word, which *ret_key names.  where: "FILE:LINE"
 * of the error, which names the key that was written.
 */
bool account_set(struct account *a, enum key key, struct span text,
		 const struct conf_env *env, const char *where, enum key *ret_key,
		 struct err *e) RELAY_CHECKED;

/*
 * One more line of a setting whose lines add up, behind the one that *last is; *last is
 * the new one then.
 */
bool account_add_line(struct conf_value **last, enum key key, struct span text,
		      const struct conf_env *env, const char *where,
		      struct err *e) RELAY_CHECKED;

/* The value that was set just now, which no other account shares yet.  NULL: not set. */
struct conf_value *account_new_value(struct account *a, enum key key);

/* The first account of that name from index `first` on, or NULL. */
struct account *account_find(const struct conf *c, size_t first, struct span name);

/*
 * Everything that is set in `from`; with skip_defaults not what it has from a `defaults`
 * section.
 */
void account_inherit(struct account *to, const struct account *from, bool skip_defaults);

/* Stands this line in the account's own section, or was it inherited? */
bool account_is_own(const struct account *a, enum key key);

/*
 * Says the account this of its own, or is it the first with a value from `defaults`?  *last:
 * that value, NULL at first; the accounts are asked in order.
 */
bool account_is_claim(const struct account *a, enum key key, const struct conf_value **last);

/*
 * The first account whose `from` takes the sender; of several with the same `from` the first
 * that is not called otherwise.  NULL: there is none.
 */
struct account *account_by_sender(const struct conf *c, const char *sender);

/*
 * Which accounts are called by recipients (`to`) or by others (`fallback`), so that their `from`
 * need be no claim on a sender; never the account "default".  One for each of c->accounts; the
 * caller frees it.
 */
bool *account_called(const struct conf *c);

/* Is the text of both the same, but for upper and lower case?  Without one: no. */
bool account_same_from(const struct account *a, const struct account *b);

/* Does this value of `from` take the sender?  me+detail@… is me@…, too. */
bool account_takes(const char *from, struct span sender);

/* Counts a value's size against the limit. */
bool account_count_bytes(struct conf *c, const struct conf_value *v) RELAY_CHECKED;

#endif
