/* SPDX-License-Identifier: ISC */
/*
 * postfix_routes: relayhost and the tables by sender as accounts.  The account "default" has
 * what Postfix does with all other mail.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/build.h"
#include "import/lines.h"

#include <stdlib.h>

bool postfix_split(const struct postfix *p, struct span value, struct span *transport,
		   struct span *nexthop)
{
	const char *colon = value.size ? memchr(value.data, ':', value.size) : NULL;
	size_t size = colon ? (size_t)(colon - value.data) : value.size;

	*transport = span_first(value, size);
	*nexthop = span_trim(span_from(value, size + 1));
	struct span command = master_cf_command(&p->master, *transport);
	return span_equal(command, span_str("smtp")) || span_equal(command, span_str("lmtp"));
}

/* Where mail goes that no table names. */
struct usual {
	char *transport_text, *list;
	struct span transport;
	struct import_place at;
	const char *name;
	bool is_good;		/* relay can send there */
};

static struct usual usual_route(struct postfix *p)
{
	struct usual u = { .name = "relayhost" };
	struct import_place at;
	struct span nexthop;

	u.transport_text = postfix_get(p, span_of(NULL, 0), "default_transport", &at);
	u.list = postfix_get(p, span_of(NULL, 0), u.name, &u.at);
	u.is_good = postfix_split(p, span_str(u.transport_text), &u.transport, &nexthop);
	if (!u.is_good) {
		build_note(p->im, IMPORT_LEFT, at, "default_transport",
			   "relay sends over SMTP or LMTP only");
	} else if (u.list[0] == '\0' && nexthop.size > 0) {
		free(u.list);
		u.list = mem_copy(nexthop.data, nexthop.size);
		u.at = at;
		u.name = "default_transport";
	}
	u.is_good = u.is_good && u.list[0];
	return u;
}

/* -- by sender ----------------------------------------------------------------- */

/* Those that have an account, case ignored: more places than there can be accounts. */
enum { PLACES = 32768 };
_Static_assert(PLACES > BUILD_ACCOUNTS_MAX, "a free place ends a search");

struct senders {
	struct postfix *p;
	struct span *places;	/* free: no data */
};

/* Where it is, or would be.  FNV-1a. */
static struct span *place_of(const struct senders *s, struct span sender)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < sender.size; i++) {
		hash = (hash ^ (unsigned char)text_lower(sender.data[i])) * 0x100000001b3;
	}
	size_t at = (size_t)(hash ^ hash >> 32) % PLACES;
	while (s->places[at].data && !text_equal_fold(s->places[at], sender)) {
		at = (at + 1) % PLACES;
	}
	return &s->places[at];
}

static bool has_sender(const struct senders *s, struct span sender)
{
	return place_of(s, sender)->data != NULL;
}

static void add_sender(struct senders *s, struct span sender, struct span transport,
		       struct span list, struct import_place at, const char *name)
{
	struct postfix *p = s->p;
	bool is_domain = sender.size > 0 && sender.data[0] == '@';
	struct import_account *a = build_account(p->im, span_from(sender, is_domain));

	if (!a) {
		if (!build_has_note(p->im, IMPORT_LEFT, "too many accounts")) {
			build_note(p->im, IMPORT_LEFT, at, "too many accounts",
				   "this sender and all that follow");
		}
		return;
	}
	a->rank = is_domain ? RANK_SENDER_PATTERN : RANK_SENDER;
	if (!build_from(p->im, a, sender, at, name) ||
	    !postfix_servers(p, a, transport, list, sender, at, name)) {
		build_drop(p->im, a);
		return;
	}
	*place_of(s, sender) = sender;
	a->comment = mem_printf("Mail from %.*s.", SPAN_ARG(sender));
	if (build_value(&p->im->defaults, KEY_ALLOW_FROM_OVERRIDE)) {
		build_put(p->im, a, KEY_ALLOW_FROM_OVERRIDE, "on");
	}
	if (build_value(&p->im->defaults, KEY_SET_FROM_HEADER)) {
		build_put(p->im, a, KEY_SET_FROM_HEADER, "auto");
	}
}

/* sender_dependent_relayhost_maps, sender_dependent_default_transport_maps */
static void add_senders(struct senders *s, const char *name, const struct usual *usual,
			bool has_transport)
{
	struct postfix *p = s->p;
	const struct table *t = postfix_table(p, span_of(NULL, 0), name, false);

	for (size_t i = 0; i < t->count; i++) {
		const struct table_entry *entry = &t->at[i];
		struct span transport = usual->transport, list = entry->value;
		if (text_equal_fold(entry->value, span_str("DUNNO"))) {
			continue;
		}
		if (entry->match != TABLE_KEY || entry->key.size == 0) {
			build_note(p->im, IMPORT_LEFT, entry->at, name,
				   "is for every sender: write an account");
			continue;
		}
		if (has_transport &&
		    (!postfix_split(p, entry->value, &transport, &list) || list.size == 0)) {
			build_note(p->im, IMPORT_LEFT, entry->at, name,
				   "relay sends over SMTP or LMTP, to a server that is named");
			continue;
		}
		if (!has_sender(s, entry->key)) {
			add_sender(s, entry->key, transport, list, entry->at, name);
		}
	}
}

/* Logins by sender, at the server that the sender has. */
static void add_logins(struct senders *s, const struct usual *usual)
{
	struct postfix *p = s->p;
	static const char name[] = "smtp_sasl_password_maps",
			  hosts[] = "sender_dependent_relayhost_maps";

	if (!postfix_yes(p, usual->transport, "smtp_sender_dependent_authentication") ||
	    !postfix_yes(p, usual->transport, "smtp_sasl_auth_enable")) {
		return;
	}
	const struct table *t = postfix_table(p, usual->transport, name, false);
	for (size_t i = 0; i < t->count; i++) {
		struct span key = t->at[i].key;
		if (t->at[i].match != TABLE_KEY || key.size == 0 ||
		    !memchr(key.data, '@', key.size) || has_sender(s, key)) {
			continue;
		}
		const struct table_entry *server = table_find_address(
			postfix_table(p, span_of(NULL, 0), hosts, false), key);
		if (server && !text_equal_fold(server->value, span_str("DUNNO"))) {
			add_sender(s, key, usual->transport, server->value, t->at[i].at, hosts);
		} else if (usual->is_good) {
			add_sender(s, key, usual->transport, span_str(usual->list),
				   t->at[i].at, usual->name);
		}
	}
}

/* -- all ----------------------------------------------------------------------- */

/* The entry "*" of transport_maps wins over relayhost. */
static void take_all(struct postfix *p, struct usual *usual, const struct table_entry *all)
{
	struct span nexthop;

	if (!all->value.data) {
		return;
	}
	usual->name = "transport_maps";
	usual->at = all->at;
	free(usual->list);
	usual->is_good = postfix_split(p, all->value, &usual->transport, &nexthop) &&
			 nexthop.size > 0;
	usual->list = mem_copy(nexthop.data, nexthop.size);
	if (!usual->is_good) {
		build_note(p->im, IMPORT_LEFT, all->at, "transport_maps",
			   "*: relay sends over SMTP or LMTP, to a server that is named");
	}
}

static void add_default(struct postfix *p, struct import_account *a, const struct usual *usual)
{
	if (usual->is_good &&
	    postfix_servers(p, a, usual->transport, span_str(usual->list),
			    span_of(NULL, 0), usual->at, usual->name)) {
		return;
	}
	build_drop(p->im, a);
	if (!usual->is_good && p->im->account_count > 0) {
		build_note(p->im, IMPORT_LEFT, usual->at, "relayhost",
			   "there is none: Postfix sends all other mail to the recipients' own "
			   "servers, which relay does not do; add an account \"default\"");
	} else {
		build_obstacle(p->im,
			       "no server: Postfix sends to each recipient's own server, which "
			       "relay does not do; your provider has one: account default, "
			       "host NAME, user NAME (relayhost is not set)");
	}
}

static void tell_order(struct postfix *p)
{
	bool has_sender_account = false, has_to = false;

	for (size_t i = 0; i < p->im->account_count; i++) {
		unsigned rank = p->im->accounts[i]->rank;
		has_sender_account = has_sender_account || rank < RANK_DEFAULT;
		has_to = has_to || (rank >= RANK_TO && rank < RANK_SPARE);
	}
	if (has_sender_account && has_to) {
		build_note(p->im, IMPORT_CHANGED, (struct import_place){ p->file, 0 },
			   "transport_maps", "relay looks at the sender first, Postfix at the "
			   "recipient");
	}
}

void postfix_routes(struct postfix *p)
{
	struct usual usual = usual_route(p);
	struct senders senders = { p, mem_alloc(PLACES, sizeof(*senders.places)) };
	struct table_entry all = { 0 };
	/* First, so that nobody else takes its name. */
	struct import_account *a = build_account(p->im, span_str("default"));

	a->rank = RANK_DEFAULT;
	add_senders(&senders, "sender_dependent_default_transport_maps", &usual, true);
	add_senders(&senders, "sender_dependent_relayhost_maps", &usual, false);
	add_logins(&senders, &usual);
	free(senders.places);
	postfix_transports(p, &all);
	take_all(p, &usual, &all);
	add_default(p, a, &usual);
	tell_order(p);
	build_sort(p->im);
	free(usual.transport_text);
	free(usual.list);
}
