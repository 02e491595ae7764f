/* SPDX-License-Identifier: ISC */
/*
 * file: see file.h.  The only part of conf that touches the system.  Symbolic links are
 * followed (people keep their dotfiles elsewhere); what is checked is the open file.
 */
#include "conf/file.h"
#include "base/fs.h"
#include "base/mem.h"
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

static bool is_ours(const struct stat *status, uid_t uid)
{
	return status->st_uid == 0 || status->st_uid == uid;
}

const char *file_refusal(const struct stat *status, enum conf_scope scope, uid_t uid)
{
	if (!S_ISREG(status->st_mode)) {
		return "not a regular file";
	}
	if (status->st_mode & 022) {
		return "others can write to the file; run: chmod go-w";
	}
	if (scope == CONF_SYSTEM && !is_ours(status, uid)) {
		return "the file does not belong to root; run: chown root";
	}
	/* Its `eval` would run as us. */
	if (scope == CONF_USER && !is_ours(status, uid)) {
		return "the file belongs to another user; to use it, name it with -C";
	}
	return NULL;
}

/* The group whose members may read a system file with passwords. */
static bool is_secret_group(gid_t gid)
{
	const struct group *group = getgrgid(gid);

	return group && strcmp(group->gr_name, RELAY_USER) == 0;
}

char *file_secret_refusal(const struct stat *status, enum conf_scope scope, uid_t uid,
			  const char *path)
{
	mode_t open_to = status->st_mode & 077;

	if (!is_ours(status, uid)) {
		return mem_str("the file with this password belongs to another user");
	}
	/* The group's name is looked up only when it matters: that may be slow. */
	if (open_to == 0 ||
	    (scope == CONF_SYSTEM && open_to == 040 && is_secret_group(status->st_gid))) {
		return NULL;
	}
	/* With 600 the service could not read it, nor anybody send. */
	if (scope == CONF_SYSTEM && getgrnam(RELAY_USER)) {
		return mem_printf("the file can be read by others; run: chown root:" RELAY_USER
				  " %s && chmod 640 %s",
				  path, path);
	}
	return mem_printf("the file can be read by others; run: chmod 600 %s", path);
}

bool file_read(const char *path, enum conf_scope scope, struct buf *text,
	       char **ret_secret_refusal, bool *ret_found, struct err *e)
{
	struct stat status;
	/* O_NONBLOCK: a FIFO must not hold us up before it is refused. */
	int fd FS_AUTO = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	*ret_found = false;
	*ret_secret_refusal = NULL;
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		return true;
	}
	if (fd < 0 || fstat(fd, &status) != 0) {
		return err_errno(e, CAUSE_CONFIG, "%s: cannot open", path);
	}
	*ret_found = true;
	const char *refusal = file_refusal(&status, scope, geteuid());
	if (refusal) {
		bool has_command = strstr(refusal, "; run: ") != NULL;
		return err_set(e, CAUSE_CONFIG, has_command ? "%s: %s %s" : "%s: %s",
			       path, refusal, path);
	}
	if (!fs_read_all(fd, text, e)) {
		e->cause = CAUSE_CONFIG;
		return err_ctx(e, "%s", path);
	}
	*ret_secret_refusal = file_secret_refusal(&status, scope, geteuid(), path);
	return true;
}
