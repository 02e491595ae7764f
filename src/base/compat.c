/* SPDX-License-Identifier: ISC */
/* compat: see compat.h. */
#include "base/compat.h"

#include <unistd.h>

#if HAVE_GETAUXVAL
#include <sys/auxv.h>
#endif

/* What the callers may change, as the functions of the C library have it. */
static void *unlock(const void *data)
{
	union {
		const void *given;
		void *wanted;
	} pointer = { .given = data };

	return pointer.wanted;
}

void *compat_memrchr(const void *data, int byte, size_t size)
{
	const unsigned char *bytes = data;

	while (size > 0) {
		if (bytes[--size] == (unsigned char)byte) {
			return unlock(bytes + size);
		}
	}
	return NULL;
}

void *compat_memmem(const void *data, size_t size, const void *part, size_t part_size)
{
	const char *at = data, *end = at + size;

	if (part_size == 0) {
		return unlock(data);
	}
	while ((size_t)(end - at) >= part_size) {
		size_t starts = (size_t)(end - at) - part_size + 1;
		at = memchr(at, *(const unsigned char *)part, starts);
		if (!at) {
			return NULL;
		}
		if (memcmp(at, part, part_size) == 0) {
			return unlock(at);
		}
		at++;
	}
	return NULL;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

char *compat_strcasestr(const char *text, const char *part)
{
	for (;; text++) {
		size_t same = 0;
		while (part[same] && lower(text[same]) == lower(part[same])) {
			same++;
		}
		if (!part[same]) {
			return unlock(text);
		}
		if (!*text) {
			return NULL;
		}
	}
}

void compat_explicit_bzero(void *data, size_t size)
{
	volatile unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++) {
		bytes[i] = 0;
	}
}

bool compat_is_privileged(void)
{
#if HAVE_GETAUXVAL
	if (getauxval(AT_SECURE) != 0) {
		return true;
	}
#endif
#if HAVE_ISSETUGID
	if (issetugid()) {
		return true;
	}
#endif
	return getuid() != geteuid() || getgid() != getegid();
}

char *compat_secure_getenv(const char *name)
{
	return compat_is_privileged() ? NULL : getenv(name);
}
