/* SPDX-License-Identifier: ISC */
/*
 * signals: what the process needs before it does anything: standard descriptors that
 * exist, signals in a known state, no core dump with a password in it.
 */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include "base/err.h"

/*
 * Descriptors 0, 1 and 2 that are closed become /dev/null (0 so that reading from it
 * fails).  Inherited signal masks are cleared, SIGPIPE is ignored.  SIGTERM, SIGHUP (when not
 * ignored) and SIGINT end the program with EX_TEMPFAIL and one line on stderr.
 */
void signals_prepare(void);

/* What a deadly signal says from now on; a static text. */
void signals_say(const char *line);

#endif
