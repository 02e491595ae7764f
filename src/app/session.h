/* SPDX-License-Identifier: ISC */
/*
 * session: one connection to one server, from connecting to QUIT.  The only place
 * that knows the engine, the stream, TLS and (session_login.c) SASL together.  It decides
 * nothing about mail: outcomes come from the engine.
 */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "app/hops.h"
#include "app/message.h"
#include "smtp/client.h"
#include "sys/net.h"

/* What the log wants to know; filled as far as the session came. */
struct session_facts {
	const struct account *account;	/* whose server; NULL = none was tried */
	char host[NET_NAME_MAX];	/* "" = none, or a socket */
	unsigned port;
	char peer[NET_PEER_MAX];	/* "" = no connection */
	char tls_version[16];		/* "" = no TLS */
	char tls_cipher[64];
	char mechanism[32];		/* "" = no login */
	unsigned avoid;			/* enum smtp_avoid bits the engine asks for */
	bool login_refused;
	bool has_dsn;			/* the server offers DSN (RFC 3461) */
	unsigned long long size_max;	/* what it takes (RFC 1870); 0 = it does not say */
	bool is_ready;			/* the session came as far as a message's own commands */
	bool is_spare;			/* by deliver: a server before it could not be used */
};

struct adapted;

/* One message of a session. */
struct session_job {
	struct smtp_txn txn;
	struct message *message;
	struct adapted *adapted;	/* private: NULL before and after the session */
};

/* The messages of a session, one after another. */
struct session_source {
	void *context;
	/* The next one; NULL = there is none: QUIT rides along with the last. */
	struct session_job *(*next)(void *context);
	/* The job is over: its recipients have outcomes; but see session_run. */
	void (*settled)(void *context, struct session_job *job);
	/*
	 * After QUIT: wait a little until the server has hung up, so that whoever gets our slot
	 * then is not one session too many?  NULL = no.
	 */
	bool (*sees_off)(void *context);
};

struct session_options {
	const struct hop *hop;
	const char *ehlo_name;		/* NULL: our address as a literal */
	struct span secret;		/* password or token */
	unsigned avoid;			/* enum smtp_avoid */
	bool trace;			/* the dialogue on stderr, secrets masked */
	/* For all up to its greeting; 0 = what connecting, TLS and the greeting have each. */
	int64_t reach_ms;
};

/*
 * Delivers messages over one connection, until the source has no more.  True when the
 * dialogue came to its end.  False: *e says why not.  Every job that `next` gave is settled
 * once; a recipient without an answer of its own has an outcome with that cause, or is
 * UNTRIED when the connection did not come up.  `next` is first called before connecting.
 */
bool session_run(const struct session_options *o, const struct session_source *source,
		 struct session_facts *facts, struct err *e) RELAY_CHECKED;

#endif
