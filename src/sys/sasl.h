/* SPDX-License-Identifier: ISC */
/*
 * sasl: the client side of authentication.  sasl.c is the only file that knows libgsasl,
 * and loads it with dlopen only when a mechanism needs it: PLAIN, LOGIN, EXTERNAL,
 * XOAUTH2 and OAUTHBEARER are a few lines, done here (SASLprep of a password that is not
 * ASCII is libgsasl's).
 */
#ifndef SYS_SASL_H
#define SYS_SASL_H

#include "base/buf.h"

struct sasl_options {
	const char *user;
	struct span secret;	/* password or token; empty when the mechanism needs none */
	const char *host;	/* for OAUTHBEARER, GSSAPI, DIGEST-MD5 */
	unsigned port;
	const char *ntlm_domain;	/* NULL = none */
	/* Allowed mechanisms, as in `auth`: "" or NULL = every safe one; else "scram-sha-256 plain". */
	const char *allowed;
	bool is_tls;
	bool allow_cleartext;	/* PLAIN and LOGIN also without TLS */
	/* Channel binding of the TLS session; type NULL = none. */
	const char *binding_type;
	struct span binding;
};

struct sasl;

/*
 * Which mechanism: the strongest that the server offers (blank-separated, upper case) and
 * the account allows.  Order: SCRAM-SHA-256-PLUS, SCRAM-SHA-1-PLUS, SCRAM-SHA-256,
 * SCRAM-SHA-1, then PLAIN, LOGIN under TLS, CRAM-MD5 before them without TLS …  (the table
 * in sasl.c).  GSSAPI, EXTERNAL, OAUTHBEARER, XOAUTH2, DIGEST-MD5 and NTLM only when the
 * account names them.  NULL: CAUSE_AUTH, *e names what was offered and what is allowed.
 */
const char *sasl_choose(const char *offered, const struct sasl_options *o, struct err *e)
	RELAY_CHECKED;

/* True when `auth` names only mechanisms that use no password (EXTERNAL, GSSAPI). */
bool sasl_needs_no_secret(const char *allowed);
/* Known mechanism name as `auth` spells it (scram-sha-256, plain …)? */
bool sasl_is_known(struct span name);

/* Starts the mechanism.  NULL with *e set: CAUSE_AUTH or CAUSE_CONFIG (not in libgsasl). */
struct sasl *sasl_new(const char *mechanism, const struct sasl_options *o, struct err *e)
	RELAY_CHECKED;
void sasl_free(struct sasl *s);

/* Ends with the server's answer to the initial response, no layer (RFC 4954 §4)? */
bool sasl_is_single(const struct sasl *s);
/*
 * Raw initial response into *out.  *ret_has = false when the mechanism waits for a
 * challenge first (LOGIN, CRAM-MD5).
 */
bool sasl_initial(struct sasl *s, struct buf *out, bool *ret_has, struct err *e) RELAY_CHECKED;
/* Raw response to a raw challenge.  A wrong server signature is CAUSE_AUTH here. */
bool sasl_step(struct sasl *s, struct span challenge, struct buf *out, struct err *e)
	RELAY_CHECKED;
/* After 235: complete, and the server proved itself where the mechanism has that? */
bool sasl_finish(struct sasl *s, struct err *e) RELAY_CHECKED;
/* What the server said in an OAuth 334 error (JSON), sanitised; "" when nothing. */
const char *sasl_server_error(const struct sasl *s);

#endif
