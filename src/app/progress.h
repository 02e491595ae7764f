/* SPDX-License-Identifier: ISC */
/*
 * progress: how a queue run is going: a bar of one line on a terminal, and the summary at
 * its end.  It counts nothing itself.
 */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Messages. */
struct progress_counts {
	size_t total, taken; /* in the list of this run; of them, not waiting any more */
	size_t sent, deferred, failed;
	size_t unsaved; /* an outcome that could not be written down */
	size_t left;	/* to who else delivers this account's mail now */
};

/* The longest line, with its NUL. */
#define PROGRESS_MAX 512

/*
 * The bar for a terminal of `width` columns, never longer than width - 1: what does not
 * fit is left out.  Pure.
 */
void progress_bar(const struct progress_counts *n, int64_t elapsed_ms, unsigned width,
		  char text[PROGRESS_MAX]);
/* "12 sent, 3 deferred, 0 failed, in 1.2 s (10/s)".  Pure. */
void progress_summary(const struct progress_counts *n, int64_t elapsed_ms,
		      char text[PROGRESS_MAX]);

struct progress {
	bool is_on; /* standard error is a terminal that can take it */
	bool is_drawn;
	int64_t start_ms, next_ms;
};

/* wanted: false when other lines are written to the terminal meanwhile. */
void progress_begin(struct progress *p, bool wanted);
/* Draws at most ten times a second. */
void progress_draw(struct progress *p, const struct progress_counts *n);
/* Milliseconds until it is to be drawn again; -1 = never. */
int progress_wait(const struct progress *p);
/* Removes the bar. */
void progress_clear(struct progress *p);

#endif
