/* SPDX-License-Identifier: ISC */
/*
 * folder: see folder.h.  A folder is trusted when it is a folder, ours, and closed to others;
 * then nobody but us (and root) can have changed a name in it.  What is in it is not trusted
 * all the same: it may be damaged, or have been copied there by hand.
 */
#include "queue/folder.h"
#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const names[FOLDER_COUNT] = {
	[QUEUE_INCOMING] = "incoming", [QUEUE_DEFERRED] = "deferred",
	[QUEUE_HOLD] = "hold",	       [QUEUE_FAILED] = "failed",
	[QUEUE_CORRUPT] = "corrupt",   [FOLDER_STATE] = "state",
	[FOLDER_SESSIONS] = "sessions", [FOLDER_USERS] = "users",
};

const char *folder_name(unsigned which)
{
	BUG_ON(which >= FOLDER_COUNT);
	return names[which];
}

const char *queue_place_name(enum queue_place place)
{
	return folder_name(place);
}

int folder_open_file(int folder, const char *name)
{
#ifdef O_NOATIME
	int fd = openat(folder, name, O_RDONLY | O_NOATIME | FILE_FLAGS);

	if (fd >= 0 || errno != EPERM) {
		return fd;	/* else: it is somebody else's */
	}
#endif
	return openat(folder, name, O_RDONLY | FILE_FLAGS);
}

bool folder_sync(int fd)
{
	int result;

	do {
		result = fsync(fd);
	} while (result != 0 && errno == EINTR);
	return result == 0 || errno == EINVAL;
}

/* What was made in this folder must survive the machine. */
static bool sync_folder_at(const char *path)
{
	int fd FS_AUTO = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES) {
		sync();	/* we may write it but not open it: then all there is */
		return true;
	}
	return fd >= 0 && folder_sync(fd);
}

/* mkdir with the parents; each is fsynced when something was made in it. */
static bool make_all(const char *path, struct err *e)
{
	char *part MEM_AUTO = mem_str(path);

	for (char *slash = part; slash;) {
		char *next = strchr(slash + 1, '/');
		if (next) {
			*next = '\0';
		}
		if (mkdir(part, 0700) == 0) {
			*slash = '\0';
			bool ok = sync_folder_at(slash == part ? "/" : part);
			*slash = '/';
			if (!ok) {
				return err_errno(e, CAUSE_OS, "cannot keep %s on disk", part);
			}
		} else if (errno != EEXIST) {
			return err_errno(e, CAUSE_OS, "cannot make %s for the queue", part);
		}
		if (next) {
			*next = '/';
		}
		slash = next;
	}
	return true;
}

/* A new queue gets at once what every queue needs. */
static bool make_subs(int top)
{
	for (unsigned i = 0; i < FOLDER_USERS; i++) {
		if (mkdirat(top, names[i], 0700) != 0 && errno != EEXIST) {
			return false;
		}
	}
	return folder_sync(top);
}

static bool is_trusted(const struct queue *q, int fd, const char *path, dev_t *device,
		       struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		return err_errno(e, CAUSE_OS, "cannot look at %s", path);
	}
	if (st.st_uid != q->owner) {
		return err_set(e, CAUSE_OS,
			       "the queue folder %s belongs to user %lu, not to you (%lu): it is "
			       "not used; give it back with chown, or set queue_directory",
			       path, (unsigned long)st.st_uid, (unsigned long)q->owner);
	}
	if (st.st_mode & 077) {
		return err_set(e, CAUSE_OS,
			       "the queue folder %s is open to others (mode %04o): it is not "
			       "used; look at what is in it, then: chmod 700 %s",
			       path, st.st_mode & 07777, path);
	}
	*device = st.st_dev;
	return true;
}

/* -- the queue ------------------------------------------------------------------------- */

bool queue_open(const char *path, bool may_create, struct queue **ret, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

	BUG_ON(path[0] != '/');
	*ret = NULL;
	int fd = open(path, flags);
	if (fd < 0 && errno == ENOENT) {
		if (!may_create) {
			return true;
		}
		if (!make_all(path, e)) {
			return false;
		}
		fd = open(path, flags);
		if (fd >= 0 && !make_subs(fd)) {
			fs_close(&fd);
		}
	}
	if (fd < 0) {
		return err_errno(e, CAUSE_OS, "cannot open the queue folder %s", path);
	}
	struct queue *q = mem_alloc(1, sizeof(*q));
	q->path = mem_str(path);
	q->top = fd;
	q->owner = geteuid();
	for (unsigned i = 0; i < FOLDER_COUNT; i++) {
		q->folders[i] = -1;
	}
	if (!is_trusted(q, fd, path, &q->device, e)) {
		queue_close(q);
		return false;
	}
	*ret = q;
	return true;
}

void queue_close(struct queue *q)
{
	if (!q) {
		return;
	}
	for (unsigned i = 0; i < FOLDER_COUNT; i++) {
		fs_close(&q->folders[i]);
	}
	fs_close(&q->top);
	free(q->states);
	free(q->path);
	free(q);
}

const char *queue_path(const struct queue *q)
{
	return q->path;
}

uint64_t queue_device(const struct queue *q)
{
	return q->device;
}

/* -- sub-folders ----------------------------------------------------------------------- */

static int open_sub(const struct queue *q, unsigned which)
{
	return openat(q->top, names[which], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

bool folder_get(struct queue *q, unsigned which, bool may_create, int *ret_fd, struct err *e)
{
	dev_t device;

	BUG_ON(which >= FOLDER_COUNT);
	*ret_fd = q->folders[which];
	if (*ret_fd >= 0) {
		return true;
	}
	char *path MEM_AUTO = mem_printf("%s/%s", q->path, names[which]);
	int fd FS_AUTO = open_sub(q, which);
	if (fd < 0 && errno == ENOENT) {
		if (!may_create) {
			return true;
		}
		if (mkdirat(q->top, names[which], 0700) != 0 && errno != EEXIST) {
			return err_errno(e, CAUSE_OS, "cannot make %s", path);
		}
		/*
		 * Its name is not fsynced: file systems write names in order, so that the fsync of
		 * what is put into a new folder takes the folder's name along.
		 */
		fd = open_sub(q, which);
	}
	if (fd < 0) {
		return err_errno(e, CAUSE_OS, "cannot open the queue folder %s", path);
	}
	if (!is_trusted(q, fd, path, &device, e)) {
		return false;
	}
	if (device != q->device) {
		return err_set(e, CAUSE_OS, "%s is on another file system than %s", path,
			       q->path);
	}
	*ret_fd = q->folders[which] = fd;
	fd = -1;
	return true;
}

bool folder_owns(const struct queue *q, const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == q->owner;
}

bool folder_lock(int fd)
{
	int result;

	do {
		result = flock(fd, LOCK_EX | LOCK_NB);
	} while (result != 0 && errno == EINTR);
	return result == 0;
}

/*
 * Closing is not enough: a child, or the parent that is about to exit, may have the same
 * descriptor for a moment longer, and the lock would live on with it.
 */
void folder_unlock(int *fd)
{
	if (*fd >= 0) {
		flock(*fd, LOCK_UN);
	}
	fs_close(fd);
}

bool folder_each(struct queue *q, unsigned which,
		 bool (*see)(void *data, const struct dirent *entry), void *data, struct err *e)
{
	int folder;

	if (!folder_get(q, which, false, &folder, e)) {
		return false;
	}
	if (folder < 0) {
		return true;
	}
	/* Opened anew: a duplicate, and a child's descriptor, share the place in the list. */
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	if (!dir) {
		err_errno(e, CAUSE_OS, "cannot list %s/%s", q->path, names[which]);
		fs_close(&fd);
		return false;
	}
	struct dirent *entry;
	bool goes_on = true;
	for (errno = 0; goes_on && (entry = readdir(dir)); errno = 0) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
			goes_on = see(data, entry);
		}
	}
	bool ok = !goes_on || errno == 0 ||
		  err_errno(e, CAUSE_OS, "cannot list %s/%s", q->path, names[which]);
	closedir(dir);
	return ok;
}

bool folder_set_aside(struct queue *q, unsigned which, const char *name, const char *to,
		      struct err *e)
{
	enum { TRIES = 100 };
	int from, corrupt;
	char *target MEM_AUTO = mem_str(to);
	struct stat st;

	if (!folder_get(q, which, false, &from, e) ||
	    !folder_get(q, QUEUE_CORRUPT, true, &corrupt, e)) {
		return false;
	}
	if (which == QUEUE_CORRUPT || from < 0) {
		return true;
	}
	for (int i = 1; i < TRIES && fstatat(corrupt, target, &st, AT_SYMLINK_NOFOLLOW) == 0;
	     i++) {
		free(target);
		target = mem_printf("%s.%d", to, i);
	}
	if (renameat(from, name, corrupt, target) != 0) {
		return err_errno(e, CAUSE_OS, "cannot move %s/%s/%s to corrupt/%s", q->path,
				 names[which], name, target);
	}
	return true;
}
