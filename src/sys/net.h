/* SPDX-License-Identifier: ISC */
/*
 * net: opens the connection: names to addresses, the race between them, proxies, Unix
 * sockets.  Hostile DNS and proxies get bounded buffers and one deadline for everything.
 */
#ifndef SYS_NET_H
#define SYS_NET_H

#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum net_family { NET_ANY, NET_IPV4, NET_IPV6 };

struct net_target {
	const char *host;	/* name, IPv4 or IPv6 address (brackets allowed) */
	unsigned port;
	const char *unix_path;	/* when set: this socket, nothing else counts */
	const char *source_ip;	/* bind here first; NULL = any; decides the family too */
	enum net_family family;	/* of our socket: with a proxy, of the way to the proxy */
	const char *proxy_host;	/* SOCKS5 (RFC 1928), which resolves host; NULL = none */
	unsigned proxy_port;
};

/* Longest host name with its NUL (RFC 1035 allows 253 bytes); also of a SOCKS request. */
#define NET_NAME_MAX 256
/* "192.0.2.1", "2001:db8::1", "/run/x.sock": for the log.  With a proxy: the proxy's. */
#define NET_PEER_MAX 128

/*
 * Connects within the deadline (clock_ms value; it bounds resolving, all addresses, and
 * the proxy dialogue together).  Addresses are tried as RFC 8305 says: sorted by the
 * system, families alternating, a new attempt 250 ms after the last or as soon as one
 * fails, the first to connect wins.  The socket is non-blocking, close-on-exec and has
 * TCP_NODELAY.  Returns the descriptor, or -1: CAUSE_DNS or CAUSE_CONNECT with host, port
 * and each address's reason in *e; CAUSE_CONFIG for a target that makes no sense.
 *
 * Signals do not end the wait: a handler runs, then the wait goes on.
 */
int net_connect(const struct net_target *target, int64_t deadline,
		char peer[NET_PEER_MAX], struct err *e) RELAY_CHECKED;

/*
 * Has the name that net_connect would look up an address?  Connects to nothing.  False:
 * CAUSE_CONFIG as there, or CAUSE_DNS; err_is_timeout: there was no answer in time.
 */
bool net_look_up(const struct net_target *target, int64_t deadline,
		 struct err *e) RELAY_CHECKED;

/* The full name of this host as the system knows it; false = none that is known in time. */
bool net_canonical(const char *host, int64_t deadline, char *name, size_t size)
	RELAY_CHECKED;

#endif
