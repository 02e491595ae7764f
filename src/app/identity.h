/* SPDX-License-Identifier: ISC */
/*
 * identity: who calls, on which machine.  Works with an empty environment and for a uid
 * without a passwd entry.  Everything is looked up when it is first needed, once.
 */
#ifndef APP_IDENTITY_H
#define APP_IDENTITY_H

#include "base/buf.h"

#include <stdint.h>

struct identity {
	char *home, *login, *host, *canonical, *mailname;	/* private: use the functions */
	bool looked_up_passwd;
	/*
	 * The scope (scope.h).  SYSTEM: what the environment says means nothing, and `caller` is
	 * the uid that the call is made for; -1 = it is not known.
	 */
	bool is_system;
	int64_t caller;
	/*
	 * settings.h: the machine's file is closed to the caller; and then: he has no account for
	 * the message, which can be handed over (handover.h).
	 */
	bool is_closed, may_hand_over;
	/* scope.h: root who cannot do what root does with the machine's mail. */
	bool is_shut_in;
};

void identity_clear(struct identity *id);

/*
 * $HOME when it is an absolute path, and a set-id program has not had it from its caller; else
 * the passwd entry; NULL when there is neither.
 */
const char *identity_home(struct identity *id);
/*
 * Login name from the passwd entry; else "uid1000".  In the system scope it is the caller's,
 * when that is known.
 */
const char *identity_login(struct identity *id);
/* The host's name, as it calls itself. */
const char *identity_host(struct identity *id);
/* Its canonical (full) name when it has one, else the same as identity_host. */
const char *identity_canonical(struct identity *id);
/* First line of /etc/mailname, else identity_canonical. */
const char *identity_mailname(struct identity *id);

/*
 * What msmtp's %U (user: $USER, $LOGNAME or the login name), %H (host: $HOSTNAME or the
 * host's name), %C (canonical host) and %M (mail name) stand for, appended to *to;
 * `identity` is a struct identity.  For struct conf_env.
 */
bool identity_name(void *identity, char letter, struct buf *to, struct err *e) RELAY_CHECKED;

#endif
