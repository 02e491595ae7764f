/* SPDX-License-Identifier: ISC */
/*
 * scope: whose settings and whose queue a call works with.
 *
 *	USER	the caller's own files, environment, options and queue; /etc/relayrc where he
 *		may read it
 *	SYSTEM	those of the machine: /etc/relayrc and /var/spool/relay alone, as the user
 *		`relay`.  What the caller sets (environment, options) means nothing but for
 *		the envelope and the message
 *
 * This file alone decides which it is, and takes on the rights that go with it.
 */
#ifndef APP_SCOPE_H
#define APP_SCOPE_H

#include "app/identity.h"
#include "app/options.h"
#include "base/fs.h"

/* Set when relay is built, and by nothing else: "/etc/relayrc", "/run/relay/submit",
 * "/var/spool/relay", "relay". */
extern const char scope_file[], scope_socket[], scope_spool[], scope_user[];

/*
 * Before anything of the caller is read but argv.  The scope is SYSTEM, unless the options
 * name a file (-C) or a host,
 *
 *	- for the user `relay`;
 *	- for root (the effective uid) without a configuration of his own, when /etc/relayrc is
 *	  there.  Then the process becomes the user `relay` for good, if there is one; root's
 *	  own otherwise, as in a container, but not when the queue is there and another's.
 *
 * Root can be shut in (a service with few rights, or with the queue read-only): while there is
 * the service of the machine, id->is_shut_in is set then, and he is a user without an account.
 *
 * In the system scope id->caller is the uid of who called, the environment is made anew, and
 * settings of the command line that are not about the envelope are taken out of *o.
 * False: the user cannot be become (CAUSE_OS).
 */
bool scope_enter(struct identity *id, struct options *o, struct err *e) RELAY_CHECKED;

/* The same, but nobody is become: for root, when he writes what the user `relay` only reads. */
void scope_note(struct identity *id, struct options *o);
/* What such a file is: root's, and the group relay may read it; or root's alone without it. */
struct fs_look scope_look(void);

/* … which is also what happens where mail is handed over to it. */
void scope_drop_settings(struct options *o);

/* The call that a session makes for its client is in the scope of the session. */
void scope_inherit(struct identity *to, const struct identity *from);

/* Another caller than before: the client of a session.  -1 = not known. */
void scope_set_caller(struct identity *id, int64_t uid);

/* Root, and the user of the system scope himself, may do what users may not. */
bool scope_is_trusted(int64_t uid);

#endif
