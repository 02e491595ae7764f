/* SPDX-License-Identifier: ISC */
/*
 * net_proxy: the SOCKS5 client (RFC 1928), method "no authentication" and command CONNECT
 * only.  The proxy is not trusted: every byte is checked, everything is under the
 * deadline, and what comes after the reply is the server's and stays in the socket.
 */
#include "sys/net_state.h"

#include "base/clock.h"

#include <errno.h>
#include <poll.h>

enum {
	SOCKS_VERSION = 5,
	METHOD_NONE_NEEDED = 0,
	METHOD_REFUSED = 0xff,
	COMMAND_CONNECT = 1
};
enum { ADDRESS_IPV4 = 1, ADDRESS_NAME = 3, ADDRESS_IPV6 = 4 };

/* RFC 1928 §6; 0 is success. */
static const char *const refusals[] = {
	[1] = "the proxy failed",
	[2] = "the proxy's rules forbid it",
	[3] = "network unreachable",
	[4] = "host unreachable",
	[5] = "connection refused",
	[6] = "TTL expired",
	[7] = "the proxy does not know the command CONNECT",
	[8] = "the proxy does not know this type of address",
};

static bool wait_for(int fd, short events, int64_t deadline, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int left = clock_left(deadline);
		int ready = left == 0 ? 0 : poll(&p, 1, left);
		if (ready > 0) {
			return true;
		}
		if (ready == 0) {
			return err_set(e, CAUSE_CONNECT,
				       "the proxy did not answer in time");
		}
		if (errno != EINTR) {
			return err_errno(e, CAUSE_CONNECT, "the proxy");
		}
	}
}

static bool is_passing(int error)
{
	return error == EINTR || error == EAGAIN || error == EWOULDBLOCK;
}

static bool send_all(int fd, const void *data, size_t size, int64_t deadline,
		     struct err *e)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = send(fd, p, size, MSG_NOSIGNAL);
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		} else if (n < 0 && !is_passing(errno)) {
			return err_errno(e, CAUSE_CONNECT, "the proxy");
		} else if (!wait_for(fd, POLLOUT, deadline, e)) {
			return false;
		}
	}
	return true;
}

/* Exactly `size` bytes: never one of those that follow. */
static bool receive(int fd, unsigned char *data, size_t size, int64_t deadline,
		    struct err *e)
{
	while (size > 0) {
		if (!wait_for(fd, POLLIN, deadline, e)) {
			return false;
		}
		ssize_t n = recv(fd, data, size, 0);
		if (n == 0) {
			return err_set(e, CAUSE_CONNECT,
				       "the proxy closed the connection");
		}
		if (n < 0 && !is_passing(errno)) {
			return err_errno(e, CAUSE_CONNECT, "the proxy");
		}
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
	}
	return true;
}

static bool check_version(unsigned char version, struct err *e)
{
	return version == SOCKS_VERSION ||
	       err_set(e, CAUSE_CONNECT, "the proxy does not speak SOCKS5");
}

static bool agree_method(int fd, int64_t deadline, struct err *e)
{
	static const unsigned char greeting[] = { SOCKS_VERSION, 1, METHOD_NONE_NEEDED };
	unsigned char answer[2];

	if (!send_all(fd, greeting, sizeof(greeting), deadline, e) ||
	    !receive(fd, answer, sizeof(answer), deadline, e) ||
	    !check_version(answer[0], e)) {
		return false;
	}
	if (answer[1] == METHOD_REFUSED) {
		return err_set(e, CAUSE_CONNECT,
			       "the proxy wants a login, which is not supported");
	}
	return answer[1] == METHOD_NONE_NEEDED ||
	       err_set(e, CAUSE_CONNECT,
		       "the proxy chose a method that was not offered (%u)", answer[1]);
}

static bool send_request(int fd, const char *host, unsigned port, int64_t deadline,
			 struct err *e)
{
	struct net_address numeric;
	struct buf request BUF_AUTO;
	size_t size = strlen(host);
	const char head[] = { SOCKS_VERSION, COMMAND_CONNECT, 0 };
	const char tail[] = { (char)(port >> 8), (char)port };
	bool fits;

	buf_init(&request, sizeof(head) + 2 + NET_NAME_MAX + sizeof(tail));
	fits = buf_add(&request, head, sizeof(head));
	if (!net_numeric(host, AF_UNSPEC, &numeric)) {
		fits = fits && size <= UINT8_MAX &&
		       buf_add_byte(&request, ADDRESS_NAME) &&
		       buf_add_byte(&request, (char)size) &&
		       buf_add(&request, host, size);
	} else if (numeric.any.sa_family == AF_INET) {
		fits = fits && buf_add_byte(&request, ADDRESS_IPV4) &&
		       buf_add(&request, &numeric.v4.sin_addr,
			       sizeof(numeric.v4.sin_addr));
	} else {
		fits = fits && buf_add_byte(&request, ADDRESS_IPV6) &&
		       buf_add(&request, &numeric.v6.sin6_addr,
			       sizeof(numeric.v6.sin6_addr));
	}
	if (!fits || !buf_add(&request, tail, sizeof(tail))) {
		return err_set(e, CAUSE_CONFIG, "the name is too long for SOCKS5");
	}
	return send_all(fd, request.data, request.size, deadline, e);
}

/* The address that the proxy bound, which nobody needs: only its size matters. */
static bool skip_address(int fd, unsigned char type, int64_t deadline, struct err *e)
{
	unsigned char address[UINT8_MAX + 2];
	unsigned char size = 0;

	switch (type) {
	case ADDRESS_IPV4:
		size = sizeof(struct in_addr);
		break;
	case ADDRESS_IPV6:
		size = sizeof(struct in6_addr);
		break;
	case ADDRESS_NAME:
		if (!receive(fd, &size, 1, deadline, e)) {
			return false;
		}
		break;
	default:
		return err_set(e, CAUSE_CONNECT,
			       "the proxy sent an unknown address type (%u)", type);
	}
	return receive(fd, address, size + 2u, deadline, e);
}

static bool read_reply(int fd, int64_t deadline, struct err *e)
{
	unsigned char head[2], rest[2];

	/* A refusal counts even when the proxy hangs up right behind its code. */
	if (!receive(fd, head, sizeof(head), deadline, e) || !check_version(head[0], e)) {
		return false;
	}
	unsigned code = head[1];
	if (code != 0 && code < sizeof(refusals) / sizeof(refusals[0])) {
		return err_set(e, CAUSE_CONNECT, "%s", refusals[code]);
	}
	if (code != 0) {
		return err_set(e, CAUSE_CONNECT, "the proxy refused with unknown code %u",
			       code);
	}
	if (!receive(fd, rest, sizeof(rest), deadline, e)) {
		return false;
	}
	if (rest[0] != 0) {
		return err_set(e, CAUSE_CONNECT, "the proxy sent a malformed reply");
	}
	return skip_address(fd, rest[1], deadline, e);
}

bool net_proxy(int fd, const char *host, unsigned port, int64_t deadline, struct err *e)
{
	return agree_method(fd, deadline, e) &&
	       send_request(fd, host, port, deadline, e) && read_reply(fd, deadline, e);
}
