/* SPDX-License-Identifier: ISC */
/*
 * text: small pure helpers for text from files, arguments and servers.
 * ASCII rules only: the locale never changes what a configuration or a reply means.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buf.h"

bool text_is_digit(char c);
bool text_is_alpha(char c);
char text_lower(char c);

/* ASCII case-insensitive comparison. */
bool text_equal_fold(struct span a, struct span b);
bool text_starts_fold(struct span s, const char *prefix);
int text_compare_fold(struct span a, struct span b);

/*
 * Replaces control bytes (CR, LF, TAB included), Unicode's line breaks and direction marks,
 * and bytes that are not UTF-8 by '?' in place.  Afterwards the text is one line, reads as
 * it was written, and is safe for a terminal and a log.
 */
void text_sanitise(char *text, size_t size);

/*
 * A PKCS#11 URI can have a PIN in it (pin-value, RFC 7512): masks it in place.  True when
 * there was one.
 */
bool text_hide_pin(char *text);

/* Decimal, no sign, no blanks, at most max.  False when it is anything else. */
bool text_unsigned(struct span s, unsigned long long max, unsigned long long *ret_value)
	RELAY_CHECKED;

bool text_is_ascii(struct span s);
bool text_is_plain(struct span s);	/* only what can be seen of ASCII, and blanks */
bool text_is_utf8(struct span s);
/* True when CR, LF or NUL stand in it: such text never reaches a command or a header. */
bool text_has_line_break(struct span s);

/* Shell-like pattern, ASCII case-insensitive: ? * and [set] as in msmtp's `from`. */
bool text_match(const char *pattern, struct span s);

/* Edits (insert, delete, replace, swap) between two short words; for "did you mean". */
unsigned text_distance(const char *a, const char *b);

/* Base64, RFC 4648 §4.  Decoding is strict: padding needed, no blanks. */
bool text_base64_add(struct buf *to, struct span data) RELAY_CHECKED;
bool text_base64_decode(struct buf *to, struct span base64) RELAY_CHECKED;

#endif
