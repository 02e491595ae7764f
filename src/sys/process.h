/* SPDX-License-Identifier: ISC */
/*
 * process: what a process asks of its kernel for itself.  Where the kernel has no such call
 * the next best thing is done; each comment says what that is.
 */
#ifndef SYS_PROCESS_H
#define SYS_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * In a child: get SIGTERM when the parent ends.  Elsewhere than on Linux nothing happens,
 * and the child ends when its work is done.
 */
void process_end_with_parent(void);

/* No core dump, and no debugger of the same user; elsewhere no core dump. */
void process_hide(void);

/*
 * Closes all descriptors from `first` on; async-signal-safe.  Without close_range(2) those
 * below a limit: the system's, or PROCESS_FD_MAX when that is lower.
 */
void process_close_from(int first);
enum { PROCESS_FD_MAX = 65536 };

/*
 * Closes those that are not close-on-exec, but for 0, 1 and 2: what we inherited.  Not in a
 * child of a process with threads.
 */
void process_close_inherited(void);

/*
 * The user who has connected to (or made) the other end of a Unix socket, as it was then.
 * False: it is another kind of descriptor, or this system does not know.
 */
bool process_of_peer(int fd, uid_t *ret_uid);

/* A descriptor that is readable once the child `pid` has ended; -1: this kernel has none. */
int process_open(pid_t pid);

#endif
