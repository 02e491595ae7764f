/* SPDX-License-Identifier: ISC */
/*
 * users: a list of login names, in the form of Postfix's authorized_submit_users.  Pure.
 *
 * Names between blanks or commas; `static:all` and `static:anyone` (any static:) are everybody;
 * with `!` in front whoever it fits is excluded.  The first entry that fits decides; whoever
 * fits none is not in the list.
 */
#ifndef CONF_USERS_H
#define CONF_USERS_H

#include "base/span.h"

#include <stdbool.h>

/*
 * login NULL or "": somebody who is not known: he is nobody who is named, but each who is
 * excluded.
 */
bool users_has(const char *list, const char *login);

/* The first entry that is none of these (a file, a table): it fits nobody.  Empty: none. */
struct span users_unknown(const char *list);

#endif
