/* SPDX-License-Identifier: ISC */
/*
 * net_resolve: names to addresses, under a deadline.
 *
 * getaddrinfo(3) has none, so net_ask.c asks it.  Addresses and localhost (RFC 6761 §6.3)
 * need neither.
 */
#include "sys/net_state.h"

#include "base/mem.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct lookup {
	net_lookup *ask;
	int family;
	int code, os_errno; /* the answer */
	struct net_list list;
	char host[];
};

static void list_add(struct net_list *list, const void *address, size_t size)
{
	if (list->count < NET_LIST_MAX && size <= sizeof(struct sockaddr_in6)) {
		struct net_address *a = &list->address[list->count++];
		*a = (struct net_address){ .size = (socklen_t)size };
		memcpy(&a->any, address, size);
	}
}

/* The first entry from `a` on that is (or is not) of that family and that we can use. */
static const struct addrinfo *next_of(const struct addrinfo *a, int family,
				      bool is_wanted)
{
	while (a && ((a->ai_family != AF_INET && a->ai_family != AF_INET6) ||
		     (a->ai_family == family) != is_wanted)) {
		a = a->ai_next;
	}
	return a;
}

void net_list_fill(struct net_list *list, const struct addrinfo *answer)
{
	int first = AF_UNSPEC;

	list->count = 0;
	answer = next_of(answer, AF_UNSPEC, false);
	if (answer) {
		first = answer->ai_family;
	}
	const struct addrinfo *mine = answer, *other = next_of(answer, first, false);
	while ((mine || other) && list->count < NET_LIST_MAX) {
		if (mine) {
			list_add(list, mine->ai_addr, mine->ai_addrlen);
			mine = next_of(mine->ai_next, first, true);
		}
		if (other) {
			list_add(list, other->ai_addr, other->ai_addrlen);
			other = next_of(other->ai_next, first, false);
		}
	}
}

static int ask_with(const char *host, int family, int flags, struct net_list *list)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags,
	};
	struct addrinfo *answer = NULL;

	int code = getaddrinfo(host, NULL, &hints, &answer);
	if (code == 0) {
		const char *name = answer->ai_canonname;
		net_list_fill(list, answer);
		snprintf(list->canonical, sizeof(list->canonical), "%s", name ? name : "");
		freeaddrinfo(answer);
	}
	return code;
}

static int ask_system(const char *host, int family, struct net_list *list)
{
	/*
	 * AI_ADDRCONFIG: a machine without IPv6 asks for no AAAA, which some name servers
	 * never answer.  Not with one family: that would hide ::1 where there is no net.
	 */
	return ask_with(host, family, family == AF_UNSPEC ? AI_ADDRCONFIG : 0, list);
}

static int ask_canonical(const char *host, int family, struct net_list *list)
{
	return ask_with(host, family, AI_CANONNAME, list);
}

bool net_numeric(const char *host, int family, struct net_address *ret_address)
{
	struct addrinfo hints = {
		.ai_family = family,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST,
	};
	struct addrinfo *answer = NULL;
	struct net_list list;

	if (getaddrinfo(host, NULL, &hints, &answer) != 0) {
		return false;
	}
	net_list_fill(&list, answer);
	freeaddrinfo(answer);
	if (list.count == 0) {
		return false;
	}
	*ret_address = list.address[0];
	return true;
}

static bool is_localhost(const char *host)
{
	struct span s = span_str(host), word = span_str("localhost");

	if (s.size > 0 && s.data[s.size - 1] == '.') {
		s.size--;
	}
	if (s.size > word.size && s.data[s.size - word.size - 1] == '.') {
		s = span_from(s, s.size - word.size);
	}
	return text_equal_fold(s, word);
}

static void fill_localhost(struct net_list *list, int family)
{
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6,
				   .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in v4 = { .sin_family = AF_INET,
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };

	list->count = 0;
	if (family != AF_INET) {
		list_add(list, &v6, sizeof(v6));
	}
	if (family != AF_INET6) {
		list_add(list, &v4, sizeof(v4));
	}
}

static void lookup_ask(void *context)
{
	struct lookup *l = context;

	l->code = l->ask(l->host, l->family, &l->list);
	l->os_errno = errno;
}

static bool lookup_failed(const struct lookup *l, struct err *e)
{
	const char *only = l->family == AF_INET	   ? " (only IPv4 was asked for)"
			   : l->family == AF_INET6 ? " (only IPv6 was asked for)"
						   : "";
	const char *reason = l->code == EAI_SYSTEM ? strerror(l->os_errno)
			     : l->code != 0	   ? gai_strerror(l->code)
						   : "no address that can be used";

	return err_set(e, CAUSE_DNS, "cannot resolve %s: %s%s", l->host, reason, only);
}

static bool resolve_name(net_lookup *ask, const char *host, int family, int64_t deadline,
			 struct net_list *list, struct err *e)
{
	size_t size = strlen(host) + 1;
	struct lookup *l = mem_alloc(1, sizeof(*l) + size);

	l->ask = ask;
	l->family = family;
	memcpy(l->host, host, size);
	if (!net_ask_wait(net_ask_start(lookup_ask, l, deadline), deadline)) {
		err_set(e, CAUSE_DNS, "cannot resolve %s: no answer in time", host);
		e->os_errno = ETIMEDOUT;
		return false;
	}
	bool is_good = l->code == 0 && l->list.count > 0;
	if (is_good) {
		*list = l->list;
	} else {
		lookup_failed(l, e);
	}
	free(l);
	return is_good;
}

bool net_resolve_by(net_lookup *ask, const char *host, unsigned port, int family,
		    int64_t deadline, struct net_list *list, struct err *e)
{
	if (net_numeric(host, family, &list->address[0])) {
		list->count = 1;
	} else if (is_localhost(host)) {
		fill_localhost(list, family);
	} else if (!resolve_name(ask, host, family, deadline, list, e)) {
		return false;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct net_address *a = &list->address[i];
		if (a->any.sa_family == AF_INET6) {
			a->v6.sin6_port = htons((uint16_t)port);
		} else {
			a->v4.sin_port = htons((uint16_t)port);
		}
	}
	return true;
}

bool net_resolve(const char *host, unsigned port, int family, int64_t deadline,
		 struct net_list *list, struct err *e)
{
	return net_resolve_by(ask_system, host, port, family, deadline, list, e);
}

bool net_canonical(const char *host, int64_t deadline, char *name, size_t size)
{
	struct net_list list;
	struct err why;

	if (!resolve_name(ask_canonical, host, AF_UNSPEC, deadline, &list, &why)) {
		return false;
	}
	int n = snprintf(name, size, "%s", list.canonical);
	return n > 0 && (size_t)n < size;
}
