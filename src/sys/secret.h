/* SPDX-License-Identifier: ISC */
/*
 * secret: finds the password of an account, asking providers in order:
 * the value itself · password_file · systemd's credential relay.ACCOUNT.password ·
 * passwordeval · the keyring · ~/.netrc, /etc/netrc · the terminal.
 * One that the account names, and a credential that is there, must answer; the others may
 * have nothing, or not be ours to use (a locked keyring, a netrc that others can read, a
 * terminal of another job).
 * Every provider has a deadline.  The answer never reaches a log, argv or an error text.
 */
#ifndef SYS_SECRET_H
#define SYS_SECRET_H

#include "base/buf.h"

/* Longest secret: OAuth2 tokens of some providers are several KiB. */
#define SECRET_MAX 16384

struct secret_query {
	const char *password;	/* NULL = not configured; same for the others */
	const char *password_file;
	const char *passwordeval;
	const char *account;	/* for the credential */
	const char *host, *user;	/* for keyring, netrc and the prompt */
	const char *home;	/* NULL = unknown */
	bool is_quiet;		/* what passwordeval says on stderr is not for our caller */
	bool may_prompt;	/* a terminal may be asked */
	bool may_unlock;	/* the keyring may ask for its own password, with a display */
};

/*
 * Puts the secret into *secret (made with buf_init_secret(…, SECRET_MAX)).  ret_provider
 * gets a static word ("passwordeval") for the log.  False: CAUSE_SECRET, or CAUSE_CONFIG
 * for a file with unsafe permissions; *e says who was asked, and why each had nothing.
 */
bool secret_find(const struct secret_query *q, struct buf *secret,
		 const char **ret_provider, struct err *e) RELAY_CHECKED;

#endif
