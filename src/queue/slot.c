/* SPDX-License-Identifier: ISC */
/*
 * slot: see slot.h.  The lock files are empty and stay: removing one that another process
 * is about to lock would give out the same slot twice.
 */
#include "queue/slot.h"
#include "base/clock.h"
#include "base/fs.h"
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

/* FNV-1a.  Two groups with the same hash share their slots: slower, not wrong. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (const char *p = text; *p; p++) {
		value = (value ^ (unsigned char)*p) * 0x100000001b3u;
	}
	return value;
}

bool slot_take(struct queue *q, const char *group, unsigned max, int *ret_fd)
{
	int folder;
	uint32_t start;
	uint64_t key = hash(group);
	struct err ignored;

	*ret_fd = -1;
	if (!folder_get(q, FOLDER_SESSIONS, true, &folder, &ignored)) {
		return true;
	}
	clock_random(&start, sizeof(start));
	for (unsigned i = 0; i < max; i++) {
		char name[40];
		snprintf(name, sizeof(name), "%016llx.%u", (unsigned long long)key,
			 (unsigned)(((uint64_t)start + i) % max));
		int fd = openat(folder, name, O_CREAT | O_RDWR | FILE_FLAGS, 0600);
		if (fd < 0) {
			return true;
		}
		if (folder_lock(fd)) {
			*ret_fd = fd;
			return true;
		}
		bool is_taken = errno == EWOULDBLOCK;
		fs_close(&fd);
		if (!is_taken) {
			return true;
		}
	}
	return false;
}

void slot_release(int *fd)
{
	folder_unlock(fd);
}
