/* SPDX-License-Identifier: ISC */
/*
 * flight: a non-blocking socket whose output is gathered, so that all that is said before
 * an answer is needed leaves in one segment and one system call.
 */
#ifndef SYS_FLIGHT_H
#define SYS_FLIGHT_H

#include "base/buf.h"

#include <stdint.h>
#include <sys/types.h>

/* What is gathered before it is sent anyway. */
#define FLIGHT_MAX ((size_t)128 * 1024)

struct flight {
	int fd;			/* stays the caller's */
	struct buf out;		/* not sent yet */
	int64_t deadline;	/* clock_ms value; set before each of the calls below */
	bool is_held;		/* nobody waits for what is gathered: it need not leave yet */
	struct err error;	/* why a call failed; CAUSE_LOST */
};

void flight_init(struct flight *f, int fd);
void flight_clear(struct flight *f);

/* Gathers; sends first what is there when it would be more than FLIGHT_MAX. */
bool flight_add(struct flight *f, const void *data, size_t size) RELAY_CHECKED;
/* Sends all of it, waiting for the other side to take it. */
bool flight_send(struct flight *f) RELAY_CHECKED;
/* Sends what the socket takes at once, and forgets the rest. */
void flight_send_last(struct flight *f);

/*
 * Gives bytes that are there; else sends all that is gathered (if it is not held) and waits
 * for some.
 * 0 = the other side closed; -1 = see error.
 */
ssize_t flight_receive(struct flight *f, void *data, size_t size) RELAY_CHECKED;

#endif
