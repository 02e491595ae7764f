/* SPDX-License-Identifier: ISC */
/* secret_file: files that hold a password: are they safe, and what is in them? */
#ifndef SYS_SECRET_FILE_H
#define SYS_SECRET_FILE_H

#include "base/buf.h"

#include <sys/stat.h>

enum secret_file_rule {
	SECRET_FILE_OWN, /* mode & 077 is 0; or root's, and the service's group may read it */
	/*
	 * systemd's: it lets the service's user in with an ACL, which shows as a right of
	 * the group.  The group may read; nobody else, and nobody may write.
	 */
	SECRET_FILE_CREDENTIAL,
};

/* Opens a regular file without waiting for anything; -1 with errno, EINVAL: it is none.
 */
int secret_file_open(const char *path, struct stat *ret_status) RELAY_CHECKED;

/* strerror, but EINVAL is "it is not a file". */
const char *secret_file_error(int error);

/*
 * Only we and root can have written it, and only we and root can read it?  False:
 * CAUSE_CONFIG.
 */
bool secret_file_is_safe(const struct stat *s, const char *path,
			 enum secret_file_rule rule, struct err *e) RELAY_CHECKED;

/* The first line of a safe file, without its line end; errors begin with the path. */
bool secret_file_read(const char *path, enum secret_file_rule rule, struct buf *secret,
		      struct err *e) RELAY_CHECKED;

#endif
