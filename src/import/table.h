/* SPDX-License-Identifier: ISC */
/*
 * table: Postfix's lookup tables, from their text: "hash:/etc/postfix/x, inline:{a=b}".  Of
 * the indexed types the file is read that the index was made from.
 */
#ifndef IMPORT_TABLE_H
#define IMPORT_TABLE_H

#include "import/import.h"

enum table_match {
	TABLE_KEY,	/* this key, case ignored */
	TABLE_ANY,	/* every key: static: */
	TABLE_PATTERN,	/* a regular expression, which nobody evaluates here */
};

struct table_entry {
	enum table_match match;
	struct span key, value;
	struct import_place at;
};

struct table {
	struct table_entry *at;	/* in order; a key that stands twice is there once */
	size_t count;
	size_t *sorted;		/* places in `at` of the keys, by the alphabet */
	size_t sorted_count;
	size_t any;		/* of the first TABLE_ANY; `count` = there is none */
	struct buf *texts;	/* what the spans point into; secret */
	size_t text_count;
	bool has_unread;	/* a table of the list could not be read: it is told */
};

/*
 * Reads all tables of a list.  What cannot be read is told as a note about `name`.  With
 * patterns, regexp: and pcre: are read too.
 */
void table_read(struct table *t, struct import *im, const struct import_env *env,
		struct span list, struct import_place at, const char *name, bool patterns);
void table_clear(struct table *t);

/* The first entry for the key, or NULL. */
const struct table_entry *table_find(const struct table *t, struct span key);

/*
 * As Postfix looks up an address: itself, without +extension, "@domain".  NULL: none.
 */
const struct table_entry *table_find_address(const struct table *t, struct span address);

#endif
