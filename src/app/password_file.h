/* SPDX-License-Identifier: ISC */
/* password_file: where relay itself keeps a password when there is no keyring. */
#ifndef APP_PASSWORD_FILE_H
#define APP_PASSWORD_FILE_H

#include "app/identity.h"

/*
 * $XDG_CONFIG_HOME/relay/ACCOUNT.password, else ~/.config/relay/ACCOUNT.password; in the
 * system scope (scope.h) relay/ACCOUNT.password beside /etc/relayrc.  NULL with *e set: there
 * is no home, or the name cannot be a file's.  The caller frees it.
 */
char *password_file_path(const char *account, struct identity *id, struct err *e)
	RELAY_CHECKED;

/*
 * Writes the password and a line end: a new file with mode 600, or in the system scope as
 * scope_look() says, on disk before it takes the place of an old one.  When that is another
 * user's, or a group may read it, it stays so: root changes the password of somebody else, or
 * of a service.  with_folders: makes the file's folder, and the one above it.
 */
bool password_file_write(const char *path, bool with_folders, const struct identity *id,
			 struct span secret, struct err *e) RELAY_CHECKED;

#endif
