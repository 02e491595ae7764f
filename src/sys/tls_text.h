/* SPDX-License-Identifier: ISC */
/* tls_text: what went wrong in TLS, and with which certificate, in words.  For tls only. */
#ifndef SYS_TLS_TEXT_H
#define SYS_TLS_TEXT_H

#include "base/buf.h"
#include "sys/pin.h"

#include <gnutls/gnutls.h>

struct tls_text_peer {
	const gnutls_datum_t *chain;	/* as the server shows it */
	unsigned count;
	const char *names;	/* that it could have been issued for, in words */
	const char *srv_host;	/* the server that DNS has named; NULL: not DNS */
	const char *trust;	/* where CA certificates were looked for */
};

/* All return false, with *e set; the cause is CAUSE_TLS, or CAUSE_LOST for an end. */
bool tls_text_refused(const struct tls_text_peer *peer, unsigned status, struct err *e);
bool tls_text_handshake(gnutls_session_t session, int code, struct err *e);
bool tls_text_traffic(gnutls_session_t session, int code, struct err *e);

/* SHA-256 of a certificate; "?" when there is no such hash. */
void tls_text_fingerprint(const gnutls_datum_t *certificate, char text[PIN_TEXT_MAX]);

#endif
