/* SPDX-License-Identifier: ISC */
/* stream: see stream.h.  Never interprets a byte. */
#include "sys/stream.h"
#include "base/clock.h"
#include "base/fs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

void stream_init(struct stream *s, int fd)
{
	*s = (struct stream){ .fd = fd };
}

void stream_close(struct stream *s)
{
	if (s->tls) {
		tls_bye(s->tls);
		tls_free(s->tls);
		s->tls = NULL;
	}
	fs_close(&s->fd);
}

bool stream_start_tls(struct stream *s, const struct tls_options *options, int64_t deadline,
		      struct err *e)
{
	struct tls *tls = tls_new(s->fd, options, e);

	if (!tls) {
		return false;
	}
	if (!tls_handshake(tls, deadline, e)) {
		tls_free(tls);
		return false;
	}
	s->tls = tls;
	return true;
}

/* Waits until the socket is ready for what is asked, or the deadline is over. */
static bool wait_for(int fd, short events, int64_t deadline, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = events };

	for (;;) {
		int n = poll(&p, 1, clock_left(deadline));
		if (n > 0) {
			return true;
		}
		if (n == 0) {
			return err_set(e, CAUSE_LOST, "the server did not answer in time");
		}
		if (errno != EINTR) {
			return err_errno(e, CAUSE_LOST, "cannot wait for the server");
		}
	}
}

bool stream_write(struct stream *s, struct span data, int64_t deadline, struct err *e)
{
	if (s->tls) {
		return tls_write(s->tls, data.data, data.size, deadline, e);
	}
	while (data.size > 0) {
		ssize_t n = send(s->fd, data.data, data.size, MSG_NOSIGNAL);
		if (n >= 0) {
			data = span_from(data, (size_t)n);
		} else if (errno == EAGAIN) {
			if (!wait_for(s->fd, POLLOUT, deadline, e)) {
				return false;
			}
		} else if (errno != EINTR) {
			return err_errno(e, CAUSE_LOST, "the connection was lost");
		}
	}
	return true;
}

/*
 * Acknowledge at once: a server with Nagle on holds its next packet until our ACK, which
 * Linux would delay by 40 ms.  The kernel forgets the option, so it is set before each wait.
 */
static void quick_ack(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

ssize_t stream_read(struct stream *s, void *data, size_t size, int64_t deadline, struct err *e)
{
	if (s->tls) {
		return tls_read(s->tls, data, size, deadline, e);
	}
	for (;;) {
		quick_ack(s->fd);
		if (!wait_for(s->fd, POLLIN, deadline, e)) {
			return -1;
		}
		ssize_t n = recv(s->fd, data, size, 0);
		if (n >= 0) {
			return n;
		}
		if (errno != EAGAIN && errno != EINTR) {
			err_errno(e, CAUSE_LOST, "the connection was lost");
			return -1;
		}
	}
}

bool stream_is_readable(struct stream *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };

	return (s->tls && tls_has_pending(s->tls)) || poll(&p, 1, 0) > 0;
}

void stream_address_literal(const struct stream *s, char *text, size_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} a = { 0 };
	socklen_t length = sizeof(a);
	char ip[INET6_ADDRSTRLEN];

	snprintf(text, size, "localhost");
	if (getsockname(s->fd, &a.any, &length) != 0) {
		return;
	}
	if (a.any.sa_family == AF_INET && inet_ntop(AF_INET, &a.v4.sin_addr, ip, sizeof(ip))) {
		snprintf(text, size, "[%s]", ip);
	} else if (a.any.sa_family == AF_INET6 &&
		   inet_ntop(AF_INET6, &a.v6.sin6_addr, ip, sizeof(ip))) {
		bool is_mapped = IN6_IS_ADDR_V4MAPPED(&a.v6.sin6_addr);
		snprintf(text, size, is_mapped ? "[%s]" : "[IPv6:%s]", is_mapped ? ip + 7 : ip);
	}
}
