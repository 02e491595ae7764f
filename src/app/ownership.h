/* SPDX-License-Identifier: ISC */
/*
 * ownership: which user of this machine an address is, beside the one who calls.  For the
 * system scope (scope.h), where everybody's mail goes the same way: nobody shall send as his
 * neighbour.
 */
#ifndef APP_OWNERSHIP_H
#define APP_OWNERSHIP_H

#include "app/local.h"

enum ownership {
	OWNER_NONE,	/* not a name of this machine, or one that no user has */
	OWNER_CALLER,
	OWNER_OTHER,	/* another user; or it cannot be found out */
};

/*
 * A local name (local.h) is the user of that login, without +detail and whatever its case is;
 * so is one at the domain that local names leave with, when they do not leave as the account's
 * own address: to the world, joe@maildomain is joe.  When the caller is not known (id->caller),
 * every user is another one.
 */
enum ownership ownership_of(const char *given, const struct account *a, struct identity *id);

/* Must the caller's addresses be looked at?  Not outside the system scope, and not root's. */
bool ownership_counts(const struct identity *id);

#endif
