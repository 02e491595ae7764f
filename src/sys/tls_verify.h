/* SPDX-License-Identifier: ISC */
/*
 * tls_verify: decides about the server's certificate, inside the handshake.
 * For tls.c only: with tls_text it is the part of tls that knows GnuTLS.
 */
#ifndef SYS_TLS_VERIFY_H
#define SYS_TLS_VERIFY_H

#include "sys/pin.h"
#include "sys/tls.h"

#include <gnutls/gnutls.h>

/* The session's pointer (gnutls_session_set_ptr) must be this. */
struct tls_verify {
	const struct tls_options *o;
	gnutls_certificate_credentials_t credentials;
	/* Without brackets, scope and last dot; the caller frees them.  No domain: NULL. */
	char *host, *srv_domain;
	unsigned char ip[16];
	unsigned ip_size;	/* 0: host is a name */
	struct pin pin;		/* size 0: none */
	const char *bundle;	/* searched while verifying; NULL: GnuTLS has what it needs */
	struct err error;	/* why the certificate was refused */
};

void tls_verify_set_names(struct tls_verify *v, const struct tls_options *o);
/* Reads the trust settings and gives GnuTLS the callback that verifies. */
bool tls_verify_init(struct tls_verify *v, const struct tls_options *o,
		     gnutls_certificate_credentials_t credentials, struct err *e) RELAY_CHECKED;

#endif
