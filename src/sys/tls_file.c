/* SPDX-License-Identifier: ISC */
/* tls_file: see tls_file.h.  Must never wait, nor hand out anything without an end. */
#include "sys/tls_file.h"
#include "base/fs.h"

#include <fcntl.h>
#include <sys/stat.h>

int tls_file_open(const char *setting, const char *path, struct err *e)
{
	struct stat status;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0 || fstat(fd, &status) != 0) {
		err_errno(e, CAUSE_CONFIG, "%s %s", setting, path);
		fs_close(&fd);
	} else if (!S_ISREG(status.st_mode)) {
		err_set(e, CAUSE_CONFIG, "%s %s: not a regular file", setting, path);
		fs_close(&fd);
	} else if (status.st_size > (off_t)TLS_FILE_MIB << 20) {
		err_set(e, CAUSE_CONFIG, "%s %s: larger than %d MiB", setting, path,
			TLS_FILE_MIB);
		fs_close(&fd);
	}
	return fd;
}

bool tls_file_check(const char *setting, const char *path, struct err *e)
{
	int fd FS_AUTO = tls_file_open(setting, path, e);

	return fd >= 0;
}
