/* SPDX-License-Identifier: ISC */
/*
 * impostor: a header that says to be from another user of the machine.  Where such an address
 * stands in From or Sender (or their Resent- forms), the user's own name takes its place;
 * display names and comments stay.  A value that is no list of addresses becomes a display name
 * as a whole: other programs could read such an address in it.  Pure.
 */
#ifndef MAIL_IMPOSTOR_H
#define MAIL_IMPOSTOR_H

#include "mail/header.h"

struct impostor {
	void *context;
	/* Is it the address of another user? */
	bool (*is_other)(void *context, const char *spec);
	const char *own;	/* what stands there instead; addr_is_safe */
};

/*
 * Appends the header as it may leave.  *ret_found: it is not the one that came.  False
 * (CAUSE_DATA) when *out is full.
 */
bool impostor_unmask(const struct impostor *x, struct span header, struct buf *out,
		     bool *ret_found, struct err *e) RELAY_CHECKED;

#endif
