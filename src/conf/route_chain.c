/* SPDX-License-Identifier: ISC */
/* route_chain: the accounts that stand in for one.  Must never change an account. */
#include "base/mem.h"
#include "conf/account.h"
#include "conf/keys.h"
#include "conf/lists.h"
#include "conf/route.h"

#include <limits.h>

struct chain {
	const struct conf *c;
	const struct account **at;
	size_t count;
	const struct account *way[ROUTE_CHAIN_MAX];	/* from the first to the one that is looked at */
	size_t depth;
	struct route_fault *fault;
};

bool route_missing(const struct conf *c, struct span name, char *reason, size_t size)
{
	char *wanted MEM_AUTO = mem_copy(name.data, name.size);
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	if (account_find(c, 0, name)) {
		return false;
	}
	for (size_t i = 0; i < c->count; i++) {
		if (key_is_near(wanted, c->accounts[i].name, &best)) {
			nearest = c->accounts[i].name;
		}
	}
	if (nearest) {
		snprintf(reason, size, "there is no account \"%.200s\"; did you mean \"%.200s\"?",
			 wanted, nearest);
	} else {
		snprintf(reason, size,
			 "there is no account \"%.200s\"; add it, or remove its name here",
			 wanted);
	}
	return true;
}

/* "a -> b -> a", from the account that stands first in the file, whoever is asked for. */
static bool fail_circle(struct chain *chain, size_t first)
{
	size_t size = chain->depth - first, start = 0;
	const struct account **circle = &chain->way[first];
	struct route_fault *f = chain->fault;
	struct buf text BUF_AUTO;
	bool fits = true;

	for (size_t i = 1; i < size; i++) {
		start = circle[i] < circle[start] ? i : start;
	}
	buf_init(&text, sizeof(f->reason) - 80);
	for (size_t i = 0; i < size; i++) {
		fits = fits && buf_printf(&text, "%s -> ", circle[(start + i) % size]->name);
	}
	f->account = circle[(start + size - 1) % size];
	snprintf(f->reason, sizeof(f->reason),
		 "goes round in a circle: %s%s; remove one of these names", text.data,
		 fits && strlen(circle[start]->name) < 40 ? circle[start]->name : "…");
	return false;
}

static bool add(struct chain *chain, const struct account *a);

static bool add_name(struct chain *chain, const struct account *a, struct span name)
{
	const struct account *next = account_find(chain->c, 0, name);
	struct route_fault *f = chain->fault;

	if (!next) {
		f->account = a;
		return !route_missing(chain->c, name, f->reason, sizeof(f->reason));
	}
	for (size_t i = 0; i < chain->depth; i++) {
		/* Who inherits the list of its parent may stand in it. */
		if (chain->way[i] == next) {
			return !account_is_own(a, KEY_FALLBACK) || fail_circle(chain, i);
		}
	}
	for (size_t i = 0; i < chain->count; i++) {
		if (chain->at[i] == next) {
			return true;
		}
	}
	if (chain->count == ROUTE_CHAIN_MAX) {
		f->account = a;
		snprintf(f->reason, sizeof(f->reason),
			 "more than %d accounts would be tried; remove some of the names",
			 ROUTE_CHAIN_MAX);
		return false;
	}
	return add(chain, next);
}

/* No deeper than the chain is long. */
static bool add(struct chain *chain, const struct account *a)
{
	struct span rest = span_str(conf_text(a, KEY_FALLBACK)), name;

	chain->at[chain->count++] = a;
	chain->way[chain->depth++] = a;
	while ((name = lists_next(&rest)).size > 0) {
		if (!add_name(chain, a, name)) {
			return false;
		}
	}
	chain->depth--;
	return true;
}

bool route_fault(const struct conf *c, const struct account *a, struct route_fault *ret)
{
	const struct account *accounts[ROUTE_CHAIN_MAX];
	struct chain chain = { .c = c, .at = accounts, .fault = ret };

	return !add(&chain, a);
}

bool route_chain(const struct conf *c, const struct account *a,
		 const struct account *chain[ROUTE_CHAIN_MAX], size_t *ret_count, struct err *e)
{
	struct route_fault fault;
	struct chain found = { .c = c, .at = chain, .fault = &fault };
	char where[512];

	if (!add(&found, a)) {
		conf_origin(fault.account, KEY_FALLBACK, where, sizeof(where));
		return err_set(e, CAUSE_CONFIG, "%s: %s: %s", where,
			       conf_key_row(KEY_FALLBACK)->name, fault.reason);
	}
	*ret_count = found.count;
	return true;
}
