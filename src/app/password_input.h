/* SPDX-License-Identifier: ISC */
/* password_input: a new password, from the person or the program that calls. */
#ifndef APP_PASSWORD_INPUT_H
#define APP_PASSWORD_INPUT_H

#include "base/buf.h"

/*
 * Asks for it twice on the terminal, or else takes the first line of standard input; secret is
 * a buf_init_secret.  False: there is none, or one that no login can have.
 */
bool password_input(const char *user, const char *host, struct buf *secret, struct err *e)
	RELAY_CHECKED;

#endif
