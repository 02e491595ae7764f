/* SPDX-License-Identifier: ISC */
/*
 * serve: sendmail -bs: SMTP on standard input and output, for programs that speak it, for
 * inetd and for socket activation.  Each message is submitted by a child process, in the way
 * of every other message: so 250 means what exit status 0 means.
 */
#ifndef APP_SERVE_H
#define APP_SERVE_H

#include "app/call.h"

/* Until QUIT, or the client is gone.  Returns the exit status. */
int serve(struct call *c);

#endif
