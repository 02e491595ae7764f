/* SPDX-License-Identifier: ISC */
/*
 * mem: allocation that cannot fail, and forgetting.
 *
 * Sizes chosen by strangers never reach these unbounded: they go through struct buf,
 * which has a maximum.  When the machine is out of memory the program says so and
 * exits EX_TEMPFAIL; nothing that was promised is lost by that.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Zeroed memory for count × size bytes; overflow is checked.  The caller frees it. */
void *mem_alloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* Grows or shrinks; new bytes are not initialised.  Overflow is checked. */
void *mem_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* Copy of size bytes plus a NUL; the caller frees it. */
char *mem_copy(const void *data, size_t size) __attribute__((malloc, returns_nonnull));
char *mem_str(const char *text) __attribute__((malloc, returns_nonnull));

/* printf into fresh memory; the caller frees it. */
char *mem_printf(const char *format, ...)
	__attribute__((malloc, returns_nonnull, format(printf, 1, 2)));

/* Overwrites memory so that the compiler cannot leave it out. */
void mem_wipe(void *data, size_t size);

/* Wipes the text up to its NUL, frees it and sets the pointer to NULL. */
void mem_free_secret(char **text);

/* For locals: `char *x MEM_AUTO = …;` is freed when x goes out of scope. */
void mem_free_auto(void *pointer_to_pointer);
#define MEM_AUTO __attribute__((cleanup(mem_free_auto)))

#endif
