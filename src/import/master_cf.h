/* SPDX-License-Identifier: ISC */
/* master_cf: Postfix's master.cf: which transport runs which program, with which options. */
#ifndef IMPORT_MASTER_CF_H
#define IMPORT_MASTER_CF_H

#include "base/buf.h"

struct master_option {
	struct span name, value;
};

struct master_service {
	struct span name, command;
	unsigned line;
	struct master_option *options;
	size_t count;
};

struct master_cf {
	struct buf text;
	struct master_service *services;	/* of the type unix */
	size_t count;
};

/* Takes the text over (and empties it). */
void master_cf_init(struct master_cf *m, struct buf *text);
void master_cf_clear(struct master_cf *m);

/*
 * The program of a transport, "smtp"; without a master.cf what these names usually mean.
 * Empty: there is none.
 */
struct span master_cf_command(const struct master_cf *m, struct span name);

/* What -o says for this transport, or NULL. */
const struct master_option *master_cf_option(const struct master_cf *m, struct span service,
					     struct span name);

#endif
