/* SPDX-License-Identifier: ISC */
/* clock: see clock.h. */
#include "base/clock.h"
#include "base/err.h"

#include <errno.h>
#include <limits.h>
#include <sys/random.h>

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

void clock_random(void *data, size_t size)
{
	unsigned char *p = data;

	while (size > 0) {
		ssize_t n = getrandom(p, size, 0);
		BUG_ON(n < 0 && errno != EINTR);
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		}
	}
}
