/* SPDX-License-Identifier: ISC */
/*
 * tls_names: SRV-ID (RFC 4985; RFC 7817 §3), which GnuTLS does not look for, nor holds
 * against the constraints of the CAs.
 * Must never say yes when something could not be read.
 */
#include "sys/tls_names.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/tls_lib.h"

#define ID_ON_DNS_SRV "1.3.6.1.5.5.7.8.7"
/* Alternative names of a certificate; the rest is never looked at. */
#define NAMES_MAX 1000

const char *tls_names_service(const struct tls_options *o)
{
	return o->is_starttls ? "_submission" : "_submissions";
}

/* The text of an IA5String in DER, with a length below 256; else nothing. */
static struct span ia5_text(struct span der)
{
	const unsigned char *at = (const unsigned char *)der.data;
	size_t head = der.size > 2 && at[1] == 0x81 ? 3 : 2;
	bool is_good = der.size > head && at[0] == 0x16 && at[head - 1] == der.size - head &&
		       (head == 3 || at[1] < 0x80);

	return is_good ? span_from(der, head) : span_of(NULL, 0);
}

/* No wildcards: RFC 6125 §6.4.3 has them only for DNS names. */
static bool has_srv_id(gnutls_x509_crt_t crt, struct span wanted)
{
	int type = 0;

	for (unsigned i = 0; i < NAMES_MAX && (type >= 0 || type == GNUTLS_E_SHORT_MEMORY_BUFFER);
	     i++) {
		char value[300], oid[40] = "";
		size_t size = sizeof(value), oid_size = sizeof(oid);

		type = gnutls.x509_crt_get_subject_alt_name(crt, i, value, &size, NULL);
		if (type < 0 || gnutls.x509_crt_get_subject_alt_othername_oid(
					crt, i, oid, &oid_size) < 0 || strcmp(oid, ID_ON_DNS_SRV)) {
			continue;
		}
		/* Since 2026 GnuTLS has a type of its own for it, and gives the text. */
		struct span name = span_of(value, size);
		if (text_equal_fold(type == GNUTLS_SAN_OTHERNAME ? ia5_text(name) : name, wanted)) {
			return true;
		}
	}
	return false;
}

/* A CA that may not name the domain may not name its services. */
static bool permits(gnutls_x509_crt_t ca, const char *domain)
{
	gnutls_x509_name_constraints_t constraints;
	gnutls_datum_t name = { .data = (unsigned char *)(uintptr_t)domain,
				.size = (unsigned)strlen(domain) };
	unsigned critical;

	if (gnutls.x509_name_constraints_init(&constraints) < 0) {
		return false;
	}
	int n = gnutls.x509_crt_get_name_constraints(ca, constraints, 0, &critical);
	bool ok = n == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE ||
		  (n >= 0 && gnutls.x509_name_constraints_check(constraints, GNUTLS_SAN_DNSNAME,
								&name));
	gnutls.x509_name_constraints_deinit(constraints);
	return ok;
}

/* One of the chain, and the trusted CA above it if there is one. */
static bool accept_one(const struct tls_verify *v, gnutls_x509_crt_t crt, bool is_server,
		       struct span wanted)
{
	gnutls_x509_trust_list_t trusted;
	gnutls_x509_crt_t anchor;

	if (is_server ? !has_srv_id(crt, wanted) : !permits(crt, v->srv_domain)) {
		return false;
	}
	gnutls.certificate_get_trust_list(v->credentials, &trusted);
	if (gnutls.x509_trust_list_get_issuer(trusted, crt, &anchor, GNUTLS_TL_GET_COPY) < 0) {
		return true;
	}
	bool ok = permits(anchor, v->srv_domain);
	gnutls.x509_crt_deinit(anchor);
	return ok;
}

bool tls_names_has_service(const struct tls_verify *v, const gnutls_datum_t *chain,
			   unsigned count)
{
	char *wanted MEM_AUTO = mem_printf("%s.%s", tls_names_service(v->o), v->srv_domain);
	bool ok = count > 0;

	for (unsigned i = 0; ok && i < count; i++) {
		gnutls_x509_crt_t crt;
		if (gnutls.x509_crt_init(&crt) < 0) {
			return false;
		}
		ok = gnutls.x509_crt_import(crt, &chain[i], GNUTLS_X509_FMT_DER) >= 0 &&
		     accept_one(v, crt, i == 0, span_str(wanted));
		gnutls.x509_crt_deinit(crt);
	}
	return ok;
}
