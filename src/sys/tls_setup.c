/* SPDX-License-Identifier: ISC */
/*
 * tls_setup: see tls_setup.h.  Must never let a version older than TLS 1.2 in that nobody
 * has asked for by name, nor ask anybody for a passphrase.
 */
#include "sys/tls_setup.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/tls_file.h"
#include "sys/tls_lib.h"

#include <stdlib.h>

/*
 * The system's priorities keep a distribution's policy.  Old versions are taken off, also
 * from the account's own string ("NORMAL" has them), unless that names one.
 */
bool tls_setup_priorities(gnutls_session_t session, const struct tls_options *o,
			  struct err *e)
{
	static const char *const old[] = { "+VERS-TLS1.1", "+VERS-TLS1.0", "+VERS-SSL3.0" };
	const char *own = o->priorities, *where = NULL;
	char *text MEM_AUTO = mem_str(own ? own : "");

	for (size_t i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
		if (!own || !strcasestr(own, old[i])) {
			char *longer = mem_printf("%s%s-%s", text, *text ? ":" : "", old[i] + 1);
			free(text);
			text = longer;
		}
	}
	int n = own ? gnutls.priority_set_direct(session, text, &where)
		    : gnutls.set_default_priority_append(session, text, &where, 0);
	return n >= 0 || err_set(e, CAUSE_CONFIG, "tls_priorities: %s at \"%s\"",
				 gnutls.strerror(n), where ? where : "");
}

/* What to do about a key that cannot be opened. */
static const char *key_advice(int code)
{
	switch (code) {
	case GNUTLS_E_PKCS11_PIN_ERROR:
		return " (nobody is asked for a PIN: put it into a file, and that into the "
		       "URI: ?pin-source=/path/of/file)";
	case GNUTLS_E_DECRYPTION_FAILED:
		return " (nobody is asked for a passphrase: store the key without one)";
	default:
		return "";
	}
}

/* GnuTLS opens it: a file, or a token's URI. */
static bool check_file(const char *setting, const char *path, struct err *e)
{
	if (gnutls.url_is_supported(path) || tls_file_check(setting, path, e)) {
		return true;
	}
	text_hide_pin(e->text);		/* a URI that this GnuTLS does not know */
	return false;
}

static bool setup_client(gnutls_certificate_credentials_t credentials,
			 const struct tls_options *o, struct err *e)
{
	const char *key_file = o->key_file ? o->key_file : o->cert_file;

	if (!check_file("tls_cert_file", o->cert_file, e) ||
	    !check_file("tls_key_file", key_file, e)) {
		return false;
	}
	int n = gnutls.certificate_set_x509_key_file(credentials, o->cert_file, key_file,
						     GNUTLS_X509_FMT_PEM);
	if (n >= 0) {
		return true;
	}
	char *cert MEM_AUTO = mem_str(o->cert_file), *key MEM_AUTO = mem_str(key_file);
	text_hide_pin(cert);
	text_hide_pin(key);
	return err_set(e, CAUSE_CONFIG, "client certificate %s, key %s: %s%s", cert, key,
		       gnutls.strerror(n), key_advice(n));
}

bool tls_setup_files(gnutls_certificate_credentials_t credentials,
		     const struct tls_options *o, struct err *e)
{
	if (o->crl_file) {
		if (!tls_file_check("tls_crl_file", o->crl_file, e)) {
			return false;
		}
		int n = gnutls.certificate_set_x509_crl_file(credentials, o->crl_file,
							     GNUTLS_X509_FMT_PEM);
		if (n <= 0) {
			return err_set(e, CAUSE_CONFIG, "tls_crl_file %s: %s", o->crl_file,
				       n < 0 ? gnutls.strerror(n) : "no CRL in it");
		}
	}
	return !o->cert_file || setup_client(credentials, o, e);
}
