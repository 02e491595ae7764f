/* SPDX-License-Identifier: ISC */
/*
 * busy: which files of a queue other processes work with, for listings: read from
 * /proc/locks.  No lock is taken: that could make a process that delivers miss a message.
 */
#ifndef APP_BUSY_H
#define APP_BUSY_H

#include "queue/queue.h"

struct busy {
	uint64_t *inodes;	/* sorted */
	size_t count, room;
};

/* Where /proc/locks cannot be read nothing is busy. */
void busy_read(struct busy *b, const struct queue *q);
void busy_clear(struct busy *b);
bool busy_has(const struct busy *b, uint64_t inode);

/* The inode that a line of /proc/locks says is held with flock(2) on this device, or 0. */
uint64_t busy_parse(struct span line, uint64_t device);

#endif
