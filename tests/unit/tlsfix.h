/* SPDX-License-Identifier: ISC */
/* tlsfix: what the tests of tls have in common: certificates in files, and a session. */
#ifndef TESTS_TLSFIX_H
#define TESTS_TLSFIX_H

#include "sys/tls.h"
#include "tlskit.h"

enum fix_id {
	FIX_ROOT, FIX_SERVER, FIX_IP, FIX_EXPIRED, FIX_EARLY, FIX_STRANGER, FIX_CLIENT,
	FIX_SELF_SIGNED, FIX_CERTS
};
extern struct kit_cert fix[FIX_CERTS];

/*
 * Paths: the root; the server's certificate; its key; the client's certificate with key; a
 * CRL with the server, one without; and a file that is nothing.
 */
extern char fix_ca[40], fix_cert[40], fix_key[40], fix_client[40], fix_crl[40],
	fix_other_crl[40], fix_junk[40];

void fix_make(void);
void fix_free(void);

struct tls_options fix_options(const char *host);
struct kit_server fix_serving(const struct kit_cert *cert, enum kit_manner manner);

/* Handshake with a server in a thread.  NULL: *e says why; the server has ended. */
struct tls *fix_meet(struct kit_server *server, const struct tls_options *o, struct flight *f,
		     struct err *e);
void fix_part(struct kit_server *server, struct tls *t, struct flight *f);

void fix_must_read(struct tls *t, const char *want);
void fix_must_write(struct tls *t, const void *data, size_t size);

#endif
