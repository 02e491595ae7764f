/* SPDX-License-Identifier: ISC */
/*
 * tls: TLS over a connected socket.  tls*.c are the only files that know GnuTLS, which is
 * loaded by the first tls_new.
 *
 * TLS 1.2 or newer.  The server's certificate and name are verified inside the handshake,
 * before any byte of ours is encrypted for it, unless check_certificate is off.
 *
 * Trust on demand: of the bundle only the certificates that the server's chain names are
 * given to GnuTLS, which alone verifies.  Its verdict is the same as with all of them:
 * it takes an anchor only by DER-equal name (as issuer or as subject of a presented
 * certificate) and looks no further up than that anchor.
 */
#ifndef SYS_TLS_H
#define SYS_TLS_H

#include "sys/flight.h"

struct tls_options {
	const char *host;	/* name for SNI and verification: DNS name or IP address */
	/*
	 * NULL, or the domain whose SRV record has named the host; then is_starttls says which
	 * service it was (_submission or _submissions).  DNS without DNSSEC must not choose whom
	 * we trust, so the certificate must be for this domain, as name (DNS-ID) or as service
	 * (SRV-ID, RFC 4985); for the host, only when that is the domain or below it (RFC 6186
	 * §6, RFC 7817 §3).  SNI is the host all the same: it is what we connect to (RFC 6066
	 * §3), and what a provider that serves many domains has a certificate for.
	 * With tls_host_override: host is that name, and this is NULL.
	 */
	const char *srv_domain;
	bool check_certificate;
	const char *trust_file;	/* NULL = the system's; "" = none (needs a fingerprint) */
	const char *crl_file;	/* NULL = none */
	/* Pin, hex with optional colons; 32, 20 or 16 bytes.  Replaces trust and name check. */
	const char *fingerprint;
	/* Client certificate: PEM files or PKCS#11 URIs; NULL = none.  The key's default is
	 * cert_file.  Nobody is asked for a PIN: it stands in the URI (pin-source). */
	const char *cert_file, *key_file;
	const char *priorities;	/* GnuTLS priority string; NULL = the system's, TLS 1.2 on */
	bool is_starttls;	/* plain text came before: for the error texts, and srv_domain */
};

struct tls;

/*
 * Prepares a session on a connection, which stays the caller's, as do the strings of the
 * options: they must live as long as the session.  NULL: CAUSE_TLS (also when there is no
 * GnuTLS on this machine) or CAUSE_CONFIG (files, priorities, fingerprint).
 */
struct tls *tls_new(struct flight *flight, const struct tls_options *options, struct err *e) RELAY_CHECKED;
void tls_free(struct tls *t);

/*
 * Handshake with verification.  Our last flight stays buffered until tls_read or
 * tls_flush, so that the first command travels with it.  Errors say what is wrong with
 * the certificate and what to do.
 */
bool tls_handshake(struct tls *t, int64_t deadline, struct err *e) RELAY_CHECKED;

/*
 * tls_write puts data into records and sends full ones; what is left goes out with
 * tls_flush or before the next tls_read waits.  tls_read: > 0 bytes; 0 = the server ended
 * TLS properly (close_notify); -1 = *e is set: CAUSE_LOST also for an end without
 * close_notify and for a timeout (os_errno is ETIMEDOUT then).
 */
bool tls_write(struct tls *t, const void *data, size_t size, int64_t deadline, struct err *e)
	RELAY_CHECKED;
bool tls_flush(struct tls *t, int64_t deadline, struct err *e) RELAY_CHECKED;
ssize_t tls_read(struct tls *t, void *data, size_t size, int64_t deadline, struct err *e)
	RELAY_CHECKED;
/*
 * What tls_read would give without sending or waiting; FLIGHT_NOTHING: no whole record is
 * there.  Works on when nothing can be sent any more.
 */
ssize_t tls_take(struct tls *t, void *data, size_t size, struct err *e) RELAY_CHECKED;

/* Says goodbye, after what was written, without waiting for anything. */
void tls_bye(struct tls *t);

/* "TLSv1.3", "TLS_AES_256_GCM_SHA384"; "" before the handshake. */
const char *tls_version(const struct tls *t);
const char *tls_cipher(const struct tls *t);

/*
 * Channel binding for SCRAM -PLUS: tls-exporter (RFC 9266) with TLS 1.3, tls-unique
 * (RFC 5929) with 1.2.  *ret_type is a static word.  False when there is none.
 */
bool tls_channel_binding(struct tls *t, struct buf *data, const char **ret_type) RELAY_CHECKED;

#endif
