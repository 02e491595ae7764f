/* SPDX-License-Identifier: ISC */
/*
 * peer: who is at the other end of a connection, as the kernel says: nothing of it comes from
 * the peer itself.
 */
#ifndef APP_PEER_H
#define APP_PEER_H

#include "base/span.h"

#include <stdbool.h>
#include <stdint.h>

enum peer_kind {
	PEER_NONE,	/* a pipe, a file, a terminal: whoever started us */
	PEER_UNIX,
	PEER_LOOPBACK,	/* TCP from this machine: 127.0.0.0/8, ::1 */
	PEER_REMOTE,	/* TCP from elsewhere, and every other kind of socket */
};

struct peer {
	enum peer_kind kind;
	/*
	 * Of who connected; -1 = not known.  Over TCP the kernel's list of connections says whose
	 * the other end is, as long as somebody has it.  That of a socketpair is not: its uid is
	 * that of the program between us and the peer (socat's EXEC without nofork), which says nothing.
	 */
	int64_t uid;
};

struct peer peer_of(int fd);

/* In the text of /proc/self/net/tcp: the user whose socket has these two addresses, or -1. */
int64_t peer_uid_in(struct span table, const char *local, const char *remote);

#endif
