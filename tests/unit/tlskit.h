/* SPDX-License-Identifier: ISC */
/*
 * tlskit: certificates made in memory and a TLS server in a thread, which shows exactly the
 * chain it is given, in that order.
 */
#ifndef TESTS_TLSKIT_H
#define TESTS_TLSKIT_H

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

struct kit_cert {
	gnutls_x509_crt_t crt;
	gnutls_x509_privkey_t key;	/* NULL: made with another's key, see kit_spec.key */
	gnutls_datum_t der;
};

struct kit_spec {
	const char *name;		/* CN */
	const struct kit_cert *issuer;	/* NULL: signs itself */
	const struct kit_cert *key;	/* has this one's key; NULL: a new one */
	/* "mail.test 127.0.0.1 ::1 _submission.test", NULL: none; '?' before the last: as a name
	 * that is no SRV-ID. */
	const char *san;
	int from_days, to_days;		/* from now; both 0: valid */
	bool is_ca;
	bool is_v1;			/* no extensions at all */
	bool has_no_key_ids;
	bool is_sha1;
	unsigned rsa_bits;		/* 0: P-256 */
	int path_length;		/* of a CA, + 1; 0: no limit */
	const char *only, *never;	/* name constraints of a CA: DNS names */
	const char *purpose;		/* OID; NULL: none named */
};

void kit_make(struct kit_cert *cert, struct kit_spec spec);
void kit_free(struct kit_cert *cert);
void kit_write_pem(FILE *to, const struct kit_cert *cert);
/* PEM of a CRL of `issuer` that has one serial, or none (revoked = NULL). */
void kit_write_crl(FILE *to, const struct kit_cert *issuer, const struct kit_cert *revoked);
void kit_write_key(FILE *to, const struct kit_cert *cert);

enum kit_manner {
	KIT_POLITE,	/* greets, echoes, ends TLS properly */
	KIT_CUT,	/* greets and closes without close_notify */
	KIT_END,	/* greets and ends TLS properly */
	KIT_MUTE,	/* shakes hands and says no more */
	KIT_RENEGOTIATE	/* greets and asks for a new handshake (TLS 1.2) */
};

struct kit_server {
	const struct kit_cert *const *chain;
	unsigned count;
	gnutls_x509_privkey_t key;
	enum kit_manner manner;
	const char *priorities;		/* NULL: the default */
	const struct kit_cert *asks_for;	/* CA of client certificates; NULL: not asked */
	int fd;				/* the server's end; closed by the thread */
	pthread_t thread;
	/* after kit_stop */
	int result;			/* of the handshake */
	size_t echoed;			/* bytes */
	char client[64];		/* CN of the client's certificate */
	char sni[64];
	unsigned char exporter[32];	/* RFC 9266, for TLS 1.3 */
};

/* Starts the thread; gives the client's end, non-blocking. */
int kit_start(struct kit_server *server);
/* After the client's end is closed. */
void kit_stop(struct kit_server *server);

#endif
