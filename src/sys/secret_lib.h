/* SPDX-License-Identifier: ISC */
/*
 * secret_lib: libsecret, loaded when the keyring is asked.  For secret_keyring.c only, and
 * only in a process of its own: GLib starts threads and never lets go of anything.
 */
#ifndef SYS_SECRET_LIB_H
#define SYS_SECRET_LIB_H

#include <stdbool.h>

enum secret_lib_op { SECRET_LIB_FIND, SECRET_LIB_STORE, SECRET_LIB_FORGET };

struct secret_lib_request {
	enum secret_lib_op op;
	const char *host, *user;
	const char *secret, *label;	/* SECRET_LIB_STORE */
	bool may_unlock;		/* the person may be asked, by the keyring itself */
	const char *bus;		/* address of the session bus */
};

/*
 * What happened, as the first word of the one line that secret_lib_run writes; a text for
 * people stands behind it, behind "done" the secret that was found, or how many entries
 * were forgotten.
 */
#define SECRET_LIB_DONE	   "done"
#define SECRET_LIB_NOTHING "nothing"	/* no such entry */
#define SECRET_LIB_LOCKED  "locked"
#define SECRET_LIB_ABSENT  "absent"	/* there is no keyring here */
#define SECRET_LIB_FAILED  "failed"

/* A spawn_function; context is a struct secret_lib_request. */
int secret_lib_run(void *context, int out);

#endif
