/* SPDX-License-Identifier: ISC */
/*
 * frame: what a command of the queue prints, on its way from the service of the machine to who
 * asked: two streams and a status over one connection.
 *
 *	O 12 LF and 12 bytes	of standard output
 *	E 5 LF and 5 bytes	of standard error
 *	K 0 LF			nothing: it is still at it
 *	X 75 LF			the exit status, and the end
 */
#ifndef APP_FRAME_H
#define APP_FRAME_H

#include "base/buf.h"

#include <stdint.h>

/* Most bytes in a frame; and of the line before them, with its LF. */
enum { FRAME_MAX = 16 << 10, FRAME_LINE_MAX = 16 };
/* A frame at least so often; and how long to wait for one. */
enum { FRAME_PAUSE_SECONDS = 30, FRAME_WAIT_SECONDS = 120 };

/* kind: "O", "E", "K"; "X" with a number instead of bytes.  False: the client is gone, or does not
 * read. */
bool frame_write(int fd, char kind, struct span bytes, int64_t deadline) RELAY_CHECKED;
bool frame_write_end(int fd, int status, int64_t deadline) RELAY_CHECKED;

/* "K 0" → 'K' and 0; '\0' when it is no such line. */
char frame_parse(struct span line, unsigned *ret_number);

#endif
