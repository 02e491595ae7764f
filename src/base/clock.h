/* SPDX-License-Identifier: ISC */
/* clock: time and random names.  The only place that asks the system for either. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Milliseconds that only move forward; for deadlines. */
int64_t clock_ms(void);
/* Seconds since 1970. */
time_t clock_now(void);
/* Microseconds since 1970. */
int64_t clock_us(void);
/* How far local time is east of UTC at that moment. */
int clock_zone_minutes(time_t at);

/*
 * A deadline is a clock_ms() value; DEADLINE_NEVER has none.
 * clock_left gives what is left in ms, from 0 to INT_MAX: ready for poll(2); -1 = never.
 */
#define DEADLINE_NEVER INT64_MAX
int64_t clock_deadline(unsigned seconds);	/* 0 seconds: DEADLINE_NEVER */
int clock_left(int64_t deadline);

/* Unpredictable bytes from the kernel. */
void clock_random(void *data, size_t size);

#endif
