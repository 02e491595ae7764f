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
};

static bool fail(const struct account *a, struct err *e)
{
	char where[512];

	conf_origin(a, KEY_FALLBACK, where, sizeof(where));
	return err_ctx(e, "%s: %s", where, conf_key_row(KEY_FALLBACK)->name);
}

static bool fail_missing(const struct conf *c, const struct account *a, struct span name,
			 struct err *e)
{
	char *wanted MEM_AUTO = mem_copy(name.data, name.size);
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	for (size_t i = 0; i < c->count; i++) {
		if (key_is_near(wanted, c->accounts[i].name, &best)) {
			nearest = c->accounts[i].name;
		}
	}
	err_set(e, CAUSE_CONFIG, "there is no account \"%.200s\"%s%.200s%s", wanted,
		nearest ? "; did you mean \"" : "; add it, or remove its name here",
		nearest ? nearest : "", nearest ? "\"?" : "");
	return fail(a, e);
}

/* "a -> b -> a" */
static bool fail_cycle(const struct chain *chain, size_t first, struct err *e)
{
	const struct account *last = chain->way[chain->depth - 1];
	struct buf text BUF_AUTO;
	bool fits = true;

	buf_init(&text, ERR_TEXT_MAX / 2);
	for (size_t i = first; i < chain->depth; i++) {
		fits = fits && buf_printf(&text, "%s -> ", chain->way[i]->name);
	}
	err_set(e, CAUSE_CONFIG, "goes round in a circle: %s%s; remove one of these names",
		text.data, fits ? chain->way[first]->name : "…");
	return fail(last, e);
}

static bool add(struct chain *chain, const struct account *a, struct err *e);

static bool add_name(struct chain *chain, const struct account *a, struct span name,
		     struct err *e)
{
	const struct account *next = account_find(chain->c, 0, name);

	if (!next) {
		return fail_missing(chain->c, a, name, e);
	}
	for (size_t i = 0; i < chain->depth; i++) {
		/* Who inherits the list of its parent may stand in it. */
		if (chain->way[i] == next) {
			return !account_is_own(a, KEY_FALLBACK) || fail_cycle(chain, i, e);
		}
	}
	for (size_t i = 0; i < chain->count; i++) {
		if (chain->at[i] == next) {
			return true;
		}
	}
	if (chain->count == ROUTE_CHAIN_MAX) {
		err_set(e, CAUSE_CONFIG,
			"more than %d accounts would be tried; remove some of the names",
			ROUTE_CHAIN_MAX);
		return fail(a, e);
	}
	return add(chain, next, e);
}

/* No deeper than the chain is long. */
static bool add(struct chain *chain, const struct account *a, struct err *e)
{
	struct span rest = span_str(conf_text(a, KEY_FALLBACK)), name;

	chain->at[chain->count++] = a;
	chain->way[chain->depth++] = a;
	while ((name = lists_next(&rest)).size > 0) {
		if (!add_name(chain, a, name, e)) {
			return false;
		}
	}
	chain->depth--;
	return true;
}

bool route_chain(const struct conf *c, const struct account *a,
		 const struct account *chain[ROUTE_CHAIN_MAX], size_t *ret_count,
		 struct err *e)
{
	struct chain found = { .c = c, .at = chain };

	if (!add(&found, a, e)) {
		return false;
	}
	*ret_count = found.count;
	return true;
}
