/* SPDX-License-Identifier: ISC */
/*
 * id: queue IDs: 15 characters, letters and digits, in the order of their time; the name
 * of a message's file and its name in the log.  Pure.
 */
#ifndef QUEUE_ID_H
#define QUEUE_ID_H

#include "base/span.h"

#include <stdint.h>

/* With the NUL. */
#define QUEUE_ID_MAX 16

/*
 * 7 digits of seconds, 4 of microseconds, 4 of chance, base 32 (0-9 and upper case without
 * I, O, U, Z): ASCII order is the order of time.  now_us: microseconds since 1970; a clock
 * before 1970 counts as 1970.
 */
void queue_id_make(char id[QUEUE_ID_MAX], int64_t now_us, uint32_t random);

/* Has it the form of an ID? */
bool queue_id_is(struct span name);

/* The seconds since 1970 that the ID was made at. */
int64_t queue_id_time(const char *id);

/* Is `part` the start or the end of id (ASCII case ignored), at least one character? */
bool queue_id_matches(const char *id, struct span part);

#endif
