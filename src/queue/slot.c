/* SPDX-License-Identifier: ISC */
/*
 * slot: see slot.h.  The lock files are empty.  One is removed only by who has locked it; who
 * has opened it before that, and locks it later, finds that it has no name any more and opens
 * the new one: so no slot is given out twice.
 */
#include "queue/slot.h"
#include "base/clock.h"
#include "base/fs.h"
#include "queue/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* In seconds: a lock file that was made so long ago is made anew when it is needed. */
enum { SWEEP_AGE = 7 * 86400 };
/* Of some file systems, files never have a name. */
enum { TRIES = 3 };

/* FNV-1a.  Two groups with the same hash share their slots: slower, not wrong. */
static uint64_t hash(const char *text)
{
	uint64_t value = 0xcbf29ce484222325u;

	for (const char *p = text; *p; p++) {
		value = (value ^ (unsigned char)*p) * 0x100000001b3u;
	}
	return value;
}

/* *ret_fd is -1 when it cannot be had; then *ret_is_taken: somebody else has it. */
static void take(int folder, const char *name, int *ret_fd, bool *ret_is_taken)
{
	struct stat st;

	for (int i = 0; i < TRIES; i++) {
		folder_unlock(ret_fd);
		*ret_fd = openat(folder, name, O_CREAT | O_RDWR | FILE_FLAGS, 0600);
		if (*ret_fd < 0 || !folder_lock(*ret_fd)) {
			*ret_is_taken = *ret_fd >= 0 && errno == EWOULDBLOCK;
			fs_close(ret_fd);
			return;
		}
		if (fstat(*ret_fd, &st) == 0 && st.st_nlink > 0) {
			return;
		}
	}
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
		bool is_taken = false;
		take(folder, name, ret_fd, &is_taken);
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

struct sweep {
	int folder;
	int64_t now;
};

static bool sweep_one(void *data, const struct dirent *entry)
{
	const struct sweep *s = data;
	struct stat st;
	int fd = openat(s->folder, entry->d_name, O_RDWR | FILE_FLAGS);

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 &&
	    st.st_mtime < s->now - SWEEP_AGE && folder_lock(fd)) {
		/* Another one that sweeps may have been here first. */
		if (fstat(fd, &st) == 0 && st.st_nlink > 0) {
			unlinkat(s->folder, entry->d_name, 0);
		}
		folder_unlock(&fd);
	}
	fs_close(&fd);
	return true;
}

void slot_sweep(struct queue *q, int64_t now)
{
	struct sweep s = { .now = now };
	struct err ignored;

	if (!folder_get(q, FOLDER_SESSIONS, false, &s.folder, &ignored) || s.folder < 0 ||
	    !folder_each(q, FOLDER_SESSIONS, sweep_one, &s, &ignored)) {
		return;	/* nothing to collect, or another time */
	}
}
