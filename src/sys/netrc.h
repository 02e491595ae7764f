/* SPDX-License-Identifier: ISC */
/*
 * netrc: finds a password in the text of a netrc file.  Pure: no descriptors, no clock.
 *
 * Words are separated by blanks and line ends; a word may be "quoted", and a backslash
 * takes the next character as it is.  `machine NAME` and `default` begin an entry, which
 * `login`, `password`, `account`, `port` and `macdef` belong to; `#` where a keyword may
 * stand begins a comment; unknown keywords are passed over.
 */
#ifndef SYS_NETRC_H
#define SYS_NETRC_H

#include "base/buf.h"

/*
 * The password for that host and user into *password (empty, secret).  An entry that
 * names both comes first, then one for the host without a login, then `default` with the
 * user's login; among equals the first in the file.  *ret_found says whether there was
 * one.  False: the text is malformed (or the password too long for the buffer) before the
 * answer was certain; *e (CAUSE_SECRET) gives the line, never a word of it.
 */
bool netrc_find(struct span text, const char *host, const char *user,
		struct buf *password, bool *ret_found, struct err *e) RELAY_CHECKED;

#endif
