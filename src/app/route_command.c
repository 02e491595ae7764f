/* SPDX-License-Identifier: ISC */
/* route_command: see route_command.h. */
#include "app/route_command.h"
#include "app/app.h"
#include "app/assign.h"
#include "app/handover.h"
#include "app/output.h"
#include "app/say.h"
#include "app/scope.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sysexits.h>

/* Who has no account for it hands it over, and knows no more. */
static const char machine_why[] = "no account of yours takes all of it";
static const char machine_decides[] = "as the machine decides";

static unsigned via_of(const struct call *c, size_t rcpt)
{
	return c->via_count > 0 ? c->via_of_rcpt[rcpt] : 0;
}

static const struct account *account_of(const struct call *c, unsigned via)
{
	return c->via_count > 0 ? c->vias[via].account : c->account;
}

static const char *sender_of(const struct call *c, unsigned via)
{
	return via > 0 ? c->vias[via].sender : c->envelope.sender;
}

/* As for a message without a header. */
static bool find_accounts(struct call *c, struct err *e)
{
	/* There is no From field that could name the sender. */
	c->options.read_sender = false;
	return call_prepare(c, e) && assign_accounts(c, span_of(NULL, 0), e);
}

static int tell_problems(const struct call *c)
{
	const struct local_problems *p = &c->envelope.problems;

	local_problems_say(p);
	return p->counts[ALIAS_MISTAKE] + p->counts[ALIAS_REFUSED] > 0 ? EX_CONFIG : EX_OK;
}

/* -- the parts of an answer ------------------------------------------------------------ */

/* What stands before each part: its forms are sendmail -bv and relay route. */
struct form {
	const char *from, *server, *other, *fallback;
};

static const struct form verify_form = {
	.from = "From: ", .server = "server: ", .other = "or: ", .fallback = "fallback: ",
};
static const struct form route_form = {
	.from = "  From      ",
	.server = "  server    ",
	.other = "  or        ",
	.fallback = "  fallback  ",
};

/* The caller frees it. */
static char *why_text(const struct call *c, const struct route *r)
{
	char where[512];

	switch (r->why) {
	case ROUTE_NAMED:
		return mem_str("named with -a");
	case ROUTE_DEFAULT:
		return mem_str(c->conf.count == 1
				       ? "the only one"
				       : "no other takes the sender or the recipient");
	case ROUTE_FROM:
	case ROUTE_TO:
		break;
	}
	conf_origin(r->account, r->key, where, sizeof(where));
	return mem_printf("%s %s (%s)", conf_key_row(r->key)->name, r->pattern, where);
}

static const char *security_of(const struct account *a)
{
	return !conf_on(a, KEY_TLS)	? "no TLS"
	       : conf_starttls(a)	? "STARTTLS"
					: "TLS from the start";
}

static void print_server(const struct account *a, const struct conf_server *s)
{
	if (s->is_srv) {
		printf("whatever DNS names for %.*s (_submissions._tcp, _submission._tcp)\n",
		       SPAN_ARG(s->name));
	} else {
		printf("%.*s, port %u, %s\n", SPAN_ARG(s->name), conf_port(a), security_of(a));
	}
}

/* One line for each server.  lead: of the first of them. */
static void print_servers(const struct form *f, const struct account *a, const char *lead,
			  const char *name)
{
	const char *hosts = conf_text(a, KEY_HOST), *path = conf_text(a, KEY_SOCKET);
	struct span rest = span_str(hosts ? hosts : "");
	struct conf_server s;

	if (path) {
		printf("%s%s%s\n", lead, name, path);
		return;
	}
	while (conf_host_next(&rest, &s)) {
		printf("%s%s", lead, name);
		print_server(a, &s);
		lead = f->other;
	}
}

static void print_from(const struct call *c, const char *lead)
{
	const struct account *a = c->account;
	const char *author = c->envelope.author;

	if (conf_is(a, KEY_SET_FROM_HEADER, "on")) {
		printf("%s%s, in the place of any other\n", lead, author);
	} else if (conf_is(a, KEY_SET_FROM_HEADER, "off")) {
		printf("%swhat the message has; without one it gets none\n", lead);
	} else {
		printf("%swhat the message has; without one %s\n", lead, author);
	}
}

/* Which From, and where it goes. */
static bool print_way(const struct call *c, const struct form *f, const struct account *a,
		      struct err *e)
{
	const struct account *chain[ROUTE_CHAIN_MAX];
	size_t count;

	print_from(c, f->from);
	if (!route_chain(&c->conf, a, chain, &count, e)) {
		return false;
	}
	print_servers(f, a, f->server, "");
	for (size_t i = 1; i < count; i++) {
		char *name MEM_AUTO = mem_printf("account %s: ", chain[i]->name);
		print_servers(f, chain[i], f->fallback, name);
	}
	return true;
}

static void print_discarded(const struct call *c, const char *before, const char *behind)
{
	const struct local_problems *p = &c->envelope.problems;

	for (size_t i = 0; i < local_problems_kept(p, ALIAS_DISCARDED); i++) {
		printf("%s%s%s\n", before, p->at[ALIAS_DISCARDED][i].recipient, behind);
	}
}

/* -- sendmail -bv ---------------------------------------------------------------------- */

/* The recipients of one account; the reason stands below those that share it. */
static bool verify_account(struct call *c, unsigned via, struct err *e)
{
	const struct addr_list *to = &c->envelope.recipients;
	char *why MEM_AUTO = NULL;
	struct route route;

	printf("account: %s\nsender: <%s>\n", account_of(c, via)->name, sender_of(c, via));
	for (size_t i = 0; i < to->count; i++) {
		if (via_of(c, i) != via) {
			continue;
		}
		if (!assign_find(c, to->at[i].spec, &route, e)) {
			return false;
		}
		char *next = why_text(c, &route);
		if (why && strcmp(why, next) != 0) {
			printf("why: %s\n", why);
		}
		free(why);
		why = next;
		printf("recipient: <%s>\n", to->at[i].spec);
	}
	if (why) {
		printf("why: %s\n", why);
	}
	return print_way(c, &verify_form, account_of(c, via), e);
}

static int verify_handover(struct call *c)
{
	struct err e;

	if (!handover_envelope(c, &e)) {
		return say_error(&e);
	}
	printf("account: the machine's, by %s\nsender: <%s>\n", scope_socket,
	       c->envelope.sender);
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		printf("recipient: <%s>\n", c->envelope.recipients.at[i].spec);
	}
	printf("why: %s\nFrom: %s\nserver: %s\n", machine_why, machine_decides,
	       machine_decides);
	return EX_OK;
}

int route_verify(struct call *c)
{
	struct err e;

	bool ok = find_accounts(c, &e);
	if (c->id.may_hand_over) {
		return verify_handover(c);
	}
	ok = ok && verify_account(c, 0, &e);
	for (unsigned via = 1; ok && via < c->via_count; via++) {
		ok = verify_account(c, via, &e);
	}
	if (!ok) {
		return say_error(&e);
	}
	print_discarded(c, "thrown away: <", ">");
	return tell_problems(c);
}

/* -- relay route ----------------------------------------------------------------------- */

static bool explain(struct call *c, size_t i, struct err *e)
{
	const struct addr *r = &c->envelope.recipients.at[i];
	const struct account *a = account_of(c, via_of(c, i));
	struct route route;

	if (!assign_find(c, r->spec, &route, e)) {
		return false;
	}
	if (r->origin) {
		printf("%s, for %s\n", r->spec, r->origin);
	} else {
		printf("%s\n", r->spec);
	}
	char *why MEM_AUTO = why_text(c, &route);
	printf("  account   %s: %s\n", route.account->name, why);
	printf("  sender    <%s>\n", sender_of(c, via_of(c, i)));
	return print_way(c, &route_form, a, e);
}

static int explain_handover(struct call *c)
{
	struct err e;

	if (!handover_envelope(c, &e)) {
		return say_error(&e);
	}
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		printf("%s\n  account   the machine's, by %s: %s\n  sender    <%s>\n",
		       c->envelope.recipients.at[i].spec, scope_socket, machine_why,
		       c->envelope.sender);
		printf("%s%s\n%s%s\n", route_form.from, machine_decides, route_form.server,
		       machine_decides);
	}
	return EX_OK;
}

static int route(struct call *c)
{
	struct err e;

	bool is_found = find_accounts(c, &e);
	if (c->id.may_hand_over) {
		return explain_handover(c);
	}
	if (!is_found) {
		return say_error(&e);
	}
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		if (!explain(c, i, &e)) {
			return say_error(&e);
		}
	}
	print_discarded(c, "", "\n  thrown away, as the aliases say");
	return tell_problems(c);
}

static const char usage[] = "usage: relay route [-a account] [-f sender] [-C file] address…";

int route_command(int argc, char **argv)
{
	struct call c;
	struct err e;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf("%s\n\nSays which account sends to these addresses, why, and how; nothing "
		       "is sent.  See relay(1).\n", usage);
		return EX_OK;
	}
	call_init(&c);
	bool ok = options_parse(&c.options, argc, argv, &e);
	if (ok && (c.options.mode != MODE_SEND || c.options.read_recipients ||
		   c.options.recipient_count == 0)) {
		ok = err_set(&e, CAUSE_USAGE, "%s", usage);
	}
	c.options.mode = MODE_VERIFY;
	ok = ok && scope_enter(&c.id, &c.options, &e);
	int status = ok ? route(&c) : say_error(&e);
	call_clear(&c);
	return status;
}
