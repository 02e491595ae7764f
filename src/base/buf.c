/* SPDX-License-Identifier: ISC */
/* buf: see buf.h.  Invariant: data[size] is NUL, size ≤ max. */
#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* What an empty buffer shows; never written to, since room is 0. */
static char empty[1];

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .data = empty, .max = max < SIZE_MAX / 4 ? max : SIZE_MAX / 4 };
}

void buf_init_secret(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->is_secret = true;
}

void buf_clear(struct buf *b)
{
	if (b->room > 0) {
		if (b->is_secret) {
			mem_wipe(b->data, b->room);
		}
		free(b->data);
	}
	b->data = empty;
	b->size = b->room = 0;
}

void buf_reset(struct buf *b)
{
	if (b->room > 0) {
		if (b->is_secret) {
			mem_wipe(b->data, b->room);
		}
		b->data[0] = '\0';
	}
	b->size = 0;
}

/* A secret moves by copy and wipe: realloc would leave the old bytes behind. */
static void resize(struct buf *b, size_t room)
{
	char *old = b->room > 0 ? b->data : NULL;

	if (!b->is_secret || !old) {
		b->data = mem_resize(old, room, 1);
	} else {
		b->data = mem_resize(NULL, room, 1);
		memcpy(b->data, old, b->size);
		mem_wipe(old, b->room);
		free(old);
	}
	b->room = room;
	b->data[b->size] = '\0';
}

char *buf_room(struct buf *b, size_t size)
{
	if (size > b->max - b->size) {
		return NULL;
	}
	size_t need = b->size + size + 1;
	if (need > b->room) {
		size_t room = b->room ? b->room : 64;
		while (room < need) {
			room *= 2;
		}
		if (room > b->max + 1) {
			room = b->max + 1;
		}
		resize(b, room);
	}
	return b->data + b->size;
}

void buf_grew(struct buf *b, size_t size)
{
	if (size > 0) {
		BUG_ON(b->size + size >= b->room);
		b->size += size;
		b->data[b->size] = '\0';
	}
}

bool buf_add(struct buf *b, const void *data, size_t size)
{
	char *to = buf_room(b, size);

	if (!to) {
		return false;
	}
	if (size > 0) {
		memcpy(to, data, size);
		buf_grew(b, size);
	}
	return true;
}

bool buf_add_str(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

bool buf_add_span(struct buf *b, struct span s)
{
	return buf_add(b, s.data, s.size);
}

bool buf_add_byte(struct buf *b, char byte)
{
	return buf_add(b, &byte, 1);
}

bool buf_printf(struct buf *b, const char *format, ...)
{
	va_list args, again;

	va_start(args, format);
	va_copy(again, args);
	int size = vsnprintf(NULL, 0, format, args);
	va_end(args);
	char *to = size < 0 ? NULL : buf_room(b, (size_t)size);
	if (to) {
		vsnprintf(to, (size_t)size + 1, format, again);
		buf_grew(b, (size_t)size);
	}
	va_end(again);
	return to != NULL;
}

void buf_drop(struct buf *b, size_t size)
{
	if (size == 0) {
		return;
	}
	BUG_ON(size > b->size);
	memmove(b->data, b->data + size, b->size - size);
	if (b->is_secret) {
		mem_wipe(b->data + b->size - size, size);
	}
	b->size -= size;
	b->data[b->size] = '\0';
}

void buf_drop_end(struct buf *b, size_t size)
{
	if (size == 0) {
		return;
	}
	BUG_ON(size > b->size);
	b->size -= size;
	if (b->is_secret) {
		mem_wipe(b->data + b->size, size);
	}
	b->data[b->size] = '\0';
}

char *buf_take(struct buf *b)
{
	char *text = b->room > 0 ? b->data : mem_copy("", 0);

	b->data = empty;
	b->size = b->room = 0;
	return text;
}
