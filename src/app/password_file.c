/* SPDX-License-Identifier: ISC */
/* password_file: see password_file.h. */
#include "app/password_file.h"
#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

char *password_file_path(const char *account, struct identity *id, struct err *e)
{
	const char *xdg = getenv("XDG_CONFIG_HOME");
	const char *home = identity_home(id);
	bool has_xdg = xdg && xdg[0] == '/';

	if (strchr(account, '/')) {
		err_set(e, CAUSE_CONFIG,
			"account %s: no file can have this name: set "
			"password_file",
			account);
		return NULL;
	}
	if (!has_xdg && !home) {
		err_set(e, CAUSE_OS, "there is no home directory for the password");
		return NULL;
	}
	return mem_printf("%s/%s/%s.password", has_xdg ? xdg : home,
			  has_xdg ? "relay" : ".config/relay", account);
}

/* The folder of the path, and the one above it. */
static bool make_folders(const char *path, struct err *e)
{
	char *folder MEM_AUTO = mem_str(path);
	char *last = strrchr(folder, '/');

	*last = '\0';
	char *above = strrchr(folder, '/');
	for (int i = 0; i < 2; i++) {
		if (above && above != folder) {
			*above = i == 0 ? '\0' : '/';
		}
		if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
			return err_errno(e, CAUSE_OS, "cannot make the folder %s",
					 folder);
		}
	}
	return true;
}

static bool write_new(const char *path, struct span secret, struct err *e)
{
	int fd FS_AUTO =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		return err_errno(e, CAUSE_OS, "cannot make %s", path);
	}
	/* The umask may have taken more away than was asked for. */
	if (fchmod(fd, 0600) != 0 || !fs_write_all(fd, secret.data, secret.size) ||
	    !fs_write_all(fd, "\n", 1) || fsync(fd) != 0) {
		err_errno(e, CAUSE_OS, "cannot write %s", path);
		unlink(path);
		return false;
	}
	return true;
}

bool password_file_write(const char *path, bool with_folders, struct span secret,
			 struct err *e)
{
	/* A link stays one: what it points to is replaced. */
	char *real MEM_AUTO = realpath(path, NULL);
	const char *target = real ? real : path;
	char *new MEM_AUTO = mem_printf("%s.%ld", target, (long)getpid());

	if (with_folders && !make_folders(path, e)) {
		return false;
	}
	if (!write_new(new, secret, e)) {
		return false;
	}
	if (rename(new, target) != 0) {
		err_errno(e, CAUSE_OS, "cannot write %s", target);
		unlink(new);
		return false;
	}
	return true;
}
