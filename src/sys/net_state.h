/* SPDX-License-Identifier: ISC */
/* net_state: what the net_*.c files share.  Only they and the unit tests include it. */
#ifndef SYS_NET_STATE_H
#define SYS_NET_STATE_H

#include "base/buf.h"
#include "sys/net_srv.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

/* Addresses tried for one name; the rest is never looked at. */
#define NET_LIST_MAX 16
/* RFC 8305 §8: "Connection Attempt Delay". */
#define NET_ATTEMPT_DELAY_MS 250

struct net_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	};
	socklen_t size;
};

struct net_list {
	struct net_address address[NET_LIST_MAX];
	size_t count;
	char canonical[NET_NAME_MAX];	/* only where it was asked for; "" = none */
};

/* "192.0.2.1", "fe80::1%2". */
void net_address_text(const struct net_address *a, char text[NET_PEER_MAX]);

/* ---- net_ask.c ---- */

/* Asks the system and may take long; reads and writes nothing but its context. */
typedef void net_question(void *context);

/*
 * Several questions can be under way.  Each is waited for once, with the deadline that it was
 * started with.  The context is one block of mem_alloc: the caller's again after true.  False:
 * time is up, and whoever asks still frees it.
 */
struct net_ask *net_ask_start(net_question *ask, void *context, int64_t deadline)
	RELAY_CHECKED;
bool net_ask_wait(struct net_ask *ask, int64_t deadline) RELAY_CHECKED;

/* ---- net_resolve.c ---- */

/*
 * Takes addresses from the system's answer, families alternating, beginning with the
 * first one's (RFC 8305 §4).
 */
void net_list_fill(struct net_list *list, const struct addrinfo *answer);

/* An IPv4 or IPv6 address as text, of that family (AF_UNSPEC = both)?  No: a name. */
bool net_numeric(const char *host, int family, struct net_address *ret_address)
	RELAY_CHECKED;

/* Asks the system: 0 or an EAI_ code as getaddrinfo(3), errno set with EAI_SYSTEM. */
typedef int net_lookup(const char *host, int family, struct net_list *list);

/* Host (no brackets) to addresses with that port.  Tests give another `ask`. */
bool net_resolve(const char *host, unsigned port, int family, int64_t deadline,
		 struct net_list *list, struct err *e) RELAY_CHECKED;
bool net_resolve_by(net_lookup *ask, const char *host, unsigned port, int family,
		    int64_t deadline, struct net_list *list, struct err *e) RELAY_CHECKED;

/* ---- net_srv.c ---- */

/* Records of one answer; the rest is never looked at. */
#define NET_SRV_MAX 64

struct net_srv {
	unsigned priority, weight, port;
	char host[NET_NAME_MAX];
};

struct net_srv_list {
	struct net_srv at[NET_SRV_MAX];
	size_t count;
	bool is_refused;	/* there is a record that says "not here": target "." */
};

/* The records that name a server, from an answer of DNS as it came, up to where it breaks. */
void net_srv_parse(struct span answer, struct net_srv_list *list);

/* Puts them into the order in which they are to be tried; as many random numbers as records. */
void net_srv_order(struct net_srv *at, size_t count, const uint32_t *random);

/* Asks the system for the SRV records of that name: bytes of the answer, or one of these. */
typedef int net_query(const char *question, void *answer, size_t size);
enum { NET_QUERY_NONE = -1, NET_QUERY_FAILED = -2 };

/* As net_services_find.  Tests give another `query`. */
bool net_services_by(net_query *query, const char *domain, int64_t deadline,
		     struct net_services *ret, struct err *e) RELAY_CHECKED;

/* ---- net_race.c ---- */

/*
 * Connects to the first of these that answers.  Returns the descriptor and the winner's
 * index, or -1 and "ADDRESS: reason; ADDRESS: reason" in *reasons, as much as fits.
 * source: bind to it first; NULL = none.
 */
int net_race(const struct net_list *list, const struct net_address *source,
	     int64_t deadline, size_t *ret_winner, struct buf *reasons) RELAY_CHECKED;

/* ---- net_proxy.c ---- */

/*
 * Asks the SOCKS5 proxy on the non-blocking socket fd for a connection to host and port.
 * Reads not one byte more than the proxy's reply.  False: CAUSE_CONNECT, only the reason
 * in *e.
 */
bool net_proxy(int fd, const char *host, unsigned port, int64_t deadline, struct err *e)
	RELAY_CHECKED;

#endif
