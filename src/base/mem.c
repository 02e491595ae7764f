/* SPDX-License-Identifier: ISC */
/* mem: the only caller of malloc and friends (buf.c grows through mem_resize). */
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
	static const char line[] = "relay: out of memory: the mail was not sent; try later\n";
	ssize_t ignored = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)ignored;
	_exit(EX_TEMPFAIL);
}

void *mem_alloc(size_t count, size_t size)
{
	void *p = calloc(count ? count : 1, size ? size : 1);

	if (!p) {
		out_of_memory();
	}
	return p;
}

void *mem_resize(void *old, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		out_of_memory();
	}
	void *p = realloc(old, total ? total : 1);
	if (!p) {
		out_of_memory();
	}
	return p;
}

char *mem_copy(const void *data, size_t size)
{
	size_t total;

	if (__builtin_add_overflow(size, 1, &total)) {
		out_of_memory();
	}
	char *p = malloc(total);
	if (!p) {
		out_of_memory();
	}
	if (size > 0) {
		memcpy(p, data, size);
	}
	p[size] = '\0';
	return p;
}

char *mem_str(const char *text)
{
	return mem_copy(text, strlen(text));
}

char *mem_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	int size = vasprintf(&text, format, args);
	va_end(args);
	if (size < 0) {
		out_of_memory();
	}
	return text;
}

void mem_wipe(void *data, size_t size)
{
	if (size > 0) {
		explicit_bzero(data, size);
	}
}

void mem_free_secret(char **text)
{
	if (*text) {
		mem_wipe(*text, strlen(*text));
		free(*text);
		*text = NULL;
	}
}

void mem_free_auto(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}
