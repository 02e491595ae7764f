/* SPDX-License-Identifier: ISC */
/* tls_names: the names of services in certificates (SRV-ID).  For tls_verify only. */
#ifndef SYS_TLS_NAMES_H
#define SYS_TLS_NAMES_H

#include "sys/tls_verify.h"

/* "_submissions" or "_submission": that of the options' srv_domain. */
const char *tls_names_service(const struct tls_options *o);

/*
 * The server's certificate is for that service of that domain, and no CA of the chain is
 * forbidden to say so.  Whether the chain is trusted is GnuTLS's business.
 */
bool tls_names_has_service(const struct tls_verify *v, const gnutls_datum_t *chain,
			   unsigned count) RELAY_CHECKED;

#endif
