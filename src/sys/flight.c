/* SPDX-License-Identifier: ISC */
/* flight: see flight.h.  Never looks at the bytes. */
#include "sys/flight.h"
#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

/* Most that is taken in at once while sending. */
#define INPUT_PIECE ((size_t)16 * 1024)

void flight_init(struct flight *f, int fd)
{
	*f = (struct flight){ .fd = fd, .deadline = DEADLINE_NEVER };
	buf_init(&f->out, FLIGHT_MAX);
	buf_init(&f->in, FLIGHT_INPUT_MAX);
}

void flight_clear(struct flight *f)
{
	buf_clear(&f->out);
	buf_clear(&f->in);
	f->in_at = 0;
}

static bool lost(struct flight *f)
{
	return err_errno(&f->error, CAUSE_LOST, "the connection was lost");
}

static bool has_input(const struct flight *f)
{
	return f->in_at < f->in.size || f->is_at_end;
}

/* poll(2) up to the deadline.  *ret_ready: what it found. */
static bool wait_for(struct flight *f, short events, const char *too_late, short *ret_ready)
{
	struct pollfd p = { .fd = f->fd, .events = events };

	for (;;) {
		int n = poll(&p, 1, clock_left(f->deadline));
		if (n > 0) {
			*ret_ready = p.revents;
			return true;
		}
		if (n == 0) {
			err_set(&f->error, CAUSE_LOST, "%s", too_late);
			f->error.os_errno = ETIMEDOUT;
			return false;
		}
		if (errno != EINTR) {
			return err_errno(&f->error, CAUSE_LOST, "cannot wait for the server");
		}
	}
}

/* One piece of what the server says while we send. */
static bool take_in(struct flight *f)
{
	buf_drop(&f->in, f->in_at);
	f->in_at = 0;
	size_t left = FLIGHT_INPUT_MAX - f->in.size;
	size_t size = left < INPUT_PIECE ? left : INPUT_PIECE;
	char *to = buf_room(&f->in, size);
	BUG_ON(!to);
	ssize_t n = recv(f->fd, to, size, MSG_DONTWAIT);
	if (n < 0) {
		return errno == EAGAIN || errno == EINTR || lost(f);
	}
	buf_grew(&f->in, (size_t)n);
	f->is_at_end = n == 0;
	return true;
}

static bool wait_to_send(struct flight *f)
{
	short ready = 0;

	while (!(ready & ~POLLIN)) {
		bool has_room = f->in.size - f->in_at < FLIGHT_INPUT_MAX;
		short events = has_room && !f->is_at_end ? POLLIN | POLLOUT : POLLOUT;
		if (!wait_for(f, events, "the server did not take data in time", &ready) ||
		    ((ready & POLLIN) && !take_in(f))) {
			return false;
		}
	}
	return true;
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
			return lost(f);
		}
	}
}

/* Straight from the caller's memory. */
static bool send_all(struct flight *f, struct span data)
{
	while (data.size > 0) {
		size_t sent = 0;
		if (!send_some(f, data, &sent)) {
			return false;
		}
		data = span_from(data, sent);
		if (data.size > 0 && !wait_to_send(f)) {
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

bool flight_write(struct flight *f, struct span data)
{
	return flight_send(f) && send_all(f, data);
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
	size_t sent = 0;

	if (f->out.size > 0 && !send_some(f, buf_span(&f->out), &sent)) {
		f->error.cause = CAUSE_NONE;	/* nobody is told: it is over anyway */
	}
	buf_reset(&f->out);
}

ssize_t flight_take(struct flight *f, void *data, size_t size)
{
	if (has_input(f)) {
		struct span part = span_first(span_from(buf_span(&f->in), f->in_at), size);
		if (part.size > 0) {
			memcpy(data, part.data, part.size);
			f->in_at += part.size;
		}
		return (ssize_t)part.size;
	}
	for (;;) {
		ssize_t n = recv(f->fd, data, size, MSG_DONTWAIT);
		if (n >= 0) {
			return n;
		}
		if (errno == EAGAIN) {
			return FLIGHT_NOTHING;
		}
		if (errno != EINTR) {
			lost(f);
			return -1;
		}
	}
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

bool flight_await(struct flight *f)
{
	short ready;

	if (!f->is_held && !flight_send(f)) {
		return false;
	}
	if (has_input(f)) {
		return true;
	}
	acknowledge_at_once(f->fd);
	return wait_for(f, POLLIN, "the server did not answer in time", &ready);
}

ssize_t flight_receive(struct flight *f, void *data, size_t size)
{
	for (;;) {
		/* What is there already needs no answer: in the middle of the server's TLS
		 * flight our own must not be torn apart. */
		ssize_t n = flight_take(f, data, size);
		if (n != FLIGHT_NOTHING) {
			return n;
		}
		if (!flight_await(f)) {
			return -1;
		}
	}
}
