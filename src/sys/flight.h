/* SPDX-License-Identifier: ISC */
/*
 * flight: a non-blocking socket whose output can be gathered, so that all that is said
 * before an answer is needed leaves in one segment and one system call.
 *
 * While it waits for the other side to take data it takes in what that says: a server that
 * reads nothing before its answers are read must not wait for us while we wait for it.
 */
#ifndef SYS_FLIGHT_H
#define SYS_FLIGHT_H

#include "base/buf.h"

#include <stdint.h>
#include <sys/types.h>

/* What is gathered before it is sent anyway. */
#define FLIGHT_MAX ((size_t)512 * 1024)
/* What is taken in while sending. */
#define FLIGHT_INPUT_MAX ((size_t)512 * 1024)

/* Given instead of a number of bytes: nothing is there yet. */
enum { FLIGHT_NOTHING = -2 };

struct flight {
	int fd;			/* stays the caller's */
	struct buf out;		/* not sent yet */
	struct buf in;		/* taken in while sending; given out up to in_at */
	size_t in_at;
	int64_t deadline;	/* clock_ms value; set before a call that can wait */
	bool is_held;		/* nobody waits for what is gathered: it need not leave yet */
	bool is_at_end;		/* the other side closed: nothing comes after `in` */
	struct err error;	/* why a call failed: CAUSE_LOST, ETIMEDOUT at the deadline */
};

void flight_init(struct flight *f, int fd);
void flight_clear(struct flight *f);

/* Gathers; sends first what is there when it would be more than FLIGHT_MAX. */
bool flight_add(struct flight *f, const void *data, size_t size) RELAY_CHECKED;
/* Sends all that is gathered, waiting for the other side to take it. */
bool flight_send(struct flight *f) RELAY_CHECKED;
/* The same, and then this, straight from the caller's memory. */
bool flight_write(struct flight *f, struct span data) RELAY_CHECKED;
/* Sends what the socket takes at once, and forgets the rest. */
void flight_send_last(struct flight *f);

/*
 * Gives bytes that are there, without sending or waiting: > 0; 0 = the other side closed;
 * FLIGHT_NOTHING; -1 = see error.  After a failure to send it still gives what the server
 * said before it hung up.
 */
ssize_t flight_take(struct flight *f, void *data, size_t size) RELAY_CHECKED;
/* Sends all that is gathered (if it is not held) and waits until something can be taken. */
bool flight_await(struct flight *f) RELAY_CHECKED;
/* Takes; when nothing is there, awaits first.  > 0, 0 or -1. */
ssize_t flight_receive(struct flight *f, void *data, size_t size) RELAY_CHECKED;

#endif
