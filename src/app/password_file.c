/* SPDX-License-Identifier: ISC */
/* password_file: see password_file.h. */
#include "app/password_file.h"
#include "app/scope.h"
#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

char *password_file_path(const char *account, struct identity *id, struct err *e)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME");
	const char *home = identity_home(id);
	bool has_xdg = xdg && xdg[0] == '/';

	if (strchr(account, '/')) {
		err_set(e, CAUSE_CONFIG,
			"account %s: no file can have this name: set "
			"password_file",
			account);
		return NULL;
	}
	if (id->is_system) {
		const char *end = strrchr(scope_file, '/');
		return mem_printf("%.*s/relay/%s.password", (int)(end - scope_file), scope_file,
				  account);
	}
	if (!has_xdg && !home) {
		err_set(e, CAUSE_OS, "there is no home directory for the password");
		return NULL;
	}
	return mem_printf("%s/%s/%s.password", has_xdg ? xdg : home,
			  has_xdg ? "relay" : ".config/relay", account);
}

/* Whatever the umask is: the user `relay` must get to the file. */
static bool make_folder(const char *folder, mode_t mode, struct err *e)
{
	bool is_made = mkdir(folder, mode) == 0;

	return (is_made ? chmod(folder, mode) == 0 : errno == EEXIST) ||
	       err_errno(e, CAUSE_OS, "cannot make the folder %s", folder);
}

/* The folder of the path, and the one above it. */
static bool make_folders(const char *path, mode_t mode, struct err *e)
{
	char *folder MEM_AUTO = mem_str(path);
	char *last = strrchr(folder, '/');

	*last = '\0';
	char *above = strrchr(folder, '/');
	for (int i = 0; i < 2; i++) {
		if (above && above != folder) {
			*above = i == 0 ? '\0' : '/';
		}
		if (!make_folder(folder, mode, e)) {
			return false;
		}
	}
	return true;
}

/* As the file that is there; without one 0600 and ours, or for the user `relay` to read. */
static struct fs_look look_of(const char *path, bool is_for_system)
{
	struct fs_look look = { (uid_t)-1, (gid_t)-1, 0600 };
	struct stat old;
	bool has_old = stat(path, &old) == 0 && S_ISREG(old.st_mode);

	if (is_for_system && (!has_old || old.st_uid == geteuid())) {
		return scope_look();
	}
	if (has_old) {
		look.mode = (old.st_mode & 077) == 040 ? 0640 : 0600;
		look.gid = old.st_gid != getegid() ? old.st_gid : look.gid;
		look.uid = old.st_uid != geteuid() ? old.st_uid : look.uid;
	}
	return look;
}

bool password_file_write(const char *path, bool with_folders, const struct identity *id,
			 struct span secret, struct err *e)
{
	/* The user `relay` himself writes for himself. */
	const bool is_for_system = id->is_system && geteuid() == 0;
	/* A link stays one: what it points to is replaced. */
	char *real MEM_AUTO = realpath(path, NULL);
	const char *target = real ? real : path;
	struct buf text BUF_AUTO;

	buf_init_secret(&text, secret.size + 1);
	if (with_folders && !make_folders(path, is_for_system ? 0755 : 0700, e)) {
		return false;
	}
	const struct fs_look look = look_of(target, is_for_system);
	BUG_ON(!buf_add_span(&text, secret) || !buf_add_byte(&text, '\n'));
	return fs_put_file(target, buf_span(&text), &look, true, e);
}
