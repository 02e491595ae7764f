/* SPDX-License-Identifier: ISC */
/*
 * trust: finds in a PEM bundle only the certificates that can matter for one chain.
 *
 * Parsing all 144 certificates of a system bundle costs ten times a whole handshake.  So
 * this file reads the bundle as text, decodes each certificate only up to its subject,
 * and gives back (as DER) those whose subject is one of the wanted names.  It verifies
 * nothing and trusts nothing: GnuTLS does that with what is found here.
 */
#ifndef SYS_TRUST_H
#define SYS_TRUST_H

#include "base/buf.h"

/* Calls found() with the DER of each match; false from it ends the search as an error. */
typedef bool trust_found(void *context, struct span der, struct err *e);

/*
 * wanted: DER-encoded Names (the outer SEQUENCE included), compared byte by byte.
 * *ret_total counts the certificates in the bundle.  Both PEM labels count
 * ("CERTIFICATE", "X509 CERTIFICATE"); damaged blocks are passed over.  False when the
 * file cannot be read (CAUSE_CONFIG) or found() says so.
 */
bool trust_search(const char *path, const struct span *wanted, size_t wanted_count,
		  trust_found *found, void *context, size_t *ret_total, struct err *e)
	RELAY_CHECKED;

/*
 * Issuer and subject of a certificate, as views into der: what to want for a chain.
 * False when it is not a certificate.
 */
bool trust_names(struct span der, struct span *ret_issuer, struct span *ret_subject)
	RELAY_CHECKED;

#endif
