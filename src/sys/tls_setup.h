/* SPDX-License-Identifier: ISC */
/* tls_setup: the account's settings given to GnuTLS, before the handshake.  For tls only. */
#ifndef SYS_TLS_SETUP_H
#define SYS_TLS_SETUP_H

#include "sys/tls.h"

#include <gnutls/gnutls.h>

/* Versions and ciphers. */
bool tls_setup_priorities(gnutls_session_t session, const struct tls_options *o,
			  struct err *e) RELAY_CHECKED;
/* CRL and client certificate. */
bool tls_setup_files(gnutls_certificate_credentials_t credentials,
		     const struct tls_options *o, struct err *e) RELAY_CHECKED;

#endif
