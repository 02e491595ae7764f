/* SPDX-License-Identifier: ISC */
/* assign: see assign.h. */
#include "app/assign.h"
#include "base/mem.h"

#include <stdlib.h>

bool assign_find(struct call *c, const char *recipient, struct route *ret, struct err *e)
{
	const char *name = c->options.account;
	bool ok = routes_find(c->routes, name, c->envelope.given, recipient, ret, e);

	c->id.may_hand_over = !ok && !name && c->id.is_closed;
	return ok;
}

/*
 * Who reads the aliases, and what local names become, is said by the account that the sender
 * or the default gives; when there is none, by that of the first recipient.
 */
static bool find_first(struct call *c, struct err *e)
{
	const struct addr_list *to = &c->envelope.recipients;
	struct route route;

	if (c->account) {
		return true;
	}
	c->account = settings_choose(&c->conf, &c->options, &c->id, c->envelope.given, e);
	if (!c->account && to->count > 0 && routes_by_recipient(c->routes) &&
	    assign_find(c, to->at[0].spec, &route, e)) {
		c->account = route.account;
	}
	return c->account && settings_use(&c->conf, c->account, &c->options, &c->id, e);
}

/* numbers: of each account of the configuration its via and 1 more; 0 = it has none yet. */
static unsigned via_of(struct call *c, struct account *a, unsigned *numbers)
{
	unsigned *number = &numbers[a - c->conf.accounts];

	if (*number == 0) {
		c->vias = mem_resize(c->vias, c->via_count + 1, sizeof(*c->vias));
		c->vias[c->via_count++] = (struct call_via){ .account = a };
		*number = c->via_count;
	}
	return *number - 1;
}

/* c->vias in the order in which recipients need them. */
static bool route_all(struct call *c, struct err *e)
{
	const struct addr_list *to = &c->envelope.recipients;
	unsigned *numbers MEM_AUTO = mem_alloc(c->conf.count, sizeof(*numbers));
	struct route route;

	c->via_of_rcpt = mem_alloc(to->count, sizeof(*c->via_of_rcpt));
	for (size_t i = 0; i < to->count; i++) {
		if (!assign_find(c, to->at[i].spec, &route, e)) {
			return false;
		}
		c->via_of_rcpt[i] = via_of(c, route.account, numbers);
	}
	for (unsigned i = 0; i < c->via_count; i++) {
		if (!settings_use(&c->conf, c->vias[i].account, &c->options, &c->id, e)) {
			return false;
		}
	}
	return true;
}

/* The account of the message becomes number 0. */
static void put_first(struct call *c)
{
	unsigned first = 0;

	for (unsigned i = 0; i < c->via_count; i++) {
		first = c->vias[i].account == c->account ? i : first;
	}
	c->account = c->vias[first].account;
	c->vias[first].account = c->vias[0].account;
	c->vias[0].account = c->account;
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		unsigned *via = &c->via_of_rcpt[i];
		*via = *via == first ? 0 : *via == 0 ? first : *via;
	}
}

bool assign_accounts(struct call *c, struct span header, struct err *e)
{
	struct envelope *v = &c->envelope;

	if (!find_first(c, e) || !envelope_expand(v, c->account, &c->id, e)) {
		return false;
	}
	if (routes_by_recipient(c->routes) && v->recipients.count > 0) {
		if (!route_all(c, e)) {
			return false;
		}
		put_first(c);
	}
	if (!envelope_set_sender(v, c->account, &c->id, header, e)) {
		return false;
	}
	for (unsigned i = 1; i < c->via_count; i++) {
		if (!envelope_sender(v, c->vias[i].account, &c->id, header, &c->vias[i].sender,
				     e)) {
			return false;
		}
	}
	return true;
}
