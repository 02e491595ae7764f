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

static void look_up(const struct account *a, enum key key, const struct names *names,
		    struct check_hosts *hosts, struct findings *to)
{
	const struct net_target target = settings_target(a, names);
	struct err e;

	int64_t deadline = clock_deadline(LOOKUP_SECONDS);
	if (hosts->until == 0) {
		hosts->until = clock_deadline(ALL_SECONDS);
	}
	if (net_look_up(&target, deadline < hosts->until ? deadline : hosts->until, &e)) {
		return;
	}
	if (e.cause != CAUSE_DNS) {
		findings_add_error(to, a, key, e.text, NULL);
		return;
	}
	hosts->is_silent = err_is_timeout(&e);
	findings_add(to, SEVERITY_WARNING, a, key, "%s; %s", e.text,
		     hosts->is_silent
			     ? "no other name is asked for; is the network there? (--offline "
			       "asks for none)"
			     : "is it spelled right, and the network there? (--offline asks for "
			       "none)");
}

void check_host(const struct account *a, struct check_hosts *hosts, struct findings *to)
{
	/* The proxy looks the server up. */
	enum key key = conf_is_set(a, KEY_PROXY_HOST) ? KEY_PROXY_HOST : KEY_HOST;
	const char *text = conf_text(a, key);
	struct span rest = span_str(text);
	struct conf_server server;

	/* The first one; of a domain the servers are found another way. */
	if (!conf_host_next(&rest, &server) || server.is_srv) {
		return;
	}
	char *name MEM_AUTO = mem_copy(server.name.data, server.name.size);
	if (conf_text(a, KEY_SOCKET) || hosts->is_silent ||
	    check_is_seen(&hosts->names, name)) {
		return;
	}
	struct names names;
	struct err e;
	if (!names_find(&names, a, NULL, &e)) {
		findings_add_error(to, a, key, e.text, NULL);
	} else {
		look_up(a, key, &names, hosts, to);
	}
	names_clear(&names);
}
