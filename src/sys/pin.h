/* SPDX-License-Identifier: ISC */
/* pin: a certificate's fingerprint as people write it: "AA:BB:…" or "aabb…". */
#ifndef SYS_PIN_H
#define SYS_PIN_H

#include "base/err.h"
#include "base/span.h"

/* SHA-256, SHA-1 and MD5 have 32, 20 and 16 bytes: the size names the hash. */
#define PIN_MAX 32
#define PIN_TEXT_MAX (PIN_MAX * 3)

struct pin {
	unsigned char bytes[PIN_MAX];
	size_t size;
};

/* Hex, either case, with or without a colon after each byte.  False for anything else. */
bool pin_parse(struct pin *pin, struct span text) RELAY_CHECKED;
/* Takes the same time wherever the two differ. */
bool pin_equal(const struct pin *a, const struct pin *b);
/* "AA:BB:…", as GnuTLS's and OpenSSL's tools print it. */
void pin_format(const struct pin *pin, char text[PIN_TEXT_MAX]);

#endif
