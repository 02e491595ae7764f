/* SPDX-License-Identifier: ISC */
/* peer: see peer.h. */
#include "app/peer.h"
#include "base/fs.h"
#include "base/text.h"
#include "sys/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

/* Was it connected to by a name, as a listening socket has one? */
static bool has_name(int fd)
{
	union address own = { 0 };
	socklen_t size = sizeof(own);

	return getsockname(fd, &own.any, &size) == 0 && own.any.sa_family == AF_UNIX &&
	       size > offsetof(struct sockaddr_un, sun_path);
}

static int64_t unix_uid(int fd)
{
	uid_t uid;

	return has_name(fd) && process_of_peer(fd, &uid) ? (int64_t)uid : -1;
}

static bool is_loopback(const union address *peer)
{
	const struct in6_addr *six = &peer->in6.sin6_addr;
	uint32_t four = 0;

	if (peer->any.sa_family == AF_INET) {
		four = ntohl(peer->in.sin_addr.s_addr);
	} else if (peer->any.sa_family != AF_INET6) {
		return false;
	} else if (IN6_IS_ADDR_V4MAPPED(six)) {
		memcpy(&four, &six->s6_addr[12], sizeof(four));
		four = ntohl(four);
	} else {
		return IN6_IS_ADDR_LOOPBACK(six);
	}
	return four >> 24 == 127;
}

/* -- who has the other end of a TCP connection on this machine ----------------------------- */

/* Of the list that is in memory.  All of it can be long: everybody may have connections. */
#define WINDOW ((size_t)64 << 10)

/* An address as /proc/net/tcp and tcp6 write it: words of 32 bits, as they are in memory. */
static void print_address(const union address *a, bool is_six, char *text, size_t size)
{
	uint32_t words[4] = { 0, 0, htonl(0xffff), a->in.sin_addr.s_addr };

	if (a->any.sa_family == AF_INET6) {
		memcpy(words, &a->in6.sin6_addr, sizeof(words));
	}
	/* sin_port and sin6_port are in the same place. */
	if (is_six) {
		snprintf(text, size, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2],
			 words[3], ntohs(a->in6.sin6_port));
	} else {
		snprintf(text, size, "%08X:%04X", words[3], ntohs(a->in.sin_port));
	}
}

/*
 * "  12: LOCAL REMOTE 01 tx:rx tr:when retrnsmt UID timeout INODE …".  A socket that nobody has
 * any more (its inode is 0) is shown as root's: it is nobody's.  One that its owner has only
 * shut down is his.
 */
static int64_t uid_of_line(struct span line, const char *local, const char *remote)
{
	enum { LOCAL = 1, REMOTE, UID = 7, INODE = 9, FIELDS };
	struct span field[FIELDS] = { 0 };
	unsigned long long uid = 0, inode = 0;

	for (size_t i = 0; i < FIELDS; i++) {
		line = span_trim(line);
		const char *blank = line.size > 0 ? memchr(line.data, ' ', line.size) : NULL;
		field[i] = span_first(line, blank ? (size_t)(blank - line.data) : line.size);
		line = span_from(line, field[i].size);
	}
	bool is_it = span_equal(field[LOCAL], span_str(local)) &&
		     span_equal(field[REMOTE], span_str(remote)) &&
		     text_unsigned(field[INODE], ~0ULL, &inode) && inode != 0 &&
		     text_unsigned(field[UID], UINT32_MAX - 1, &uid);
	return is_it ? (int64_t)uid : -1;
}

int64_t peer_uid_in(struct span table, const char *local, const char *remote)
{
	int64_t uid = -1;

	while (uid < 0 && table.size > 0) {
		const char *end = memchr(table.data, '\n', table.size);
		size_t size = end ? (size_t)(end - table.data) : table.size;
		uid = uid_of_line(span_first(table, size), local, remote);
		table = span_from(table, size + 1);
	}
	return uid;
}

static int64_t look_up(const char *path, const char *local, const char *remote)
{
	char window[WINDOW];
	size_t size = 0;
	int64_t uid = -1;
	ssize_t n = 1;

	int fd FS_AUTO = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && uid < 0 && n > 0 && size < sizeof(window)) {
		n = fs_read(fd, window + size, sizeof(window) - size);
		size += n > 0 ? (size_t)n : 0;
		const char *end = memrchr(window, '\n', size);
		size_t whole = end ? (size_t)(end - window) + 1 : 0;
		uid = peer_uid_in(span_of(window, whole), local, remote);
		memmove(window, window + whole, size - whole);
		size -= whole;
	}
	return uid;
}

/*
 * The peer's socket is the one whose local address is our remote one.  Not /proc/net, which a
 * /proc with processes alone has not (ProcSubset=pid of systemd).
 */
static int64_t loopback_uid(int fd, const union address *peer)
{
	union address own = { 0 };
	socklen_t size = sizeof(own);
	char local[64], remote[64];
	int64_t uid = -1;

	if (getsockname(fd, &own.any, &size) != 0) {
		return -1;
	}
	bool may_be_four = peer->any.sa_family == AF_INET ||
			   IN6_IS_ADDR_V4MAPPED(&peer->in6.sin6_addr);
	for (int is_six = may_be_four ? 0 : 1; uid < 0 && is_six < 2; is_six++) {
		print_address(peer, is_six, local, sizeof(local));
		print_address(&own, is_six, remote, sizeof(remote));
		uid = look_up(is_six ? "/proc/self/net/tcp6" : "/proc/self/net/tcp", local,
			      remote);
	}
	return uid;
}

struct peer peer_of(int fd)
{
	struct peer p = { .kind = PEER_REMOTE, .uid = -1 };
	union address peer = { 0 };
	socklen_t size = sizeof(peer);
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISSOCK(st.st_mode)) {
		p.kind = PEER_NONE;
	} else if (getpeername(fd, &peer.any, &size) != 0) {
		return p;
	} else if (peer.any.sa_family == AF_UNIX) {
		p.kind = PEER_UNIX;
		p.uid = unix_uid(fd);
	} else if (is_loopback(&peer)) {
		p.kind = PEER_LOOPBACK;
		p.uid = loopback_uid(fd, &peer);
		/*
		 * Who closes it in the very moment of the look can be shown as root, too; and one
		 * can be passed over when others before it in the list are closed meanwhile.
		 */
		if (p.uid <= 0) {
			p.uid = loopback_uid(fd, &peer);
		}
	}
	return p;
}
