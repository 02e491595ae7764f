/* SPDX-License-Identifier: ISC */
/* spawn: runs a helper command, with a deadline. */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include "base/buf.h"

#include <stdint.h>

/*
 * Runs `/bin/sh -c command` with /dev/null as stdin, our stderr, default signal actions
 * and an empty signal mask, in its own process group; gives the first line of its output
 * (without the line end) in *line, whose maximum bounds it.  The group is killed at the
 * deadline (clock_ms).  False when it cannot start, ends with a status that is not 0, is
 * killed, prints nothing, or prints NUL; *e says which, and never quotes the output.
 */
bool spawn_first_line(const char *command, int64_t deadline, struct buf *line,
		      enum cause cause, struct err *e) RELAY_CHECKED;

#endif
