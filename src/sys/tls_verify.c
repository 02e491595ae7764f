/* SPDX-License-Identifier: ISC */
/*
 * tls_verify: CA certificates, the pin, and the verdict, which is GnuTLS's (RFC 5280; names:
 * RFC 9525).  Must never say yes when something could not be checked.
 */
#include "sys/tls_verify.h"
#include "base/mem.h"
#include "base/text.h"
#include "config.h"
#include "sys/tls_file.h"
#include "sys/tls_lib.h"
#include "sys/tls_names.h"
#include "sys/tls_text.h"
#include "sys/trust.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <unistd.h>

/* Longest chain that GnuTLS verifies. */
#define CHAIN_MAX 16

static char *plain_name(const char *name)
{
	struct span s = span_str(name);

	if (s.size > 1 && s.data[0] == '[' && s.data[s.size - 1] == ']') {
		s = span_of(s.data + 1, s.size - 2);
	}
	const char *scope = s.size > 0 ? memchr(s.data, '%', s.size) : NULL;
	if (scope && memchr(s.data, ':', s.size)) {
		s.size = (size_t)(scope - s.data);
	}
	if (s.size > 1 && s.data[s.size - 1] == '.') {
		s.size--;
	}
	return mem_copy(s.data, s.size);
}

void tls_verify_set_names(struct tls_verify *v, const struct tls_options *o)
{
	v->host = plain_name(o->host);
	v->srv_domain = o->srv_domain ? plain_name(o->srv_domain) : NULL;
	v->ip_size = inet_pton(AF_INET, v->host, v->ip) == 1	? 4
		   : inet_pton(AF_INET6, v->host, v->ip) == 1 ? 16
							      : 0;
}

/* Where GnuTLS finds CA certificates itself: PKCS#11, or what it was built with. */
static bool load_all_cas(struct tls_verify *v, const char *url, struct err *e)
{
	int n = url ? gnutls.certificate_set_x509_trust_file(v->credentials, url,
							     GNUTLS_X509_FMT_PEM)
		    : gnutls.certificate_set_x509_system_trust(v->credentials);

	if (n > 0) {
		return true;
	}
	char *name MEM_AUTO = mem_str(url ? url : "the system's trust store");
	text_hide_pin(name);
	return err_set(e, CAUSE_CONFIG, "no CA certificates in %s%s%s: set tls_trust_file",
		       name, n < 0 ? ": " : "", n < 0 ? gnutls.strerror(n) : "");
}

/* A file is only remembered here, for trust on demand. */
static bool prepare_trust(struct tls_verify *v, struct err *e)
{
	const char *file = v->o->trust_file;

	if (file && !*file) {
		return err_set(e, CAUSE_CONFIG, "the server's certificate cannot be checked: "
			       "set tls_trust_file or tls_fingerprint");
	}
	/* "" when it was built without one: there is no such file. */
	if (!file && access(RELAY_TRUST_FILE, F_OK) == 0) {
		file = RELAY_TRUST_FILE;
	}
	if (!file || strncmp(file, "pkcs11:", 7) == 0) {
		return load_all_cas(v, file, e);
	}
	if (!tls_file_check("tls_trust_file", file, e)) {
		return false;
	}
	v->bundle = file;
	return true;
}

/* One certificate of the bundle that the chain names becomes a trusted CA. */
static bool trust_this(void *context, struct span der, struct err *e)
{
	struct tls_verify *v = context;
	gnutls_x509_trust_list_t list;
	gnutls_x509_crt_t ca;
	unsigned char *copy = mem_resize(NULL, der.size, 1);
	gnutls_datum_t data = { .data = copy, .size = (unsigned)der.size };

	memcpy(copy, der.data, der.size);
	int n = gnutls.x509_crt_init(&ca);
	if (n < 0) {
		free(copy);
		return err_set(e, CAUSE_OS, "a CA certificate: %s", gnutls.strerror(n));
	}
	n = gnutls.x509_crt_import(ca, &data, GNUTLS_X509_FMT_DER);
	free(copy);
	gnutls.certificate_get_trust_list(v->credentials, &list);
	/* What GnuTLS cannot read it cannot trust either: passed over. */
	if (n < 0 || gnutls.x509_trust_list_add_cas(list, &ca, 1, 0) != 1) {
		gnutls.x509_crt_deinit(ca);
	}
	return true;
}

static void want(struct span *wanted, size_t *count, struct span name)
{
	for (size_t i = 0; i < *count; i++) {
		if (span_equal(wanted[i], name)) {
			return;
		}
	}
	wanted[(*count)++] = name;
}

/*
 * The bundle's certificates with the name of an issuer (they may have signed one of the
 * chain) or of a subject (they may be in the chain themselves): all that GnuTLS would look
 * at, in the order of the file.
 */
static bool load_named_cas(struct tls_verify *v, const gnutls_datum_t *chain, unsigned count)
{
	struct span wanted[2 * CHAIN_MAX];
	size_t wanted_count = 0, total;

	for (unsigned i = 0; i < count; i++) {
		struct span issuer, subject;
		if (trust_names(span_of(chain[i].data, chain[i].size), &issuer, &subject)) {
			want(wanted, &wanted_count, issuer);
			want(wanted, &wanted_count, subject);
		}
	}
	if (!trust_search(v->bundle, wanted, wanted_count, trust_this, v, &total, &v->error)) {
		return false;
	}
	return total > 0 || err_set(&v->error, CAUSE_CONFIG,
				    "tls_trust_file %s: there is no certificate in it",
				    v->bundle);
}

/*
 * GnuTLS's verdict on the chain and that name (NULL: any name will do), with the session's own
 * flags, stapled OCSP answers and the CRLs.  < 0: there is none.
 */
static int judge(const struct tls_verify *v, gnutls_session_t session, const char *name,
		 unsigned *status)
{
	/* GnuTLS does not write to them. */
	unsigned char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;
	gnutls_typed_vdata_st check[2] = {
		{ .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = purpose },
		{ .type = GNUTLS_DT_DNS_HOSTNAME, .data = (unsigned char *)(uintptr_t)name },
	};

	if (name == v->host && v->ip_size > 0) {
		check[1].type = GNUTLS_DT_IP_ADDRESS;
		check[1].data = (unsigned char *)(uintptr_t)v->ip;
		check[1].size = v->ip_size;
	}
	return gnutls.certificate_verify_peers(session, check, name ? 2 : 1, status);
}

/* RFC 6186 §6: what DNS names is believed only inside the domain. */
static bool is_inside(const char *host, const char *domain)
{
	struct span h = span_str(host), d = span_str(domain);

	return text_equal_fold(h, d) ||
	       (h.size > d.size && h.data[h.size - d.size - 1] == '.' &&
		text_equal_fold(span_from(h, h.size - d.size), d));
}

static bool refuse_chain(struct tls_verify *v, const gnutls_datum_t *chain, unsigned count,
			 unsigned status)
{
	char *trust MEM_AUTO = mem_str(v->bundle ? v->bundle :
				       v->o->trust_file ? v->o->trust_file :
				       "the system's trust store");
	char *names MEM_AUTO = NULL;

	text_hide_pin(trust);
	if (v->srv_domain) {
		bool has_host = is_inside(v->host, v->srv_domain);
		names = mem_printf("%s or %s.%s%s%s", v->srv_domain, tls_names_service(v->o),
				   v->srv_domain, has_host ? " or " : "",
				   has_host ? v->host : "");
	}
	const struct tls_text_peer peer = {
		.chain = chain, .count = count, .names = names ? names : v->host,
		.srv_host = v->srv_domain ? v->host : NULL, .trust = trust,
	};
	return tls_text_refused(&peer, status, &v->error);
}

/* The names one by one, each with a verdict of its own: none has anything left open. */
static int judge_names(const struct tls_verify *v, gnutls_session_t session,
		       const gnutls_datum_t *chain, unsigned count, unsigned *status)
{
	const char *domain = v->srv_domain;
	unsigned again = 0;

	int n = judge(v, session, domain ? domain : v->host, status);
	if (n < 0 || !domain || !(*status & GNUTLS_CERT_UNEXPECTED_OWNER)) {
		return n;
	}
	if ((is_inside(v->host, domain) && judge(v, session, v->host, &again) == 0 && !again) ||
	    (judge(v, session, NULL, &again) == 0 && !again &&
	     tls_names_has_service(v, chain, count))) {
		*status = 0;
	}
	return n;
}

static bool verify_chain(struct tls_verify *v, gnutls_session_t session,
			 const gnutls_datum_t *chain, unsigned count)
{
	unsigned status = 0;

	if (v->bundle && !load_named_cas(v, chain, count)) {
		return false;
	}
	int n = judge_names(v, session, chain, count, &status);
	if (n < 0) {
		return err_set(&v->error, CAUSE_TLS,
			       "the server's certificate cannot be verified: %s",
			       gnutls.strerror(n));
	}
	return status == 0 || refuse_chain(v, chain, count, status);
}

static bool verify_pin(struct tls_verify *v, const gnutls_datum_t *certificate)
{
	gnutls_digest_algorithm_t hash = v->pin.size == 32 ? GNUTLS_DIG_SHA256
				       : v->pin.size == 20 ? GNUTLS_DIG_SHA1
							   : GNUTLS_DIG_MD5;
	struct pin seen = { .size = sizeof(seen.bytes) };
	char text[PIN_TEXT_MAX];
	int n = gnutls.fingerprint(hash, certificate, seen.bytes, &seen.size);

	if (n < 0) {
		return err_set(&v->error, CAUSE_TLS, "tls_fingerprint: %s", gnutls.strerror(n));
	}
	if (pin_equal(&seen, &v->pin)) {
		return true;
	}
	tls_text_fingerprint(certificate, text);
	return err_set(&v->error, CAUSE_TLS, "the server's certificate is not the one of "
		       "tls_fingerprint: its SHA-256 is %s; if the server's owner confirms "
		       "that one, set tls_fingerprint to it", text);
}

/* Called by GnuTLS when the certificate is there, before our Finished. */
static int verify_in_handshake(gnutls_session_t session)
{
	struct tls_verify *v = gnutls.session_get_ptr(session);
	unsigned count = 0;
	const gnutls_datum_t *chain = gnutls.certificate_get_peers(session, &count);
	bool ok;

	if (gnutls.certificate_type_get(session) != GNUTLS_CRT_X509 || !chain || count == 0) {
		ok = err_set(&v->error, CAUSE_TLS, "the server shows no certificate");
	} else if (v->pin.size > 0) {
		ok = verify_pin(v, &chain[0]);
	} else if (count > CHAIN_MAX) {
		ok = err_set(&v->error, CAUSE_TLS, "the server shows a chain of %u "
			     "certificates, and at most %d can be verified", count, CHAIN_MAX);
	} else {
		ok = verify_chain(v, session, chain, count);
	}
	return ok ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

bool tls_verify_init(struct tls_verify *v, const struct tls_options *o,
		     gnutls_certificate_credentials_t credentials, struct err *e)
{
	v->o = o;
	v->credentials = credentials;
	if (o->fingerprint && !pin_parse(&v->pin, span_str(o->fingerprint))) {
		return err_set(e, CAUSE_CONFIG, "tls_fingerprint: not a fingerprint: it needs "
			       "32 bytes (SHA-256), 20 (SHA-1) or 16 (MD5) in hex: 0A:1B:…");
	}
	if (v->pin.size == 0 && !o->check_certificate) {
		return true;
	}
	gnutls.certificate_set_verify_function(credentials, verify_in_handshake);
	return v->pin.size > 0 || prepare_trust(v, e);
}
