/* SPDX-License-Identifier: ISC */
/*
 * sigwatch: signals that are noted for a while instead of doing what they do, and a
 * descriptor that poll(2) can wait for: a pipe that the handler writes to.
 */
#ifndef SYS_SIGWATCH_H
#define SYS_SIGWATCH_H

#include "base/err.h"

#include <signal.h>

enum { SIGWATCH_MAX = 8 };

struct sigwatch {
	int fd;			/* readable: sigwatch_take has something new */
	int write_end;
	size_t count;
	int signals[SIGWATCH_MAX];
	struct sigaction before[SIGWATCH_MAX];
	sigset_t mask;		/* before: while watched, these signals are not blocked */
};

/*
 * Those of the signals that are not ignored (nohup) are noted from now on.  They do not make
 * system calls fail with EINTR, but for poll(2) and its like.  One watch at a time.
 */
bool sigwatch_begin(struct sigwatch *w, const int *signals, size_t count, struct err *e)
	RELAY_CHECKED;

/* Those that came and were not taken before: sigismember(3) says which. */
void sigwatch_take(struct sigwatch *w, sigset_t *ret);

/* Has it come, and was it not taken?  It is not taken by this. */
bool sigwatch_has(const struct sigwatch *w, int number);

/* All is as before, and the signals that were not taken come once more.  Nothing happens when
 * sigwatch_begin has failed. */
void sigwatch_end(struct sigwatch *w);

/*
 * For a child that was forked with all signals blocked: those that are watched have their
 * default action, the descriptors are closed and the mask is the one of before.
 */
void sigwatch_leave(struct sigwatch *w);

#endif
