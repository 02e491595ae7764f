/* SPDX-License-Identifier: ISC */
/*
 * span: a read-only view of bytes somebody else owns.  Not NUL-terminated.
 * Parsers take spans; builders take a struct buf.
 */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
	const char *data;	/* may be NULL when size is 0 */
	size_t size;
};

/* For printf("%.*s"): SPAN_ARG(s) gives the two arguments. */
#define SPAN_ARG(s) ((int)((s).size > 4096 ? 4096 : (s).size)), ((s).data ? (s).data : "")

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){ .data = data, .size = size };
}

static inline struct span span_str(const char *text)
{
	return span_of(text, text ? strlen(text) : 0);
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* The part from offset on; empty when offset is past the end. */
static inline struct span span_from(struct span s, size_t offset)
{
	return offset < s.size ? span_of(s.data + offset, s.size - offset) : span_of(NULL, 0);
}

/* The first size bytes, or all of it. */
static inline struct span span_first(struct span s, size_t size)
{
	return span_of(s.data, size < s.size ? size : s.size);
}

/* Without spaces, tabs, CR and LF at both ends. */
static inline struct span span_trim(struct span s)
{
	while (s.size > 0 && memchr(" \t\r\n", s.data[0], 4)) {
		s.data++;
		s.size--;
	}
	while (s.size > 0 && memchr(" \t\r\n", s.data[s.size - 1], 4)) {
		s.size--;
	}
	return s;
}

#endif
