/* SPDX-License-Identifier: ISC */
/*
 * message: what came on standard input, in wire form: the header in memory, the body in
 * memory while it is small and in an unnamed temporary file beyond that.
 */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

#include "base/buf.h"

/* A header larger than this is refused (CAUSE_DATA). */
#define MESSAGE_HEADER_MAX ((size_t)16 << 20)
/* A body up to this stays in memory. */
#define MESSAGE_MEMORY_MAX ((size_t)64 << 10)

struct message {
	struct buf header;	/* without the blank line; app/sendmail puts the new one here */
	struct buf body;	/* the body, or the part not yet written to fd */
	int fd;			/* -1: the body is in memory */
	unsigned long long body_size;
	bool is_8bit;
	struct buf window;	/* for message_read */
};

void message_init(struct message *m);
void message_clear(struct message *m);

/*
 * Reads fd to its end (or to the lone dot).  size_max bounds the message, 0 = no bound.
 * Errors: CAUSE_INPUT when reading fails, CAUSE_DATA when it is too large, CAUSE_OS when
 * it cannot be stored.
 */
bool message_read_input(struct message *m, int fd, bool ends_at_dot,
			unsigned long long size_max, struct err *e) RELAY_CHECKED;

/* Bytes of header, blank line and body. */
unsigned long long message_size(const struct message *m);

/*
 * Bytes from offset on, at most max, at least one; valid until the next call.  offset is
 * below message_size.
 */
bool message_read(struct message *m, unsigned long long offset, size_t max,
		  struct span *ret_bytes, struct err *e) RELAY_CHECKED;

#endif
