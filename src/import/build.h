/* SPDX-License-Identifier: ISC */
/* build: how the importers fill a struct import. */
#ifndef IMPORT_BUILD_H
#define IMPORT_BUILD_H

#include "import/import.h"

/* Most accounts of a result, so that its relayrc can be read; most notes that are kept. */
#define BUILD_ACCOUNTS_MAX 12000
#define BUILD_NOTES_MAX	   2000

/* A copy that lives as long as *im. */
const char *build_keep_file(struct import *im, const char *path);

/*
 * A new account.  Its name is made of `wanted`: characters that a name cannot have are
 * replaced, and a number is added when it is taken.  NULL: there are too many.
 */
struct import_account *build_account(struct import *im, struct span wanted);

/* Takes it away again.  No pointer to it may be left. */
void build_drop(struct import *im, struct import_account *a);

/*
 * The order of the accounts counts: the first that fits is taken.  One that is chosen by an
 * address stands before one with a pattern, and all before those that are never chosen.
 */
enum build_rank {
	RANK_SENDER,
	RANK_SENDER_PATTERN,
	RANK_DEFAULT,
	RANK_TO,		/* and more, see postfix_transports.c */
	RANK_SPARE = 1000,
};
void build_sort(struct import *im);

/*
 * Sets a value, replacing an earlier one.  It is checked as in a relayrc: one that conf
 * would refuse becomes a note about `name`, without the value, and false.
 */
bool build_set(struct import *im, struct import_account *a, enum key key, struct span value,
	       struct import_place at, const char *name);
/* The same for words of ours. */
void build_put(struct import *im, struct import_account *a, enum key key, const char *value);
/* A value that conf has checked before, with its %U and the like; NULL: set to nothing. */
void build_copy(struct import_account *a, enum key key, const char *value);
/* NULL when it is not set. */
const char *build_value(const struct import_account *a, enum key key);
void build_unset(struct import_account *a, enum key key);

/* The reason must not have a secret in it. */
void build_note(struct import *im, enum import_kind kind, struct import_place at,
		const char *name, const char *format, ...) RELAY_PRINTF(5, 6);
/* Without a reason: IMPORT_UNKNOWN, IMPORT_NOT_NEEDED. */
void build_mention(struct import *im, enum import_kind kind, struct import_place at,
		   const char *name);
/* Is there a note of this kind about that name? */
bool build_has_note(const struct import *im, enum import_kind kind, const char *name);

/* Sets why the result would not send, and tells it; the first reason stays. */
void build_obstacle(struct import *im, const char *format, ...) RELAY_PRINTF(2, 3);

/* An account for senders like this one: an address, or "@domain".  False: it cannot be. */
bool build_from(struct import *im, struct import_account *a, struct span sender,
		struct import_place at, const char *name);

enum build_tls_mode { BUILD_TLS_NONE, BUILD_TLS_STARTTLS, BUILD_TLS_IMPLICIT };

/* What another program did about TLS, and where it says so. */
struct build_tls {
	enum build_tls_mode mode;
	bool has_login, was_verified;
	struct import_place at;
	const char *name;
};

/*
 * The same for relay, which needs TLS for a login, and verifies always: what becomes safer is
 * told.  Without TLS and without a login: none, as before.
 */
void build_tls(struct import *im, struct import_account *a, const struct build_tls *t);
void build_set_port(struct import *im, struct import_account *a, unsigned port);

/*
 * Appends a text file of another program to *text (buf_init_secret, IMPORT_FILE_MAX): checked
 * for NUL.  False with *e set.
 */
bool build_read(const struct import_env *env, const char *path, struct buf *text,
		struct err *e) RELAY_CHECKED;

/* "587" or a service's name, "submission" → 587; 0: not known. */
unsigned build_port(struct span service);

#endif
