/* SPDX-License-Identifier: ISC */
/*
 * net: from a target to one connected socket.  Decides which way to go (Unix socket,
 * direct, proxy) and words the errors; names, race and SOCKS are in net_resolve.c,
 * net_race.c and net_proxy.c.  Must never read or write a byte of the SMTP stream.
 */
#include "sys/net_state.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

void net_address_text(const struct net_address *a, char text[NET_PEER_MAX])
{
	bool is_v6 = a->any.sa_family == AF_INET6;
	const void *bytes = is_v6 ? (const void *)&a->v6.sin6_addr : &a->v4.sin_addr;

	if (!inet_ntop(a->any.sa_family, bytes, text, NET_PEER_MAX)) {
		snprintf(text, NET_PEER_MAX, "?");
	} else if (is_v6 && a->v6.sin6_scope_id != 0) {
		size_t used = strlen(text);
		snprintf(text + used, NET_PEER_MAX - used, "%%%u",
			 (unsigned)a->v6.sin6_scope_id);
	}
}

static const char *family_name(int family)
{
	return family == AF_INET6 ? "IPv6" : "IPv4";
}

/* `what` is the setting that the host comes from. */
static bool take_host(char name[NET_NAME_MAX], const char *what, const char *host,
		      unsigned port, struct err *e)
{
	struct span s = span_str(host);

	if (s.size >= 2 && s.data[0] == '[' && s.data[s.size - 1] == ']') {
		s = span_of(s.data + 1, s.size - 2);
	}
	if (s.size == 0 || s.size >= NET_NAME_MAX) {
		return err_set(e, CAUSE_CONFIG, "%s: %s", what,
			       s.size == 0 ? "it is empty" : "the name is too long");
	}
	if (!text_is_ascii(s)) {
		return err_set(e, CAUSE_CONFIG,
			       "%s: write %.*s in its ASCII form (xn--…)", what,
			       SPAN_ARG(s));
	}
	if (port == 0 || port > UINT16_MAX) {
		return err_set(e, CAUSE_CONFIG, "%s: there is no port %u", what, port);
	}
	memcpy(name, s.data, s.size);
	name[s.size] = '\0';
	return true;
}

/*
 * The family of the connection to `host`: what the target allows, narrowed by source_ip.
 * Says so when nothing is left.
 */
static bool choose_family(const struct net_target *t, const char *host, int *ret_family,
			  struct net_address *ret_source, struct err *e)
{
	static const int families[] = {
		[NET_ANY] = AF_UNSPEC,
		[NET_IPV4] = AF_INET,
		[NET_IPV6] = AF_INET6,
	};
	int family = families[t->family];
	struct net_address numeric;

	if (t->source_ip) {
		if (!net_numeric(t->source_ip, AF_UNSPEC, ret_source)) {
			return err_set(e, CAUSE_CONFIG,
				       "source_ip: %s is not an IP address",
				       t->source_ip);
		}
		int source = ret_source->any.sa_family;
		if (family != AF_UNSPEC && family != source) {
			return err_set(
				e, CAUSE_CONFIG,
				"source_ip: %s is an %s address, but only %s is allowed",
				t->source_ip, family_name(source), family_name(family));
		}
		family = source;
	}
	if (family != AF_UNSPEC && net_numeric(host, AF_UNSPEC, &numeric) &&
	    numeric.any.sa_family != family) {
		return err_set(e, CAUSE_CONFIG, "%s is not an %s address, and %s", host,
			       family_name(family),
			       t->source_ip ? "source_ip asks for one"
					    : "no other is allowed");
	}
	*ret_family = family;
	return true;
}

static bool find_addresses(const struct net_target *t, const char *host, unsigned port,
			   int64_t deadline, struct net_list *list,
			   struct net_address *source, struct err *e)
{
	int family = AF_UNSPEC;

	return choose_family(t, host, &family, source, e) &&
	       net_resolve(host, port, family, deadline, list, e);
}

/* The TCP connection, to the server or to the proxy (`role` tells the reader which). */
static int connect_tcp(const struct net_target *t, const char *role, const char *host,
		       unsigned port, int64_t deadline, char peer[NET_PEER_MAX],
		       struct err *e)
{
	struct net_address source;
	struct net_list list;
	struct buf reasons BUF_AUTO;
	size_t winner = 0;

	buf_init(&reasons, ERR_TEXT_MAX);
	if (!find_addresses(t, host, port, deadline, &list, &source, e)) {
		return -1;
	}
	int fd = net_race(&list, t->source_ip ? &source : NULL, deadline, &winner,
			  &reasons);
	if (fd >= 0) {
		net_address_text(&list.address[winner], peer);
		return fd;
	}
	/* "cannot connect to 192.0.2.1 port 25: 192.0.2.1: …" would say it twice. */
	char first[NET_PEER_MAX];
	net_address_text(&list.address[0], first);
	bool is_same = list.count == 1 && strcmp(first, host) == 0;
	err_set(e, CAUSE_CONNECT, "cannot connect to %s%s port %u: %s", role, host, port,
		reasons.data + (is_same ? strlen(first) + 2 : 0));
	return -1;
}

/*
 * A Unix socket whose queue of connections is full makes a non-blocking connect fail
 * instead of wait; so this one blocks, with the deadline as its timeout.
 */
static int connect_unix(const char *path, int64_t deadline, char peer[NET_PEER_MAX],
			struct err *e)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd FS_AUTO = -1;
	int failed;

	if (path[0] == '\0' || strlen(path) >= sizeof(to.sun_path)) {
		err_set(e, CAUSE_CONFIG, "socket %s: the path must have 1 to %zu bytes",
			path, sizeof(to.sun_path) - 1);
		return -1;
	}
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = fs_socket(AF_UNIX, 0);
	do {
		int left = clock_left(deadline);
		left = left == 0 ? 1 : left;
		struct timeval wait = { .tv_sec = left / 1000,
					.tv_usec = left % 1000 * 1000 };
		if (left > 0) {
			setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
		}
		failed = connect(fd, (struct sockaddr *)&to, sizeof(to));
	} while (failed && errno == EINTR);
	if (failed || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
		if (errno == EAGAIN) {
			errno = ETIMEDOUT;
		}
		err_errno(e, CAUSE_CONNECT, "cannot connect to socket %s", path);
		return -1;
	}
	memcpy(peer, to.sun_path, strlen(path) + 1);
	int connected = fd;
	fd = -1;
	return connected;
}

static int connect_by_proxy(const struct net_target *t, const char *host,
			    int64_t deadline, char peer[NET_PEER_MAX], struct err *e)
{
	char proxy[NET_NAME_MAX];

	if (!take_host(proxy, "proxy_host", t->proxy_host, t->proxy_port, e)) {
		return -1;
	}
	int fd = connect_tcp(t, "proxy ", proxy, t->proxy_port, deadline, peer, e);
	if (fd >= 0 && !net_proxy(fd, host, t->port, deadline, e)) {
		err_ctx(e, "cannot connect to %s port %u through proxy %s port %u", host,
			t->port, proxy, t->proxy_port);
		fs_close(&fd);
	}
	return fd;
}

int net_connect(const struct net_target *target, int64_t deadline,
		char peer[NET_PEER_MAX], struct err *e)
{
	char host[NET_NAME_MAX];

	_Static_assert(sizeof(((struct sockaddr_un *)NULL)->sun_path) <= NET_PEER_MAX,
		       "a socket's path fits in peer");
	if (target->unix_path) {
		return connect_unix(target->unix_path, deadline, peer, e);
	}
	if (!take_host(host, "host", target->host, target->port, e)) {
		return -1;
	}
	return target->proxy_host
		       ? connect_by_proxy(target, host, deadline, peer, e)
		       : connect_tcp(target, "", host, target->port, deadline, peer, e);
}

bool net_look_up(const struct net_target *t, int64_t deadline, struct err *e)
{
	char host[NET_NAME_MAX], proxy[NET_NAME_MAX];
	struct net_address source;
	struct net_list list;

	if (t->unix_path) {
		return true;
	}
	if (!take_host(host, "host", t->host, t->port, e) ||
	    (t->proxy_host &&
	     !take_host(proxy, "proxy_host", t->proxy_host, t->proxy_port, e))) {
		return false;
	}
	return find_addresses(t, t->proxy_host ? proxy : host,
			      t->proxy_host ? t->proxy_port : t->port, deadline, &list,
			      &source, e);
}
