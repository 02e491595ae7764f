/* SPDX-License-Identifier: ISC */
/* check_queue: see check_parts.h.  Must never make a folder, nor take a message's lock. */
#include "app/check_parts.h"
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* A mail with a photo or two. */
#define SPACE_MIN_MIB 16
#define INODES_MIN    16

enum {
	/* cron flushes every few minutes: mail that is due for so long, nobody flushes. */
	LATE_SECONDS = 3 * 3600,
	/* Messages that are looked into. */
	LOOKS_MAX = 50,
};

/* What is there of the path: itself, or the folder that it would be made in. */
static char *existing(const char *path)
{
	char *part = mem_str(path);
	struct stat st;

	while (strcmp(part, "/") != 0 && stat(part, &st) != 0 && errno == ENOENT) {
		char *up = check_parent(part);
		free(part);
		part = up;
	}
	return part;
}

static void check_space(const char *folder, const struct account *a, struct findings *to)
{
	struct statvfs fs;

	/* Without blocks it is no disk, or one that does not say how full it is. */
	if (statvfs(folder, &fs) != 0 || fs.f_blocks == 0) {
		return;
	}
	unsigned long long free_mib = (unsigned long long)fs.f_bavail * fs.f_frsize >> 20;
	/* Some file systems make inodes as they need them, and say that there are 0. */
	bool has_inodes = fs.f_files == 0 || fs.f_favail >= INODES_MIN;
	if (free_mib < SPACE_MIN_MIB) {
		findings_add(to, SEVERITY_WARNING, a, KEY_QUEUE_DIRECTORY,
			     "only %llu MiB are free in %s, where mail has to wait; make room, or "
			     "name another folder",
			     free_mib, folder);
	} else if (!has_inodes) {
		findings_add(to, SEVERITY_WARNING, a, KEY_QUEUE_DIRECTORY,
			     "the file system of %s can take no more files; remove some, or name "
			     "another folder",
			     folder);
	}
}

/* Is the oldest mail due for hours? */
static void check_flushing(struct queue *q, const struct account *a, struct findings *to)
{
	struct queue_names names = { 0 };
	struct err e;
	size_t late = 0;
	const int64_t now = clock_now();

	if (!queue_list(q, QUEUE_DEFERRED, &names, &e)) {
		findings_add_error(to, a, KEY_QUEUE_DIRECTORY, e.text, NULL);
	}
	for (size_t i = 0; i < names.count && i < LOOKS_MAX; i++) {
		struct queue_entry v;
		enum queue_claim seen =
			queue_peek(q, QUEUE_DEFERRED, names.at[i].id, &v, &e);
		if (seen == QUEUE_CLAIMED) {
			int64_t due = v.next > 0 ? v.next : v.arrival;
			late += now - due > LATE_SECONDS;
		}
		queue_entry_clear(&v);
	}
	if (late > 0) {
		findings_add(to, SEVERITY_WARNING, a, KEY_QUEUE,
			     "%zu message%s in %s %s been due for hours, so nobody flushes this "
			     "queue; run sendmail -q every five minutes, from cron or a timer of "
			     "systemd",
			     late, late == 1 ? "" : "s", queue_path(q),
			     late == 1 ? "has" : "have");
	}
	queue_names_clear(&names);
}

void check_queue(const struct account *a, struct identity *id, struct check_seen *folders,
		 struct findings *to)
{
	struct queue *q;
	struct err e;

	if (!conf_on(a, KEY_QUEUE)) {
		return;
	}
	char *path MEM_AUTO = settings_queue_path(a, id, &e);
	if (path && check_is_seen(folders, path)) {
		return;
	}
	if (!path || !queue_open(path, false, &q, &e)) {
		findings_add_error(to, a, KEY_QUEUE_DIRECTORY, e.text,
				   "make the folder yours, or name another");
		return;
	}
	char *folder MEM_AUTO = existing(path);
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0) {
		findings_add(to, SEVERITY_ERROR, a, KEY_QUEUE_DIRECTORY,
			     "the queue %s cannot be %s: %s: %s; make the folder yours, or name "
			     "another",
			     path, q ? "written" : "made", folder, strerror(errno));
	} else {
		check_space(folder, a, to);
	}
	check_path(path, a, KEY_QUEUE_DIRECTORY, to);
	if (q) {
		check_flushing(q, a, to);
	}
	queue_close(q);
}
