/* SPDX-License-Identifier: ISC */
/*
 * slot: at most N sessions of an account at once, across all processes: N lock files a
 * group of messages (queue_entry_group).  A slot is held as long as its descriptor, also by
 * a child that inherits it.
 *
 * So that no message is left behind: who unlocks a message in incoming/ that waits tries for
 * a slot afterwards; who gives a slot back looks afterwards whether one waits there that
 * nobody has locked.  Whichever of all these comes last sees what the others have left.
 */
#ifndef QUEUE_SLOT_H
#define QUEUE_SLOT_H

#include "queue/queue.h"

/*
 * May there be one session more of `group`, of which there are `max`?  *ret_fd is the slot's
 * descriptor then.  It is -1 when the lock files cannot be had (a full disk, say): rather one
 * session too many than mail that stays.
 */
bool slot_take(struct queue *q, const char *group, unsigned max, int *ret_fd) RELAY_CHECKED;
void slot_release(int *fd);

/*
 * Removes the lock files that nobody has and that are older than a week: else every group
 * that there ever was would leave its own.  While one is looked at, its slot seems to be
 * taken: so this is for who looks afterwards what waits.
 */
void slot_sweep(struct queue *q, int64_t now);

#endif
