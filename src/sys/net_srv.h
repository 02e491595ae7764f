/* SPDX-License-Identifier: ISC */
/*
 * net_srv: the submission servers that a domain names in DNS (RFC 6186, RFC 8314 §5.1).
 * Where they stand is all that DNS is believed: whether one of them is the right one is for
 * TLS to say, with tls_options.srv_domain.
 */
#ifndef SYS_NET_SRV_H
#define SYS_NET_SRV_H

#include "sys/net.h"

/* Servers of one domain; the rest is never looked at. */
#define NET_SERVICES_MAX 16

struct net_service {
	char host[NET_NAME_MAX];	/* letters, digits, '-', '_', '.'; never an address */
	unsigned port;			/* 1 to 65535 */
	bool is_implicit_tls;		/* _submissions: TLS from the first byte; else STARTTLS */
};

struct net_services {
	struct net_service at[NET_SERVICES_MAX];
	size_t count;
};

/*
 * Asks the system's name servers for _submissions._tcp and _submission._tcp of the domain (in
 * its ASCII form, a last dot is allowed), both at once.  The servers come in the order in
 * which they are to be tried: all with implicit TLS before those with STARTTLS; by priority;
 * by weight among equals (RFC 2782), so a new call may give another order.  What cannot be
 * used (no host name, port 0, "." = not offered) is left out.  When only one of the two
 * questions is answered, its answer is taken.
 *
 * Waits up to the deadline when a name server is silent: keep time for the connection.  The
 * question does not go through a proxy.
 *
 * True: one or more.  False: CAUSE_CONFIG, it is no domain; CAUSE_DNS: there are no such
 * records, the domain says that it has no such service, or there was no (err_is_timeout) or
 * no usable answer.  The text says what was asked.
 */
bool net_services_find(const char *domain, int64_t deadline, struct net_services *ret,
		       struct err *e) RELAY_CHECKED;

#endif
