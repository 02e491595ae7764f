/* SPDX-License-Identifier: ISC */
/* fs: files.  Every descriptor is close-on-exec; every call survives EINTR. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include "base/buf.h"

#include <sys/types.h>

/*
 * Appends what is left to read on fd to *to, until end of file.  False when reading
 * fails (CAUSE_INPUT) or when it is more than the buffer's maximum (CAUSE_DATA).
 */
bool fs_read_all(int fd, struct buf *to, struct err *e) RELAY_CHECKED;

/* Up to size bytes; 0 = end of file, -1 = errno is set. */
ssize_t fs_read(int fd, void *data, size_t size) RELAY_CHECKED;
ssize_t fs_pread(int fd, void *data, size_t size, off_t offset) RELAY_CHECKED;

/* All of it, or false with errno set. */
bool fs_write_all(int fd, const void *data, size_t size) RELAY_CHECKED;

/*
 * A file without a name, readable and writable by us alone, that is gone with its
 * descriptor: in the first of $TMPDIR, /var/tmp, /tmp and /dev/shm that takes files, unless
 * that is full.  Returns -1 with *e set (CAUSE_OS).
 */
int fs_unnamed(struct err *e) RELAY_CHECKED;

/* What a file that is put in its place must be; (uid_t)-1, (gid_t)-1: as it comes. */
struct fs_look {
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/*
 * Writes a whole file under another name in the same folder, has it on disk, and then gives
 * it its name: who reads the path sees all of it or none.  may_replace false: a file that is
 * there stays (os_errno EEXIST).  CAUSE_OS.
 */
bool fs_put_file(const char *path, struct span text, const struct fs_look *look,
		 bool may_replace, struct err *e) RELAY_CHECKED;
/* As pipe(2), both ends close-on-exec; flags: 0 or O_NONBLOCK. */
bool fs_pipe(int ends[2], int flags) RELAY_CHECKED;

/* As socket(2) for streams, close-on-exec; flags: 0 or O_NONBLOCK. */
int fs_socket(int family, int flags) RELAY_CHECKED;

/* Closes fd when it is not -1, and sets it to -1. */
void fs_close(int *fd);
#define FS_AUTO __attribute__((cleanup(fs_close)))

#endif
