/* SPDX-License-Identifier: ISC */
/* flight: see flight.h.  Never looks at the bytes. */
#include "sys/flight.h"
#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

void flight_init(struct flight *f, int fd)
{
	*f = (struct flight){ .fd = fd, .deadline = DEADLINE_NEVER };
	buf_init(&f->out, FLIGHT_MAX);
}

void flight_clear(struct flight *f)
{
	buf_clear(&f->out);
}

static bool wait_for(struct flight *f, short events)
{
	struct pollfd p = { .fd = f->fd, .events = events };

	for (;;) {
		int n = poll(&p, 1, clock_left(f->deadline));
		if (n > 0) {
			return true;
		}
		if (n == 0) {
			return err_set(&f->error, CAUSE_LOST,
				       events & POLLIN ? "the server did not answer in time" :
							 "the server did not take data in time");
		}
		if (errno != EINTR) {
			return err_errno(&f->error, CAUSE_LOST, "cannot wait for the server");
		}
	}
}

/* One send.  *ret_sent = 0: the socket is full. */
static bool send_some(struct flight *f, struct span data, size_t *ret_sent)
{
	for (;;) {
		ssize_t n = send(f->fd, data.data, data.size, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0 || errno == EAGAIN) {
			*ret_sent = n < 0 ? 0 : (size_t)n;
			return true;
		}
		if (errno != EINTR) {
			return err_errno(&f->error, CAUSE_LOST, "the connection was lost");
		}
	}
}

/* Straight from the caller's memory. */
static bool send_all(struct flight *f, struct span data)
{
	while (data.size > 0) {
		size_t sent;
		if (!send_some(f, data, &sent)) {
			return false;
		}
		data = span_from(data, sent);
		if (data.size > 0 && !wait_for(f, POLLOUT)) {
			return false;
		}
	}
	return true;
}

bool flight_send(struct flight *f)
{
	bool ok = send_all(f, buf_span(&f->out));

	buf_reset(&f->out);
	return ok;
}

bool flight_add(struct flight *f, const void *data, size_t size)
{
	if (buf_add(&f->out, data, size)) {
		return true;
	}
	return flight_send(f) &&
	       (buf_add(&f->out, data, size) || send_all(f, span_of(data, size)));
}

void flight_send_last(struct flight *f)
{
	size_t sent;

	if (f->out.size > 0 && !send_some(f, buf_span(&f->out), &sent)) {
		f->error.cause = CAUSE_NONE;	/* nobody is told: it is over anyway */
	}
	buf_reset(&f->out);
}

/*
 * Acknowledge at once: a server with Nagle on holds its next packet until our ACK, which
 * Linux would delay by 40 ms.  The kernel forgets the option, so it is set before each
 * wait.  Not TCP: it fails and does no harm.
 */
static void acknowledge_at_once(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

ssize_t flight_receive(struct flight *f, void *data, size_t size)
{
	for (;;) {
		/* What is there already needs no answer: in the middle of the server's TLS
		 * flight our own must not be torn apart. */
		ssize_t n = recv(f->fd, data, size, MSG_DONTWAIT);
		if (n >= 0) {
			return n;
		}
		if (errno != EAGAIN && errno != EINTR) {
			err_errno(&f->error, CAUSE_LOST, "the connection was lost");
			return -1;
		}
		if (!f->is_held && !flight_send(f)) {
			return -1;
		}
		acknowledge_at_once(f->fd);
		if (!wait_for(f, POLLIN)) {
			return -1;
		}
	}
}
