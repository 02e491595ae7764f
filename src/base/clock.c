/* SPDX-License-Identifier: ISC */
/* clock: see clock.h. */
#include "base/clock.h"
#include "base/err.h"
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#if HAVE_GETRANDOM
#include <sys/random.h>
#endif

int64_t clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

time_t clock_now(void)
{
	return time(NULL);
}

int64_t clock_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int clock_zone_minutes(time_t at)
{
	struct tm local;

	return localtime_r(&at, &local) ? (int)(local.tm_gmtoff / 60) : 0;
}

int64_t clock_deadline(unsigned seconds)
{
	return seconds == 0 ? DEADLINE_NEVER : clock_ms() + (int64_t)seconds * 1000;
}

int clock_left(int64_t deadline)
{
	if (deadline == DEADLINE_NEVER) {
		return -1;
	}
	int64_t left = deadline - clock_ms();
	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* True when all of it is there. */
static bool random_from_kernel(unsigned char *to, size_t size)
{
#if HAVE_GETRANDOM
	while (size > 0) {
		ssize_t n = getrandom(to, size, 0);
		if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			to += n;
			size -= (size_t)n;
		}
	}
	return true;
#else
	(void)to;
	return size == 0;
#endif
}

static bool random_from_device(unsigned char *to, size_t size)
{
	int fd FS_AUTO = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY);

	while (size > 0) {
		ssize_t n = fd < 0 ? -1 : fs_read(fd, to, size);
		if (n <= 0) {
			return false;
		}
		to += n;
		size -= (size_t)n;
	}
	return true;
}

void clock_random(void *data, size_t size)
{
	bool is_done = random_from_kernel(data, size) || random_from_device(data, size);

	BUG_ON(!is_done);
}
