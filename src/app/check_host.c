/* SPDX-License-Identifier: ISC */
/*
 * check_host: see check_parts.h.  A deadline for each name and one for all; none is asked for
 * twice, and after one without an answer none at all: with dead name servers the check takes
 * a few seconds longer, not a few for each account.
 */
#include "app/check_parts.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"

enum { LOOKUP_SECONDS = 5, ALL_SECONDS = 20 };

static void add_error(const struct account *a, enum key key, const struct err *e,
		      struct check_hosts *hosts, struct findings *to)
{
	if (e->cause != CAUSE_DNS) {
		findings_add_error(to, a, key, e->text, NULL);
		return;
	}
	hosts->is_silent = err_is_timeout(e);
	findings_add(to, SEVERITY_WARNING, a, key, "%s; %s", e->text,
		     hosts->is_silent
			     ? "no other name is asked for; is the network there? (--offline "
			       "asks for none)"
			     : "is it spelled right, and the network there? (--offline asks for "
			       "none)");
}

static void look_up(const struct account *a, enum key key, const struct names *names,
		    struct check_hosts *hosts, struct findings *to)
{
	const struct net_target target = settings_target(a, names, conf_port(a));
	struct err e;

	int64_t deadline = clock_deadline(LOOKUP_SECONDS);
	if (hosts->until == 0) {
		hosts->until = clock_deadline(ALL_SECONDS);
	}
	if (!net_look_up(&target, deadline < hosts->until ? deadline : hosts->until, &e)) {
		add_error(a, key, &e, hosts, to);
	}
}

static void check_name(const struct hop *hop, enum key key, struct check_hosts *hosts,
		       struct findings *to)
{
	const char *name = key == KEY_HOST ? hop->host : conf_text(hop->account, key);
	struct names names;
	struct err e;

	if (hosts->is_silent || check_is_seen(&hosts->names, name)) {
		return;
	}
	if (!names_find(&names, hop, NULL, &e)) {
		findings_add_error(to, hop->account, key, e.text, NULL);
	} else {
		look_up(hop->account, key, &names, hosts, to);
	}
	names_clear(&names);
}

void check_host(const struct account *a, struct check_hosts *hosts, struct findings *to)
{
	/* The proxy looks the server up. */
	enum key key = conf_is_set(a, KEY_PROXY_HOST) ? KEY_PROXY_HOST : KEY_HOST;
	enum hops_next kind;
	struct hops hops;
	struct hop hop;
	struct err e;

	if (conf_is_set(a, KEY_SOCKET)) {
		return;
	}
	hops_init_one(&hops, a);
	while (!hosts->is_silent && (kind = hops_next(&hops, &hop, &e)) != HOPS_END) {
		if (kind == HOPS_SERVER) {
			check_name(&hop, key, hosts, to);
		} else {
			add_error(a, KEY_HOST, &e, hosts, to);
		}
	}
}
