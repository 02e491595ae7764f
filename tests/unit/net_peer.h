/* SPDX-License-Identifier: ISC */
/* net_peer: the other end for tests of sys/net*: real sockets on loopback. */
#ifndef TESTS_NET_PEER_H
#define TESTS_NET_PEER_H

#include "sys/net_state.h"

#include "base/clock.h"
#include "base/fs.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

static inline struct net_address loopback(int family, unsigned port)
{
	struct net_address a = { .size = sizeof(a.v4) };

	if (family == AF_INET6) {
		a.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					      .sin6_port = htons((uint16_t)port),
					      .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		a.size = sizeof(a.v6);
	} else {
		a.v4 = (struct sockaddr_in){ .sin_family = AF_INET,
					     .sin_port = htons((uint16_t)port),
					     .sin_addr = { htonl(INADDR_LOOPBACK) } };
	}
	return a;
}

static inline unsigned port_of(const struct net_address *a)
{
	return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

/* A socket bound to a free port of that family's loopback; -1 when there is no such. */
static inline int peer_bound(int family, struct net_address *ret_address)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct net_address a = loopback(family, 0);

	*ret_address = a;
	if (fd < 0 || bind(fd, &a.any, a.size) != 0) {
		fs_close(&fd);
		return -1;
	}
	assert_int_equal(getsockname(fd, &a.any, &a.size), 0);
	*ret_address = a;
	return fd;
}

static inline int peer_listening(int family, struct net_address *ret_address)
{
	int fd = peer_bound(family, ret_address);

	if (fd >= 0) {
		assert_int_equal(listen(fd, 8), 0);
	}
	return fd;
}

/*
 * A black hole: its queue of connections is full, so the kernel drops every further SYN
 * without a word.  fds: the listening socket and what fills its queue.
 */
#define BLACK_HOLE_FDS 3

static inline bool black_hole(int family, struct net_address *ret_address,
			      int fds[BLACK_HOLE_FDS])
{
	fds[0] = peer_bound(family, ret_address);
	if (fds[0] < 0) {
		return false;
	}
	assert_int_equal(listen(fds[0], 0), 0);
	for (int i = 1; i < BLACK_HOLE_FDS; i++) {
		fds[i] = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		int failed = connect(fds[i], &ret_address->any, ret_address->size);
		(void)failed;
	}
	return true;
}

static inline void black_hole_end(int fds[BLACK_HOLE_FDS])
{
	for (int i = 0; i < BLACK_HOLE_FDS; i++) {
		fs_close(&fds[i]);
	}
}

static inline struct net_list list_of(size_t count, const struct net_address *addresses)
{
	struct net_list list = { .count = count };

	memcpy(list.address, addresses, count * sizeof(*addresses));
	return list;
}

#endif
