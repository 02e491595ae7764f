/* SPDX-License-Identifier: ISC */
/* route: see route.h; route_chain.c has the fallbacks.  Must never change an account. */
#include "conf/route.h"
#include "base/mem.h"
#include "conf/account.h"
#include "conf/taker_index.h"

#include <stdlib.h>

struct routes {
	struct conf *c;
	struct taker_index *index;	/* NULL: no account has a `to` */
	bool has_index;		/* it was made, if there must be one */
	char *sender;		/* whose account is known; NULL = none yet */
	struct account *by_sender;
};

struct routes *routes_new(struct conf *c)
{
	struct routes *r = mem_alloc(1, sizeof(*r));

	r->c = c;
	return r;
}

void routes_free(struct routes *r)
{
	if (r) {
		taker_index_free(r->index);
		free(r->sender);
		free(r);
	}
}

/* The recipients of a message have one sender: the accounts are asked once. */
static struct account *find_by_sender(struct routes *r, const char *sender)
{
	if (!sender || !sender[0]) {
		return NULL;
	}
	if (!r->sender || strcmp(r->sender, sender) != 0) {
		free(r->sender);
		r->sender = mem_str(sender);
		r->by_sender = account_by_sender(r->c, sender);
	}
	return r->by_sender;
}

/* Does the account named "default" say the same, with the same line? */
static bool is_default_from(const struct conf *c, const struct account *a)
{
	const struct account *usual = account_find(c, 0, span_str("default"));

	return usual && (usual == a || conf_value(usual, KEY_FROM) == conf_value(a, KEY_FROM));
}

bool routes_by_recipient(const struct routes *r)
{
	for (size_t i = 0; i < r->c->count; i++) {
		if (conf_is_set(&r->c->accounts[i], KEY_TO)) {
			return true;
		}
	}
	return false;
}

static void make_index(struct routes *r)
{
	const struct conf *c = r->c;

	for (size_t i = 0; i < c->count && !(r->index && taker_index_takes_all(r->index)); i++) {
		if (!conf_is_set(&c->accounts[i], KEY_TO) ||
		    conf_is_hidden(c, &c->accounts[i])) {
			continue;
		}
		if (!r->index) {
			r->index = taker_index_new();
		}
		taker_index_add_recipients(r->index, c, i);
	}
	r->has_index = true;
}

static const struct taker *find_by_recipient(struct routes *r, const char *recipient)
{
	char *other;

	if (!r->has_index) {
		make_index(r);
	}
	if (!recipient || !r->index) {
		return NULL;
	}
	const struct taker *best = taker_index_find(r->index, span_str(recipient));
	for (unsigned n = 0; r->c->respell && (other = r->c->respell(recipient, n)); n++) {
		const struct taker *t = taker_index_find(r->index, span_str(other));
		best = !best || (t && t->account < best->account) ? t : best;
		free(other);
	}
	return best;
}

static bool take(struct route *ret, struct account *a, enum route_why why, enum key key,
		 struct span pattern)
{
	*ret = (struct route){ .account = a, .why = why, .key = key };
	snprintf(ret->pattern, sizeof(ret->pattern), "%.*s", SPAN_ARG(pattern));
	return true;
}

static bool take_sender(struct route *ret, struct account *a)
{
	return take(ret, a, ROUTE_FROM, KEY_FROM, span_str(conf_text(a, KEY_FROM)));
}

bool routes_find(struct routes *r, const char *name, const char *sender,
		 const char *recipient, struct route *ret, struct err *e)
{
	struct account *a = name ? NULL : find_by_sender(r, sender);

	const struct taker *t = name ? NULL : find_by_recipient(r, recipient);
	if (a && !is_default_from(r->c, a) &&
	    !(t && account_same_from(a, &r->c->accounts[t->account]))) {
		return take_sender(ret, a);
	}
	if (t) {
		return take(ret, &r->c->accounts[t->account], ROUTE_TO, KEY_TO, t->word);
	}
	if (a) {
		return take_sender(ret, a);
	}
	a = conf_choose(r->c, name, NULL, e);
	return a && take(ret, a, name ? ROUTE_NAMED : ROUTE_DEFAULT, KEY_COUNT, span_str(""));
}
