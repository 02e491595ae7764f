/* SPDX-License-Identifier: ISC */
/* spawn: runs a helper command, or a function in a process of its own, with a deadline. */
#ifndef SYS_SPAWN_H
#define SYS_SPAWN_H

#include "base/buf.h"

#include <stdint.h>

/*
 * Runs `/bin/sh -c command` with /dev/null as stdin, our stderr, our environment (without
 * RELAY_PASSWORD, which is for us alone), default signal actions and an empty signal mask,
 * in its own process group; no other descriptor of ours reaches it.  Where we may read the
 * terminal, the command may too.  Gives the first line of its output (without the line
 * end) in *line, whose maximum bounds it; what it prints after that is thrown away, but
 * not without end.  The group is killed at the deadline (clock_ms).
 *
 * False when it cannot start, ends with a status that is not 0, is killed, takes too
 * long, prints nothing, too much, or NUL; *e says which with the given cause, and quotes
 * neither the output nor the command, for both may hold a secret.  *line is empty then.
 */
bool spawn_first_line(const char *command, int64_t deadline, struct buf *line,
		      enum cause cause, struct err *e) RELAY_CHECKED;

/* The same with /dev/null as its stderr: ours belongs to somebody who must not read it. */
bool spawn_quietly(const char *command, int64_t deadline, struct buf *line,
		   enum cause cause, struct err *e) RELAY_CHECKED;

/* In the child: writes its answer, one line, to `out`; returns the exit status. */
typedef int spawn_function(void *context, int out);

/*
 * The same with a function in the place of the command, for libraries that must not come
 * into our own process.  Its stderr is /dev/null; it has no terminal, and no descriptor
 * of ours; it ends without atexit handlers.  what: its name in error texts.
 */
bool spawn_call(const char *what, spawn_function *call, void *context, int64_t deadline,
		struct buf *line, enum cause cause, struct err *e) RELAY_CHECKED;

#endif
