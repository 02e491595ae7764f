/* SPDX-License-Identifier: ISC */
/*
 * session_login: the login of a session (RFC 4954): SASL on one side, the engine on the
 * other.  For session.c alone.  Which mechanisms are allowed is the account's and
 * sys/sasl_choose.h's business.
 */
#ifndef APP_SESSION_LOGIN_H
#define APP_SESSION_LOGIN_H

#include "app/hops.h"
#include "base/buf.h"
#include "smtp/client.h"

struct sasl;
struct tls;

struct login {
	const struct hop *hop;
	struct span secret;		/* password or token */
	const char *host;		/* in ASCII */
	char mechanism[32];		/* "" = none was begun */
	struct sasl *sasl;		/* private */
	struct buf binding;		/* private: channel binding */
};

/* All that is given lives as long as *l. */
void login_init(struct login *l, const struct hop *hop, struct span secret,
		const char *host);
void login_clear(struct login *l);

/* What the engine asks for.  At SMTP_AUTH; tls: NULL = none. */
bool login_begin(struct login *l, struct smtp_client *c, const struct smtp_action *action,
		 struct tls *tls, struct err *e) RELAY_CHECKED;
/* At SMTP_STEP. */
void login_step(struct login *l, struct smtp_client *c, struct span challenge);
/* At SMTP_VERIFY: has the server proved what it must? */
bool login_finish(struct login *l, struct err *e) RELAY_CHECKED;

/* Adds to *e what a refusal of a token said on the way, in a challenge. */
void login_add_reason(const struct login *l, struct err *e);

#endif
