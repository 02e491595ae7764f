/* SPDX-License-Identifier: ISC */
/*
 * hops: the servers that can take the mail of an account, in the order in which they are
 * tried: those that its `host` names, or that DNS names for srv:DOMAIN; then those of the
 * accounts that `fallback` names.  DNS is asked when it is such a server's turn.
 */
#ifndef APP_HOPS_H
#define APP_HOPS_H

#include "conf/route.h"
#include "sys/net_srv.h"

/* One server.  Its settings are the account's, but for these. */
struct hop {
	const struct account *account;
	char host[NET_NAME_MAX];	/* as written; "" = the account has a socket */
	unsigned port;			/* 0 with a socket */
	bool is_starttls;
	/* From DNS: the certificate must fit one of these names, too (sys/tls.h); else "". */
	char srv_domain[NET_NAME_MAX];
};

struct hops {
	/* Private. */
	const struct account *chain[ROUTE_CHAIN_MAX];
	size_t count, at;		/* chain[at] is whose servers come */
	struct span rest;		/* of its `host` */
	bool is_begun;			/* rest is chain[at]'s */
	struct net_services found;	/* of the last srv: */
	size_t found_at;
	char srv_domain[NET_NAME_MAX];
	/* May be set before hops_next: DNS has until then; 0 = as long as the account says. */
	int64_t until;
};

/*
 * a, and after it its fallback accounts.  They must live as long as *h.  False: CAUSE_CONFIG,
 * see route_chain.
 */
bool hops_init(struct hops *h, const struct conf *c, const struct account *a,
	       struct err *e) RELAY_CHECKED;

/* The account's own servers only. */
void hops_init_one(struct hops *h, const struct account *a);

enum hops_next {
	HOPS_SERVER,	/* *ret */
	HOPS_TROUBLE,	/* there would be more servers, but *e; ret->account is whose */
	HOPS_END,
};
/* The next one. */
enum hops_next hops_next(struct hops *h, struct hop *ret, struct err *e);

/* Whose the next one is; NULL = there is none.  DNS is not asked: what it may name counts. */
const struct account *hops_account(const struct hops *h);

/* The other servers of this account would be of no use: its password is wrong, say. */
void hops_skip_account(struct hops *h);

/* Is there but one, so that nobody needs to be told which one it was? */
bool hops_is_one(const struct hops *h);

#endif
