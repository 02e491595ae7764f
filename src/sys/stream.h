/* SPDX-License-Identifier: ISC */
/*
 * stream: a connected socket, plain or with TLS on top.  Deadlines are clock_ms values.
 * Errors are CAUSE_LOST; at a deadline os_errno is ETIMEDOUT.
 */
#ifndef SYS_STREAM_H
#define SYS_STREAM_H

#include "sys/tls.h"

struct stream {
	struct flight flight;
	struct tls *tls;	/* NULL: plain; it uses the flight: do not copy the stream */
};

/* Takes the non-blocking socket over. */
void stream_init(struct stream *s, int fd);
/* Says goodbye in TLS, closes, frees; harmless when done twice. */
void stream_close(struct stream *s);

/* Handshake on top of the plain connection. */
bool stream_start_tls(struct stream *s, const struct tls_options *options, int64_t deadline,
		      struct err *e) RELAY_CHECKED;

/*
 * With TLS the last bytes may wait for the next stream_read, so that they travel with
 * what comes after; a plain stream sends at once.  Not only a write can find that the server
 * does not take data: so can a read, with TLS.  What it said before can be taken then.
 */
bool stream_write(struct stream *s, struct span data, int64_t deadline, struct err *e)
	RELAY_CHECKED;
/* > 0 bytes; 0 = the server closed; -1 = *e is set. */
ssize_t stream_read(struct stream *s, void *data, size_t size, int64_t deadline,
		    struct err *e) RELAY_CHECKED;
/*
 * The same for what is there now: FLIGHT_NOTHING when there is none, or only a part of a
 * TLS record.  Sends nothing and waits for nothing.
 */
ssize_t stream_take(struct stream *s, void *data, size_t size, struct err *e) RELAY_CHECKED;

/*
 * Our own address as an RFC 5321 §4.1.3 literal: "[192.0.2.1]", "[IPv6:2001:db8::1]";
 * "localhost" for a Unix socket.
 */
void stream_address_literal(const struct stream *s, char *text, size_t size);

#endif
