/* SPDX-License-Identifier: ISC */
/* fuzz: what every fuzz target defines, and how it says that something is wrong. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Like assert, and never compiled out. */
#define MUST(condition) \
	((condition) ? (void)0 \
		     : (fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition), abort()))

#endif
