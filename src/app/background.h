/* SPDX-License-Identifier: ISC */
/* background: what goes on after the caller has got its exit status. */
#ifndef APP_BACKGROUND_H
#define APP_BACKGROUND_H

/*
 * Forks.  The calling process ends here with `status`, as if main had returned it; the child
 * returns, in a session of its own, without the caller's standard descriptors, so that
 * nobody waits for them.  Locks and connections go on in the child.  When there can be no
 * child, this process itself goes on.
 */
void background_go_on(int status);

#endif
