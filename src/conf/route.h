/* SPDX-License-Identifier: ISC */
/*
 * route: which account takes which recipient, and which accounts stand in for it.  Pure:
 * what has been said is in struct conf, and nothing else is looked at.
 */
#ifndef CONF_ROUTE_H
#define CONF_ROUTE_H

#include "conf/conf.h"

/* In this order of strength. */
enum route_why {
	ROUTE_NAMED,	/* -a */
	ROUTE_FROM,	/* its `from` takes the sender */
	ROUTE_TO,	/* its `to` takes the recipient */
	ROUTE_DEFAULT,	/* the account "default" */
};

struct route {
	struct account *account;
	enum route_why why;
	enum key key;		/* KEY_FROM, KEY_TO; KEY_COUNT: no setting */
	char pattern[256];	/* what fitted, as it was written; cut; "" without a key */
};

/*
 * What is known of one message: an index of every `to`, and whose the sender is, so that many
 * patterns and recipients stay cheap.  As long as it lives no account may come to *c, and no
 * `from` or `to` change, but for those of accounts that were chosen already.
 */
struct routes;
struct routes *routes_new(struct conf *c);
void routes_free(struct routes *r);	/* NULL is nothing */

/* Does any account have a `to`?  False: the recipient changes nothing. */
bool routes_by_recipient(const struct routes *r);

/*
 * Chooses in this order:
 *
 *   the account `name`, when it is not NULL;
 *   the first whose `from` takes the sender (NULL or "": none), unless the account "default"
 *   has the same line, because it is that account, or has inherited it; or the `to` of one
 *   with the same `from` takes the recipient;
 *   the first whose `to` takes the recipient (NULL or "": none);
 *   the first whose `from` takes the sender, after all;
 *   the account "default".
 *
 * Of several with the same `from`, the first without a `to` that is no fallback.
 * False: nothing fits (CAUSE_CONFIG), as conf_choose has it.  Accounts that are hidden are
 * never chosen.
 */
bool routes_find(struct routes *r, const char *name, const char *sender,
		 const char *recipient, struct route *ret, struct err *e) RELAY_CHECKED;

/* Most accounts for one recipient. */
#define ROUTE_CHAIN_MAX 32

/*
 * The account, then its fallbacks and theirs, depth first, each once.  CAUSE_CONFIG,
 * "FILE:LINE: fallback: …": an account that is not there, a circle, more than
 * ROUTE_CHAIN_MAX.  Who stands in a list that it has inherited is no circle.
 */
bool route_chain(const struct conf *c, const struct account *a,
		 const struct account *chain[ROUTE_CHAIN_MAX], size_t *ret_count,
		 struct err *e) RELAY_CHECKED;

/* What route_chain finds: "what is wrong; what to do". */
struct route_fault {
	const struct account *account;	/* whose `fallback` it is */
	char reason[512];
};
bool route_fault(const struct conf *c, const struct account *a, struct route_fault *ret);

/* The reason when there is no account of that name. */
bool route_missing(const struct conf *c, struct span name, char *reason, size_t size);

#endif
