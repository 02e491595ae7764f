/* SPDX-License-Identifier: ISC */
/*
 * line: the `name: value` lines that the two texts of a message are made of.  Pure, and
 * known only to the files of this room.
 */
#ifndef QUEUE_LINE_H
#define QUEUE_LINE_H

#include "base/buf.h"

#include <stdint.h>

/* The last second of the year 9999. */
#define QUEUE_TIME_MAX 253402300799

/* Takes a line, without its LF, off the front of *text.  False when there is no LF. */
bool queue_line_next(struct span *text, struct span *line);

/* "name: value"; the value may be empty, and is not trimmed. */
bool queue_line_split(struct span line, struct span *name, struct span *value) RELAY_CHECKED;

/* Takes what stands before the next blank, and the blank, off the front of *text. */
struct span queue_line_word(struct span *text);

/* No control byte but a tab: such a value can be written, and was written by us. */
bool queue_line_is_clean(struct span value);

/* "1763776000 (2025-11-22 01:46:40 UTC)"; only the number counts when it is read. */
bool queue_line_add_time(struct buf *to, const char *name, int64_t seconds) RELAY_CHECKED;
bool queue_line_time(struct span value, int64_t *ret_seconds) RELAY_CHECKED;

#endif
