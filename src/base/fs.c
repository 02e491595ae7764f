/* SPDX-License-Identifier: ISC */
/* fs: see fs.h. */
#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

ssize_t fs_read(int fd, void *data, size_t size)
{
	ssize_t n;

	do {
		n = read(fd, data, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

ssize_t fs_pread(int fd, void *data, size_t size, off_t offset)
{
	ssize_t n;

	do {
		n = pread(fd, data, size, offset);
	} while (n < 0 && errno == EINTR);
	return n;
}

bool fs_read_all(int fd, struct buf *to, struct err *e)
{
	for (;;) {
		char chunk[4096];
		ssize_t n = fs_read(fd, chunk, sizeof(chunk));
		if (n < 0) {
			return err_errno(e, CAUSE_INPUT, "cannot read");
		}
		if (n == 0) {
			return true;
		}
		bool fits = buf_add(to, chunk, (size_t)n);
		if (to->is_secret) {
			mem_wipe(chunk, sizeof(chunk));
		}
		if (!fits) {
			return err_set(e, CAUSE_DATA, "more than %zu bytes", to->max);
		}
	}
}

bool fs_write_all(int fd, const void *data, size_t size)
{
	const char *p = data;

	while (size > 0) {
		ssize_t n = write(fd, p, size);
		if (n < 0 && errno != EINTR) {
			return false;
		}
		if (n > 0) {
			p += n;
			size -= (size_t)n;
		}
	}
	return true;
}

#if !HAVE_PIPE2 || !HAVE_SOCK_CLOEXEC
static bool set_flags(int fd, int flags)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, flags) == 0;
}
#endif

bool fs_pipe(int ends[2], int flags)
{
#if HAVE_PIPE2
	return pipe2(ends, O_CLOEXEC | flags) == 0;
#else
	if (pipe(ends) != 0) {
		return false;
	}
	if (set_flags(ends[0], flags) && set_flags(ends[1], flags)) {
		return true;
	}
	fs_close(&ends[0]);
	fs_close(&ends[1]);
	return false;
#endif
}

int fs_socket(int family, int flags)
{
#if HAVE_SOCK_CLOEXEC
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC | (flags ? SOCK_NONBLOCK : 0), 0);
#else
	int fd = socket(family, SOCK_STREAM, 0);

	if (fd >= 0 && !set_flags(fd, flags)) {
		fs_close(&fd);
	}
	return fd;
#endif
}

/* For systems, and file systems, without O_TMPFILE. */
static int unnamed_by_unlink(const char *folder)
{
	char *path MEM_AUTO = mem_printf("%s/relay.XXXXXX", folder);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0 && unlink(path) != 0) {
		fs_close(&fd);
	}
	return fd;
}

static int open_unnamed(const char *folder)
{
#if HAVE_O_TMPFILE
	return open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
#else
	(void)folder;
	return -1;
#endif
}

int fs_unnamed(struct err *e)
{
	/* The last, in memory, is what a service has for whom all else is read-only. */
	const char *folders[] = { secure_getenv("TMPDIR"), "/var/tmp", "/tmp", "/dev/shm" };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (!folders[i] || folders[i][0] != '/') {
			continue;
		}
		int fd = open_unnamed(folders[i]);
		if (fd < 0) {
			fd = unnamed_by_unlink(folders[i]);
		}
		if (fd >= 0) {
			return fd;
		}
		/* What is full is not to fill another file system, too. */
		if (errno == ENOSPC || errno == EDQUOT) {
			break;
		}
	}
	err_errno(e, CAUSE_OS,
		  "cannot make a temporary file in $TMPDIR, /var/tmp, /tmp or /dev/shm");
	return -1;
}

static bool write_new(const char *path, struct span text, const struct fs_look *look)
{
	int fd FS_AUTO =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool is_given = look->uid != (uid_t)-1 || look->gid != (gid_t)-1;

	/* The umask may have taken more away than was asked for. */
	return fd >= 0 && (!is_given || fchown(fd, look->uid, look->gid) == 0) &&
	       fchmod(fd, look->mode) == 0 && fs_write_all(fd, text.data, text.size) &&
	       fsync(fd) == 0;
}

/* Its name in the folder is on disk too, as far as the file system lets us. */
static void sync_folder(const char *path)
{
	char *folder MEM_AUTO = mem_str(path);
	char *last = strrchr(folder, '/');

	if (last && last != folder) {
		*last = '\0';
	}
	int fd FS_AUTO = open(last ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fsync(fd) != 0) {
		return;
	}
}

bool fs_put_file(const char *path, struct span text, const struct fs_look *look,
		 bool may_replace, struct err *e)
{
	char *new MEM_AUTO = mem_printf("%s.%ld", path, (long)getpid());

	if (!write_new(new, text, look)) {
		bool is_other = errno == EEXIST;
		err_errno(e, CAUSE_OS, "cannot write %s", new);
		if (!is_other) {
			unlink(new);
		}
		return false;
	}
	if (may_replace ? rename(new, path) == 0 : link(new, path) == 0) {
		unlink(new);
		sync_folder(path);
		return true;
	}
	err_errno(e, CAUSE_OS, "cannot write %s", path);
	unlink(new);
	return false;
}

void fs_close(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;
		close(*fd);
		errno = saved;
	}
	*fd = -1;
}
