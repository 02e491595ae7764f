/* SPDX-License-Identifier: ISC */
/* route_index: every `to` of a configuration, so that a recipient's is found at once. */
#ifndef CONF_ROUTE_INDEX_H
#define CONF_ROUTE_INDEX_H

#include "conf/conf.h"

struct route_index;

/* NULL: no account has a `to`.  The texts stay the accounts'. */
struct route_index *route_index_new(const struct conf *c);
void route_index_free(struct route_index *x);

/* What fitted. */
struct route_hit {
	size_t account;		/* its index */
	struct span word;	/* as it stands in `to` */
};

/*
 * The first account, in file order, of which a word fits; hidden ones do not count.  x may
 * be NULL.
 */
bool route_index_find(const struct route_index *x, struct span recipient,
		      struct route_hit *ret);

#endif
