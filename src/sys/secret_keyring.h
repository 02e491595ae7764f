/* SPDX-License-Identifier: ISC */
/*
 * secret_keyring: passwords in the desktop's keyring (GNOME Keyring, KWallet, KeePassXC
 * …), over the Secret Service on the session's D-Bus.  All of it happens in a child with
 * a deadline: neither GLib nor a keyring that hangs can hold up or harm this process.
 */
#ifndef SYS_SECRET_KEYRING_H
#define SYS_SECRET_KEYRING_H

#include "base/buf.h"

enum keyring {
	KEYRING_DONE,
	KEYRING_NOTHING, /* it has no such entry */
	KEYRING_LOCKED,
	KEYRING_ABSENT, /* there is none here: no session, no program, no library */
	KEYRING_FAILED,
};

/*
 * may_unlock: where there is a display, the keyring may ask the person for its own
 * password.  All but KEYRING_DONE: *e (CAUSE_SECRET) says why.
 */
enum keyring keyring_find(const char *host, const char *user, bool may_unlock,
			  struct buf *secret, struct err *e) RELAY_CHECKED;

/* In the place of the entry that is there.  label: its name in the keyring's window. */
enum keyring keyring_store(const char *host, const char *user, const char *secret,
			   const char *label, struct err *e) RELAY_CHECKED;

enum keyring keyring_forget(const char *host, const char *user,
			    struct err *e) RELAY_CHECKED;

#endif
