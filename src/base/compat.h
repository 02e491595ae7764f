/* SPDX-License-Identifier: ISC */
/*
 * compat: what only some systems have, for the others.  Included before every source file,
 * and so must include little.  platform.h says what is there: its rows are in meson.build.
 * The functions here are built everywhere, so that every test run tests them.
 *
 * What needs more than a function with the same contract is in fs.c, clock.c and
 * sys/process.c.
 */
#ifndef BASE_COMPAT_H
#define BASE_COMPAT_H

#include "platform.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* As memrchr(3), memmem(3), strcasestr(3, ASCII only), explicit_bzero(3). */
void *compat_memrchr(const void *data, int byte, size_t size);
void *compat_memmem(const void *data, size_t size, const void *part, size_t part_size);
char *compat_strcasestr(const char *text, const char *part);
void compat_explicit_bzero(void *data, size_t size);

/* As secure_getenv(3): NULL also when compat_is_privileged(). */
char *compat_secure_getenv(const char *name);

/* The process has more rights than who started it (set-id, capabilities of the file): its
 * environment is a stranger's. */
bool compat_is_privileged(void);

#if !HAVE_MEMRCHR
#define memrchr compat_memrchr
#endif
#if !HAVE_MEMMEM
#define memmem compat_memmem
#endif
#if !HAVE_STRCASESTR
#define strcasestr compat_strcasestr
#endif
#if !HAVE_EXPLICIT_BZERO
#define explicit_bzero compat_explicit_bzero
#endif
#if !HAVE_SECURE_GETENV
#define secure_getenv compat_secure_getenv
#endif

#endif
