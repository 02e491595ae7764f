/* SPDX-License-Identifier: ISC */
/* repair_part: the pieces of repair.h; only the repair files include it. */
#ifndef MAIL_REPAIR_PART_H
#define MAIL_REPAIR_PART_H

#include "mail/field.h"

/* Longer tokens are encoded where they can be, so that they can be folded. */
enum { REPAIR_TOKEN_MAX = 900 };

/* Has a byte above 127 or a NUL. */
bool repair_is_raw(struct span s);

/* The size of the blanks and tabs at the front of s. */
size_t repair_blanks(struct span s);

/* Text with blanks, as it is. */
void repair_flow(struct field *w, struct span s);

/* What in a structured field may have encoded-words beside comments. */
enum repair_names {
	REPAIR_NO_NAMES,
	REPAIR_DISPLAY_NAMES,	/* before addresses */
	REPAIR_PHRASES,		/* all words */
};

/*
 * The value of a structured field, unfolded.  False when quotes, comments or angle brackets
 * are not closed; what was written then is of no use.
 */
bool repair_structured(struct field *w, struct span value, enum repair_names names)
	RELAY_CHECKED;

/*
 * The value of a field with parameters (RFC 2231), unfolded.  is_type: of Content-Type.  One
 * that cannot be read becomes one that readers show, and stands in x-original-type.
 */
void repair_params(struct field *w, struct span value, bool is_type);

#endif
