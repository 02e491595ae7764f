/* SPDX-License-Identifier: ISC */
/*
 * sasl: the client side of authentication (RFC 4422, RFC 4954).  PLAIN, LOGIN, EXTERNAL,
 * XOAUTH2 and OAUTHBEARER are a few lines, done in sasl.c.  The other mechanisms, and
 * SASLprep of a name or password that is not ASCII, are libgsasl's; sasl_lib.c is the only
 * file that knows it, and loads it only when it is needed.
 */
#ifndef SYS_SASL_H
#define SYS_SASL_H

#include "base/buf.h"

/* What sasl_new needs of these is copied. */
struct sasl_options {
	const char *user;	/* NULL = none */
	struct span secret;	/* password or token; empty when the mechanism needs none */
	const char *host;	/* for OAUTHBEARER, GSSAPI, DIGEST-MD5 */
	unsigned port;
	const char *ntlm_domain;	/* NULL = none */
	/* Allowed mechanisms, as in `auth`: NULL, "" or "on" = every safe one; else words. */
	const char *allowed;
	bool is_tls;
	bool allow_cleartext;	/* PLAIN and LOGIN also without TLS */
	/* Channel binding of the TLS session; type NULL = none. */
	const char *binding_type;
	struct span binding;
};

struct sasl;

/*
 * Which mechanism: the first of the table in sasl_choose.c that the server offers (blank-separated,
 * upper case) and the account allows.  NULL: CAUSE_AUTH, *e names what was offered and what
 * is allowed.
 */
const char *sasl_choose(const char *offered, const struct sasl_options *o, struct err *e)
	RELAY_CHECKED;

/* Does `auth` name mechanisms that use no password (EXTERNAL, GSSAPI), and no other? */
bool sasl_needs_no_secret(const char *allowed);

/*
 * Starts the mechanism.  NULL with *e set: CAUSE_CONFIG (libgsasl is missing or cannot do
 * it; a name or password that is empty or cannot be prepared).
 */
struct sasl *sasl_new(const char *mechanism, const struct sasl_options *o, struct err *e)
	RELAY_CHECKED;
void sasl_free(struct sasl *s);

/*
 * Ends with the server's answer to the initial response, whatever it is, and adds no layer
 * (RFC 4954 §4)?  PLAIN and EXTERNAL; not OAuth, where a refusal is a 334.
 */
bool sasl_is_single(const struct sasl *s);
/*
 * Raw initial response into *out.  *ret_has = false when the mechanism waits for a
 * challenge first (LOGIN, CRAM-MD5).
 */
bool sasl_initial(struct sasl *s, struct buf *out, bool *ret_has, struct err *e) RELAY_CHECKED;
/*
 * Raw response to a raw challenge.  Without sasl_initial the first challenge is empty and
 * its answer is the initial response.  A wrong server signature is CAUSE_AUTH here.  A
 * refusal that comes as a challenge (OAuth, SCRAM's e=) is answered, so that the server's
 * reply can follow.
 */
bool sasl_step(struct sasl *s, struct span challenge, struct buf *out, struct err *e)
	RELAY_CHECKED;
/*
 * The server has proved itself, and what sasl_step just gave ends the dialogue but for the
 * server's word (SCRAM after a good signature).
 */
bool sasl_is_proved(const struct sasl *s);
/* After 235: complete, and the server proved itself where the mechanism has that? */
bool sasl_finish(struct sasl *s, struct err *e) RELAY_CHECKED;
/* What such a refusal said (OAuth: JSON), sanitised; "" when there was none. */
const char *sasl_server_error(const struct sasl *s);

#endif
