/* SPDX-License-Identifier: ISC */
/*
 * flush: a queue run: every message that is due, grouped by account, over up to
 * max_connections sessions an account, by that many child processes.
 */
#ifndef APP_FLUSH_H
#define APP_FLUSH_H

#include "app/call.h"

/* sendmail -q…: c->options.flush says which and how often.  Returns the exit status. */
int flush_run(struct call *c);

/* `relay queue flush [--now] [ID…]`: ids may be abbreviated; count 0 = all. */
int flush_ids(struct call *c, char **ids, size_t count);

#endif
