/* SPDX-License-Identifier: ISC */
/*
 * net_race: the race between the addresses of one name (RFC 8305 §5).
 *
 * A new attempt begins 250 ms after the last one, or at once when one has failed; those
 * under way go on.  The first to connect wins and the others are closed.  The deadline
 * is for all of them together.
 */
#include "sys/net_state.h"

#include "base/clock.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>

struct race {
	const struct net_list *list;
	const struct net_address *source;
	struct pollfd attempts[NET_LIST_MAX]; /* fd -1: not under way */
	int errors[NET_LIST_MAX];	      /* why it failed; 0 = it has not */
	bool is_bind_error[NET_LIST_MAX];
	size_t begun, active;
};

static void attempt_failed(struct race *r, size_t i, int error)
{
	r->errors[i] = error;
	fs_close(&r->attempts[i].fd);
}

/* 0 = connected, EINPROGRESS = under way, else why not. */
static int attempt_connect(struct race *r, size_t i, int fd)
{
	const struct net_address *to = &r->list->address[i];
	const int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (r->source) {
#ifdef IP_BIND_ADDRESS_NO_PORT
		/* Lets the kernel choose the port when it knows the other end. */
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
#endif
		if (bind(fd, &r->source->any, r->source->size) != 0) {
			r->is_bind_error[i] = true;
			return errno;
		}
	}
	if (connect(fd, &to->any, to->size) == 0) {
		return 0;
	}
	/* Interrupted means begun: a non-blocking connect goes on by itself. */
	return errno == EINTR ? EINPROGRESS : errno;
}

/* Begins the next attempt.  True when it is connected already. */
static bool attempt_begin(struct race *r)
{
	size_t i = r->begun++;
	int family = r->list->address[i].any.sa_family;
	int fd = fs_socket(family, O_NONBLOCK);
	int error = fd < 0 ? errno : attempt_connect(r, i, fd);

	r->attempts[i].fd = fd;
	r->attempts[i].events = POLLOUT;
	if (error == EINPROGRESS) {
		r->active++;
	} else if (error != 0) {
		attempt_failed(r, i, error);
	}
	return error == 0;
}

/* Looks at what poll(2) found.  True and the index when one is connected. */
static bool race_look(struct race *r, size_t *ret_winner, bool *ret_failed)
{
	for (size_t i = 0; i < r->begun; i++) {
		int error = 0;
		socklen_t size = sizeof(error);
		if (r->attempts[i].fd < 0 || r->attempts[i].revents == 0) {
			continue;
		}
		if (getsockopt(r->attempts[i].fd, SOL_SOCKET, SO_ERROR, &error, &size) !=
		    0) {
			error = errno;
		}
		if (error == 0) {
			*ret_winner = i;
			return true;
		}
		attempt_failed(r, i, error);
		r->active--;
		*ret_failed = true;
	}
	return false;
}

/* How long to wait for something to happen; -1 = for ever. */
static int race_patience(const struct race *r, int64_t next_at, int64_t deadline)
{
	int left = clock_left(deadline);

	if (r->begun == r->list->count) {
		return left;
	}
	int pause = clock_left(next_at);
	return left < 0 || pause < left ? pause : left;
}

/* True and the winner, or false when all failed or time is up. */
static bool race_run(struct race *r, int64_t deadline, size_t *ret_winner)
{
	int64_t next_at = 0;

	while (clock_left(deadline) != 0) {
		bool has_failed = false;
		while (r->begun < r->list->count &&
		       (r->active == 0 || clock_ms() >= next_at)) {
			size_t active_before = r->active;
			if (attempt_begin(r)) {
				*ret_winner = r->begun - 1;
				return true;
			}
			if (r->active > active_before) {
				next_at = clock_ms() + NET_ATTEMPT_DELAY_MS;
			}
		}
		if (r->active == 0) {
			return false;
		}
		int ready =
			poll(r->attempts, r->begun, race_patience(r, next_at, deadline));
		if (ready > 0 && race_look(r, ret_winner, &has_failed)) {
			return true;
		}
		if (has_failed) {
			next_at = 0;
		}
	}
	return false;
}

static void race_explain(const struct race *r, struct buf *reasons)
{
	for (size_t i = 0; i < r->list->count; i++) {
		char address[NET_PEER_MAX];
		int error = r->errors[i];
		const char *why = i >= r->begun			     ? "not tried"
				  : error == 0 || error == ETIMEDOUT ? "timed out"
								     : strerror(error);
		net_address_text(&r->list->address[i], address);
		if (!buf_printf(reasons, "%s%s: %s%s", i > 0 ? "; " : "", address,
				r->is_bind_error[i] ? "cannot use source_ip: " : "",
				why)) {
			return;
		}
	}
}

int net_race(const struct net_list *list, const struct net_address *source,
	     int64_t deadline, size_t *ret_winner, struct buf *reasons)
{
	struct race r = { .list = list, .source = source };
	int fd = -1;

	for (size_t i = 0; i < NET_LIST_MAX; i++) {
		r.attempts[i].fd = -1;
	}
	if (race_run(&r, deadline, ret_winner)) {
		fd = r.attempts[*ret_winner].fd;
		r.attempts[*ret_winner].fd = -1;
	} else {
		race_explain(&r, reasons);
	}
	for (size_t i = 0; i < r.begun; i++) {
		fs_close(&r.attempts[i].fd);
	}
	return fd;
}
