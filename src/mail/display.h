/* SPDX-License-Identifier: ISC */
/*
 * display: what people see of an address in a header field: its display name, or its
 * comment; and how such text is written again.  Pure.
 */
#ifndef MAIL_DISPLAY_H
#define MAIL_DISPLAY_H

#include "base/buf.h"

/* Most bytes of such a text; the rest is left out. */
enum { DISPLAY_MAX = 200 };

/*
 * Appends the display name of the address that stands at `where` in `value`, a list that
 * could be parsed; or else its first comment.  One line without quotes, backslashes and
 * control bytes; encoded-words and bytes above 127 stay.  Nothing when it has neither.
 */
bool display_read(struct span value, struct span where, struct buf *to) RELAY_CHECKED;

/* The same for text that is no list of addresses: all of it. */
bool display_read_text(struct span value, struct buf *to) RELAY_CHECKED;

/* Is there an encoded-word in it?  It must not stand in quotes. */
bool display_is_encoded(struct span text);

/*
 * Appends it as a phrase (RFC 5322 §3.2.5): encoded-words as they are, the rest in quotes
 * where that is needed.  Bytes above 127 are left to repair.h, which knows their charset.
 */
bool display_add(struct buf *to, struct span text) RELAY_CHECKED;

#endif
