/* SPDX-License-Identifier: ISC */
/* stream: see stream.h.  Never interprets a byte. */
#include "sys/stream.h"
#include "base/fs.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

void stream_init(struct stream *s, int fd)
{
	flight_init(&s->flight, fd);
	s->tls = NULL;
}

void stream_close(struct stream *s)
{
	if (s->tls) {
		tls_bye(s->tls);
		tls_free(s->tls);
		s->tls = NULL;
	}
	flight_clear(&s->flight);
	fs_close(&s->flight.fd);
}

bool stream_start_tls(struct stream *s, const struct tls_options *options, int64_t deadline,
		      struct err *e)
{
	struct tls *tls = tls_new(&s->flight, options, e);

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

bool stream_write(struct stream *s, struct span data, int64_t deadline, struct err *e)
{
	if (s->tls) {
		return tls_write(s->tls, data.data, data.size, deadline, e);
	}
	s->flight.deadline = deadline;
	if (!flight_write(&s->flight, data)) {
		*e = s->flight.error;
		return false;
	}
	return true;
}

ssize_t stream_read(struct stream *s, void *data, size_t size, int64_t deadline, struct err *e)
{
	if (s->tls) {
		return tls_read(s->tls, data, size, deadline, e);
	}
	s->flight.deadline = deadline;
	ssize_t n = flight_receive(&s->flight, data, size);
	if (n == -1) {
		*e = s->flight.error;
	}
	return n;
}

ssize_t stream_take(struct stream *s, void *data, size_t size, struct err *e)
{
	if (s->tls) {
		return tls_take(s->tls, data, size, e);
	}
	ssize_t n = flight_take(&s->flight, data, size);
	if (n == -1) {
		*e = s->flight.error;
	}
	return n;
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
	if (getsockname(s->flight.fd, &a.any, &length) != 0) {
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
