/* SPDX-License-Identifier: ISC */
/*
 * buf: growable bytes with a maximum.
 *
 * Every buffer is made with the most it may ever hold.  Going beyond that is a value,
 * not a crash: the append returns false and changes nothing.  The bytes are always
 * followed by a NUL that is not counted.  A buffer marked secret is wiped whenever its
 * memory moves or is given back.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/err.h"
#include "base/span.h"

struct buf {
	char *data;	/* never NULL after buf_init; NUL after size */
	size_t size;
	size_t room;	/* bytes allocated, with the NUL; 0 = data is a constant "" */
	size_t max;
	bool is_secret;
};

/* No allocation happens before the first append. */
void buf_init(struct buf *b, size_t max);
void buf_init_secret(struct buf *b, size_t max);
/* Frees; the buffer is empty and usable again, with the same maximum. */
void buf_clear(struct buf *b);
/* Empties without freeing (a secret one is wiped). */
void buf_reset(struct buf *b);

bool buf_add(struct buf *b, const void *data, size_t size) RELAY_CHECKED;
bool buf_add_str(struct buf *b, const char *text) RELAY_CHECKED;
bool buf_add_span(struct buf *b, struct span s) RELAY_CHECKED;
bool buf_add_byte(struct buf *b, char byte) RELAY_CHECKED;
bool buf_printf(struct buf *b, const char *format, ...) RELAY_PRINTF(2, 3) RELAY_CHECKED;

/*
 * Makes room for `size` more bytes and returns where they go, or NULL beyond the
 * maximum.  After writing n of them, call buf_grew(b, n).
 */
char *buf_room(struct buf *b, size_t size) RELAY_CHECKED;
void buf_grew(struct buf *b, size_t size);

/* Drops the first, or the last, `size` bytes. */
void buf_drop(struct buf *b, size_t size);
void buf_drop_end(struct buf *b, size_t size);

static inline struct span buf_span(const struct buf *b)
{
	return span_of(b->data, b->size);
}

/* The text, owned by the caller now; the buffer is empty again. */
char *buf_take(struct buf *b);

/* For locals. */
#define BUF_AUTO __attribute__((cleanup(buf_clear)))

#endif
