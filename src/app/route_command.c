/* SPDX-License-Identifier: ISC */
/* route_command: see route_command.h. */
#include "app/route_command.h"
#include "app/app.h"
#include "app/assign.h"
#include "app/handover.h"
#include "app/output.h"
#include "app/say.h"
#include "base/mem.h"

#include <stdlib.h>
#include <sysexits.h>

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

/* -- sendmail -bv ---------------------------------------------------------------------- */

static void verify_account(const struct call *c, unsigned via)
{
	printf("account: %s\nsender: <%s>\n", account_of(c, via)->name, sender_of(c, via));
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		if (via_of(c, i) == via) {
			printf("recipient: <%s>\n", c->envelope.recipients.at[i].spec);
		}
	}
}

int route_verify(struct call *c)
{
	const struct local_problems *p = &c->envelope.problems;
	struct err e;

	bool is_found = find_accounts(c, &e);
	if (c->id.may_hand_over) {
		return handover_verify(c);
	}
	if (!is_found) {
		return say_error(&e);
	}
	verify_account(c, 0);
	for (unsigned via = 1; via < c->via_count; via++) {
		verify_account(c, via);
	}
	for (size_t i = 0; i < local_problems_kept(p, ALIAS_DISCARDED); i++) {
		printf("thrown away: <%s>\n", p->at[ALIAS_DISCARDED][i].recipient);
	}
	return tell_problems(c);
}

/* -- relay route ----------------------------------------------------------------------- */

static void print_why(const struct call *c, const struct route *r)
{
	char where[512];

	printf("  account   %s: ", r->account->name);
	switch (r->why) {
	case ROUTE_NAMED:
		printf("named with -a\n");
		return;
	case ROUTE_DEFAULT:
		printf(c->conf.count == 1 ? "the only one\n"
					  : "no other takes the sender or the recipient\n");
		return;
	case ROUTE_FROM:
	case ROUTE_TO:
		break;
	}
	conf_origin(r->account, r->key, where, sizeof(where));
	printf("%s %s (%s)\n", conf_key_row(r->key)->name, r->pattern, where);
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
static void print_servers(const struct account *a, const char *lead, const char *name)
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
		lead = "  or        ";
	}
}

static bool print_chain(const struct call *c, const struct account *a, struct err *e)
{
	const struct account *chain[ROUTE_CHAIN_MAX];
	size_t count;

	if (!route_chain(&c->conf, a, chain, &count, e)) {
		return false;
	}
	print_servers(a, "  server    ", "");
	for (size_t i = 1; i < count; i++) {
		char *name MEM_AUTO = mem_printf("account %s: ", chain[i]->name);
		print_servers(chain[i], "  fallback  ", name);
	}
	return true;
}

static void print_from(const struct call *c)
{
	const struct account *a = c->account;

	if (conf_is(a, KEY_SET_FROM_HEADER, "on")) {
		printf("  From      %s, in the place of any other\n", c->envelope.author);
	} else {
		printf("  From      what the message has; without one %s\n", c->envelope.author);
	}
}

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
	print_why(c, &route);
	printf("  sender    <%s>\n", sender_of(c, via_of(c, i)));
	print_from(c);
	return print_chain(c, a, e);
}

static int route(struct call *c)
{
	const struct local_problems *p = &c->envelope.problems;
	struct err e;

	if (!find_accounts(c, &e)) {
		return say_error(&e);
	}
	for (size_t i = 0; i < c->envelope.recipients.count; i++) {
		if (!explain(c, i, &e)) {
			return say_error(&e);
		}
	}
	for (size_t i = 0; i < local_problems_kept(p, ALIAS_DISCARDED); i++) {
		printf("%s\n  thrown away, as the aliases say\n",
		       p->at[ALIAS_DISCARDED][i].recipient);
	}
	return tell_problems(c);
}

int route_command(int argc, char **argv)
{
	struct call c;
	struct err e;

	call_init(&c);
	bool ok = options_parse(&c.options, argc, argv, &e);
	if (ok && (c.options.mode != MODE_SEND || c.options.read_recipients ||
		   c.options.recipient_count == 0)) {
		ok = err_set(&e, CAUSE_USAGE, "usage: relay route [-a account] [-f sender] "
					      "[-C file] address…");
	}
	c.options.mode = MODE_VERIFY;
	int status = ok ? route(&c) : say_error(&e);
	call_clear(&c);
	return status;
}
