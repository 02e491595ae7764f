/* SPDX-License-Identifier: ISC */
/* secret_file: see secret_file.h.  Must never show what it has read. */
#include "sys/secret_file.h"

#include "base/fs.h"
#include "base/mem.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

int secret_file_open(const char *path, struct stat *ret_status)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd >= 0 && fstat(fd, ret_status) != 0) {
		fs_close(&fd);
	} else if (fd >= 0 && !S_ISREG(ret_status->st_mode)) {
		fs_close(&fd);
		errno = EINVAL;
	}
	return fd;
}

const char *secret_file_error(int error)
{
	return error == EINVAL ? "it is not a file" : strerror(error);
}

/* What lets the service read a file of root's, and nobody else; printf with its path twice. */
#define REMEDY "chown root:" RELAY_USER " %s && chmod 640 %s"

/* The group's name is looked up only when it matters: that may be slow. */
static bool is_service_group(gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group && strcmp(group->gr_name, RELAY_USER) == 0;
}

static bool is_service(void)
{
	return geteuid() != 0 && is_service_group(getegid());
}

/* root's, and the service that sends for everybody may read it. */
static bool is_for_service(const struct stat *s)
{
	return s->st_uid == 0 && (s->st_mode & 077) == 040 && is_service_group(s->st_gid);
}

bool secret_file_is_safe(const struct stat *s, const char *path,
			 enum secret_file_rule rule, struct err *e)
{
	mode_t closed = rule == SECRET_FILE_CREDENTIAL ? 037 : 077;

	if (s->st_uid != geteuid() && s->st_uid != 0) {
		return err_set(e, CAUSE_CONFIG,
			       "%s: it belongs to somebody else (user %lu)", path,
			       (unsigned long)s->st_uid);
	}
	if ((s->st_mode & closed) && !is_for_service(s)) {
		/* With 600 it could not read root's file any more. */
		return err_set(e, CAUSE_CONFIG,
			       s->st_uid == 0 && is_service()
				       ? "%s: others can use it (mode %04o): " REMEDY
				       : "%s: others can use it (mode %04o): chmod 600 %s",
			       path, (unsigned)(s->st_mode & 07777), path, path);
	}
	return true;
}

/* Never more than the buffer's maximum and one chunk is read. */
static bool read_first_line(int fd, const char *path, struct buf *secret, struct err *e)
{
	char chunk[512];
	const char *end = NULL;
	bool fits = true;
	ssize_t n = 1;

	while (!end && fits && n > 0) {
		n = fs_read(fd, chunk, sizeof(chunk));
		size_t size = n > 0 ? (size_t)n : 0;
		end = memchr(chunk, '\n', size);
		fits = buf_add(secret, chunk, end ? (size_t)(end - chunk) : size);
	}
	mem_wipe(chunk, sizeof(chunk));
	if (n < 0) {
		return err_errno(e, CAUSE_SECRET, "cannot read %s", path);
	}
	if (!fits) {
		return err_set(e, CAUSE_SECRET, "%s: the line is longer than %zu bytes",
			       path, secret->max);
	}
	if (end && secret->size > 0 && secret->data[secret->size - 1] == '\r') {
		secret->data[--secret->size] = '\0';
	}
	return true;
}

bool secret_file_read(const char *path, enum secret_file_rule rule, struct buf *secret,
		      struct err *e)
{
	struct stat status;
	int fd FS_AUTO = secret_file_open(path, &status);

	if (fd < 0) {
		int error = errno;
		err_set(e, CAUSE_SECRET,
			error == EACCES && is_service()
				? "%s: %s for the user " RELAY_USER ": " REMEDY
				: "%s: %s",
			path, secret_file_error(error), path, path);
		e->os_errno = error;
		return false;
	}
	return secret_file_is_safe(&status, path, rule, e) &&
	       read_first_line(fd, path, secret, e);
}
