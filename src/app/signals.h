/* SPDX-License-Identifier: ISC */
/*
 * signals: what the process needs before it does anything: standard descriptors that
 * exist, signals in a known state, no core dump with a password in it, and a umask that
 * leaves the owner his rights.
 */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include "base/err.h"

#define SIGNALS_NOTHING_SENT "sendmail: stopped by a signal; nothing was sent\n"

/*
 * Descriptors 0, 1 and 2 that are closed become /dev/null (0 so that reading from it
 * fails).  Inherited signal masks are cleared; SIGPIPE and SIGXFSZ are ignored, so that
 * write says EPIPE or EFBIG.  SIGTERM, SIGHUP and SIGINT, when not ignored, end the
 * program with EX_TEMPFAIL and one line on stderr.
 */
void signals_prepare(void);

/*
 * What a deadly signal says from now on, a static text, and the status it ends the program
 * with: once the fate of the message is known, no signal can change what the caller hears.
 */
void signals_end_with(const char *line, int status);

/*
 * From now on a deadly signal ends nothing: it is noted, and a byte is written to `pipe`,
 * which must not block, so that poll() tells of it.  -1: signals are deadly again, and what
 * was noted is forgotten: for a child.
 */
void signals_note(int pipe);
bool signals_noted(void);

/*
 * Between the two a deadly signal waits: where the fate of the message changes, and what is
 * said about it has to change with it.
 */
void signals_hold(void);
void signals_release(void);

/*
 * The message stands in the queue, but is not synced: a deadly signal first fsyncs these two
 * descriptors, and ends the program with EX_OK, since the message is safe then, and with a
 * line that says so.  -1 twice: no more.
 */
void signals_keep(const int fds[2]);

#endif
