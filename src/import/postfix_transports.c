/* SPDX-License-Identifier: ISC */
/*
 * postfix_transports: transport_maps as accounts with `to`.  Postfix takes the line that says
 * most about the recipient, relay the first account that fits: so lines are put together that
 * go to one server and say as much, and those that say more come first.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/lex.h"
#include "import/build.h"

#include <stdlib.h>

/* Most bytes in one `to`, so that the line can be read; labels of a domain that count. */
enum { PATTERNS_MOST = 60000, LABELS_MOST = 127, TOLD_MOST = 32, BUCKETS = 4096 };

struct route {
	struct span value;	/* "smtp:[host]:port" */
	unsigned rank;
	struct import_account *account;
	struct buf patterns;
	size_t next;		/* with the same hash: its number + 1, or 0 */
};

/* Lines with one reason: told together. */
struct told {
	struct span transport;
	struct import_place at;
	size_t count;
	const char *reason;
};

struct routes {
	struct postfix *p;
	struct route *at;
	size_t count;
	size_t heads[BUCKETS];	/* number + 1 of the first with this hash, or 0 */
	struct told told[TOLD_MOST];
	size_t told_count;
};

static const char name[] = "transport_maps";

static void tell(struct routes *r, const struct table_entry *entry, struct span transport,
		 const char *reason)
{
	size_t i = 0;

	while (i < r->told_count && (!span_equal(r->told[i].transport, transport) ||
				     r->told[i].reason != reason)) {
		i++;
	}
	if (i == TOLD_MOST) {
		i--;
	} else if (i == r->told_count) {
		r->told[r->told_count++] = (struct told){ transport, entry->at, 0, reason };
	}
	r->told[i].count++;
}

/* A key as a pattern for whole addresses: user@x, *@x, *@*.x */
static bool add_pattern(struct buf *to, struct span key)
{
	const char *before = memchr(key.data, '@', key.size) ? ""
			     : key.data[0] == '.'	     ? "*@*"
							     : "*@";

	return buf_printf(to, "%s%s", to->size > 0 ? " " : "", before) && buf_add_span(to, key);
}

static bool is_plain(struct span key)
{
	for (size_t i = 0; i < key.size; i++) {
		if (key.data[i] == ' ' || key.data[i] == '\t' || lex_is_control(key.data[i]) ||
		    strchr("?*[]\"", key.data[i])) {
			return false;
		}
	}
	return key.size > 0 && key.size < 512 && text_is_utf8(key);
}

/* What says more comes first: an address, a domain, a domain's children by their depth. */
static unsigned rank_of(struct span key)
{
	unsigned labels = 0;

	if (memchr(key.data, '@', key.size)) {
		return RANK_TO;
	}
	if (key.data[0] != '.') {
		return RANK_TO + 1;
	}
	for (size_t i = 0; i < key.size; i++) {
		labels += key.data[i] == '.';
	}
	return RANK_TO + 2 + LABELS_MOST - (labels < LABELS_MOST ? labels : LABELS_MOST);
}

/* FNV-1a. */
static size_t *head_of(struct routes *r, struct span value, unsigned rank)
{
	uint64_t hash = 0xcbf29ce484222325 ^ rank;

	for (size_t i = 0; i < value.size; i++) {
		hash = (hash ^ (unsigned char)value.data[i]) * 0x100000001b3;
	}
	return &r->heads[(hash ^ hash >> 32) & (BUCKETS - 1)];
}

static struct route *find_route(struct routes *r, struct span value, unsigned rank)
{
	for (size_t n = *head_of(r, value, rank); n > 0; n = r->at[n - 1].next) {
		struct route *route = &r->at[n - 1];
		if (route->rank == rank && span_equal(route->value, value)) {
			return route;
		}
	}
	return NULL;
}

/* NULL: it cannot be made, and that is told. */
static struct route *add_route(struct routes *r, const struct table_entry *entry,
			       struct span transport, struct span nexthop, unsigned rank)
{
	unsigned port;
	bool has_brackets;
	struct span host = postfix_host(nexthop, 25, &port, &has_brackets);
	struct import_account *a = build_account(r->p->im, host);

	if (!a) {
		tell(r, entry, span_of(NULL, 0), "too many different servers");
		return NULL;
	}
	if (!postfix_servers(r->p, a, transport, nexthop, span_of(NULL, 0), entry->at, name)) {
		build_drop(r->p->im, a);
		return NULL;
	}
	a->rank = rank;
	a->comment = mem_printf("For recipients, from transport_maps: %.*s",
				SPAN_ARG(span_first(entry->value, 255)));
	if ((r->count & (r->count + 1)) == 0) {
		r->at = mem_resize(r->at, 2 * r->count + 1, sizeof(*r->at));
	}
	struct route *route = &r->at[r->count++];
	size_t *head = head_of(r, entry->value, rank);
	*route = (struct route){ .value = entry->value, .rank = rank, .account = a,
				 .next = *head };
	*head = r->count;
	buf_init(&route->patterns, PATTERNS_MOST + 1024);
	return route;
}

static void set_to(struct routes *r, struct route *route)
{
	if (route->patterns.size > 0) {
		build_set(r->p->im, route->account, KEY_TO, buf_span(&route->patterns),
			  (struct import_place){ 0 }, name);
	}
	buf_reset(&route->patterns);
}

/* The line is full: one more account, like the first. */
static bool go_on(struct routes *r, struct route *route)
{
	struct import_account *first = route->account;
	struct import_account *more = build_account(r->p->im, span_str(first->name));

	if (!more) {
		return false;
	}
	set_to(r, route);
	more->rank = route->rank;
	more->parent = mem_str(first->parent ? first->parent : first->name);
	route->account = more;
	return true;
}

static void add_line(struct routes *r, const struct table_entry *entry,
		     struct table_entry *ret_all)
{
	struct span transport, nexthop;
	bool is_ours = postfix_split(r->p, entry->value, &transport, &nexthop);

	if (entry->match == TABLE_ANY || span_equal(entry->key, span_str("*"))) {
		*ret_all = *entry;
		return;
	}
	if (!is_plain(entry->key)) {
		tell(r, entry, span_of(NULL, 0), "not an address or a domain");
		return;
	}
	if (!is_ours && transport.size > 0) {
		tell(r, entry, transport, "relay has no such delivery");
		return;
	}
	if (nexthop.size == 0) {
		tell(r, entry, transport,
		     transport.size ? "goes to the recipient's own server, which relay "
				      "does not do"
				    : "an exception: write an account with this `to`");
		return;
	}
	if (transport.size == 0) {
		transport = span_str("smtp");
	}
	unsigned rank = rank_of(entry->key);
	struct route *route = find_route(r, entry->value, rank);
	if (!route && !(route = add_route(r, entry, transport, nexthop, rank))) {
		return;
	}
	if (route->patterns.size + entry->key.size + 8 > PATTERNS_MOST && !go_on(r, route)) {
		tell(r, entry, span_of(NULL, 0), "too many accounts");
		return;
	}
	BUG_ON(!add_pattern(&route->patterns, entry->key));
}

void postfix_transports(struct postfix *p, struct table_entry *ret_all)
{
	const struct table *t = postfix_table(p, span_of(NULL, 0), name, false);
	struct routes r = { .p = p };

	for (size_t i = 0; i < t->count; i++) {
		add_line(&r, &t->at[i], ret_all);
	}
	for (size_t i = 0; i < r.count; i++) {
		set_to(&r, &r.at[i]);
		buf_clear(&r.at[i].patterns);
	}
	free(r.at);
	for (size_t i = 0; i < r.told_count; i++) {
		const struct told *told = &r.told[i];
		build_note(p->im, IMPORT_LEFT, told->at, name, "%.*s%s%s (%zu line%s)",
			   SPAN_ARG(span_first(told->transport, 64)),
			   told->transport.size ? ": " : "", told->reason, told->count,
			   told->count == 1 ? "" : "s");
	}
}
