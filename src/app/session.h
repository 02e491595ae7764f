/* SPDX-License-Identifier: ISC */
/*
 * session: one connection to an account's server, from connecting to QUIT.  The only file
 * that knows the engine, the stream, TLS and SASL together.  It decides nothing about
 * mail: outcomes come from the engine.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "conf/conf.h"
#include "smtp/client.h"
#include "sys/net.h"

/* Where the bytes of a message come from. */
struct session_body {
	void *context;
	/* Bytes from offset on: at least one, at most max, valid until the next call. */
	bool (*read)(void *context, unsigned long long offset, size_t max, struct span *ret,
		     struct err *e);
};

/* What the log wants to know; filled as far as the session came. */
struct session_facts {
	char peer[NET_PEER_MAX];	/* "" = no connection */
	char tls_version[16];		/* "" = no TLS */
	char tls_cipher[64];
	char mechanism[32];		/* "" = no login */
	unsigned avoid;			/* enum smtp_avoid bits the engine asks for */
	bool login_refused;
	bool maybe_twice;		/* set by the caller: an attempt before ended unknown */
};

struct session_options {
	const struct account *account;
	const char *ehlo_name;		/* NULL: our address as a literal */
	struct span secret;		/* password or token */
	unsigned avoid;			/* enum smtp_avoid */
	bool trace;			/* the dialogue on stderr, secrets masked */
};

/*
 * Delivers one transaction (txn->is_last is set here) over a connection of its own.  True
 * when the dialogue came to its end: every recipient has an outcome.  False: *e says why
 * not; recipients that got no answer of their own have outcomes with that cause all the
 * same.
 */
bool session_run(const struct session_options *o, struct smtp_txn *txn,
		 const struct session_body *body, struct session_facts *facts, struct err *e)
	RELAY_CHECKED;

#endif
