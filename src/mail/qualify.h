/* SPDX-License-Identifier: ISC */
/*
 * qualify: addresses without a domain get one where they stand in a header field.  Names,
 * comments, groups and folding stay; a field that cannot be parsed keeps its bytes.  Pure.
 */
#ifndef MAIL_QUALIFY_H
#define MAIL_QUALIFY_H

#include "mail/header.h"

/*
 * Appends the value of an address field, of which `list` was parsed, with the domain.  What
 * would not be a valid address with it stays bare.  False when *out is full.
 */
bool qualify_value(struct span value, const struct addr_list *list, const char *domain,
		   struct buf *out) RELAY_CHECKED;

/* Is there an address without a domain in the list? */
bool qualify_is_needed(const struct addr_list *list);

/*
 * Appends the field: as it is when all addresses have a domain, else with the one that
 * `domain` gives (NULL: none), folded.  It is asked only when it is needed.
 */
bool qualify_field(const struct header_field *field, const char *(*domain)(void *context),
		   void *context, struct buf *out) RELAY_CHECKED;

#endif
