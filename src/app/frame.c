/* SPDX-License-Identifier: ISC */
/* frame: see frame.h. */
#include "app/frame.h"
#include "base/clock.h"
#include "base/text.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

static bool write_all(int fd, struct span bytes, int64_t deadline)
{
	while (bytes.size > 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int ready = poll(&p, 1, clock_left(deadline));
		if (ready < 0 && errno == EINTR) {
			continue;
		}
		ssize_t n = ready > 0 ? send(fd, bytes.data, bytes.size,
					     MSG_DONTWAIT | MSG_NOSIGNAL)
				      : -1;
		if (n < 0 && (ready <= 0 || (errno != EAGAIN && errno != EINTR))) {
			return false;
		}
		bytes = span_from(bytes, n > 0 ? (size_t)n : 0);
	}
	return true;
}

bool frame_write(int fd, char kind, struct span bytes, int64_t deadline)
{
	char line[FRAME_LINE_MAX];
	int size = snprintf(line, sizeof(line), "%c %zu\n", kind, bytes.size);

	BUG_ON(bytes.size > FRAME_MAX);
	return write_all(fd, span_of(line, (size_t)size), deadline) &&
	       write_all(fd, bytes, deadline);
}

bool frame_write_end(int fd, int status, int64_t deadline)
{
	char line[FRAME_LINE_MAX];
	int size = snprintf(line, sizeof(line), "X %u\n", (unsigned)status & 0xff);

	return write_all(fd, span_of(line, (size_t)size), deadline);
}

char frame_parse(struct span line, unsigned *ret_number)
{
	unsigned long long number;
	bool ok = line.size > 2 && memchr("OEKX", line.data[0], 4) && line.data[1] == ' ' &&
		  text_unsigned(span_from(line, 2), FRAME_MAX, &number);

	*ret_number = ok ? (unsigned)number : 0;
	return ok ? line.data[0] : '\0';
}
