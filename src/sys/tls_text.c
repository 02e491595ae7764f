/* SPDX-License-Identifier: ISC */
/*
 * tls_text: see tls_text.h.  Runs only when something failed or a person asks.  It must
 * never decide anything.
 */
#include "sys/tls_text.h"
#include "base/clock.h"
#include "sys/tls_lib.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define CHAIN_MAX 16

/* The chain, as far as GnuTLS can read it. */
struct facts {
	const struct tls_text_peer *peer;
	gnutls_x509_crt_t crt[CHAIN_MAX];
	unsigned count;
};

/* A text that is full stays as it is. */
static void say(struct buf *to, const char *format, ...) RELAY_PRINTF(2, 3);
static void say(struct buf *to, const char *format, ...)
{
	char text[ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	bool fits = buf_add_str(to, text);
	(void)fits;
}

static void say_time(struct buf *to, time_t when)
{
	char text[40] = "?";
	struct tm tm;

	if (when != (time_t)-1 && gmtime_r(&when, &tm)) {
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M UTC", &tm);
	}
	say(to, "%s", text);
}

static void say_dn(struct buf *to, gnutls_x509_crt_t crt, bool of_issuer)
{
	gnutls_datum_t text = { 0 };
	int n = of_issuer ? gnutls.x509_crt_get_issuer_dn3(crt, &text, 0)
			  : gnutls.x509_crt_get_dn3(crt, &text, 0);

	say(to, "\"%.*s\"", n < 0 ? 1 : text.size > 200 ? 200 : (int)text.size,
	    n < 0 ? "?" : (const char *)text.data);
	(*gnutls.free)(text.data);
}

/* "the server's certificate", or which one above it. */
static void say_which(struct buf *to, const struct facts *f, unsigned i)
{
	if (i == 0) {
		say(to, "the server's certificate");
		return;
	}
	say(to, "the certificate of ");
	say_dn(to, f->crt[i], false);
}

/* One subject alternative name; false when there is no such or it is of no use here. */
static bool say_name(struct buf *to, gnutls_x509_crt_t crt, unsigned i, const char *comma,
		     bool *ret_more)
{
	char name[256], ip[INET6_ADDRSTRLEN];
	size_t size = sizeof(name) - 1;
	int type = gnutls.x509_crt_get_subject_alt_name(crt, i, name, &size, NULL);

	*ret_more = type >= 0 || type == GNUTLS_E_SHORT_MEMORY_BUFFER;
	if (type == GNUTLS_SAN_DNSNAME) {
		say(to, "%s%.*s", comma, (int)size, name);
		return true;
	}
	if (type == GNUTLS_SAN_IPADDRESS && (size == 4 || size == 16) &&
	    inet_ntop(size == 4 ? AF_INET : AF_INET6, name, ip, sizeof(ip))) {
		say(to, "%s%s", comma, ip);
		return true;
	}
	return false;
}

static void say_names(struct buf *to, gnutls_x509_crt_t crt)
{
	enum { MOST = 8 };
	unsigned said = 0;
	bool more = true;

	for (unsigned i = 0; more && said < MOST; i++) {
		said += say_name(to, crt, i, said ? ", " : "", &more);
	}
	if (said == MOST) {
		say(to, ", …");
	}
	if (said == 0) {
		say_dn(to, crt, false);
	}
}

static void say_expired(struct buf *to, const struct facts *f)
{
	unsigned i = 0;

	while (i < f->count && gnutls.x509_crt_get_expiration_time(f->crt[i]) >= clock_now()) {
		i++;
	}
	if (i < f->count) {
		say_which(to, f, i);
		say(to, " expired on ");
		say_time(to, gnutls.x509_crt_get_expiration_time(f->crt[i]));
	} else {
		say(to, "the CA's certificate in %s has expired", f->peer->trust);
	}
}

static void say_not_yet(struct buf *to, const struct facts *f)
{
	unsigned i = 0;

	while (i < f->count && gnutls.x509_crt_get_activation_time(f->crt[i]) <= clock_now()) {
		i++;
	}
	if (i < f->count) {
		say_which(to, f, i);
		say(to, " is not valid before ");
		say_time(to, gnutls.x509_crt_get_activation_time(f->crt[i]));
	} else {
		say(to, "the CA's certificate in %s is not valid yet", f->peer->trust);
	}
}

static void say_owner(struct buf *to, const struct facts *f)
{
	const char *srv = f->peer->srv_host;

	say(to, "the server's certificate is issued for ");
	say_names(to, f->crt[0]);
	say(to, ", not for %s (if %s is the right server: tls_host_override%s%s)",
	    f->peer->names, srv ? srv : "that", srv ? " " : "", srv ? srv : "");
}

/* Which of the chain has signed number i; 0 = none of it. */
static unsigned signer_of(const struct facts *f, unsigned i)
{
	unsigned above = 1;

	while (above < f->count &&
	       (above == i || !gnutls.x509_crt_check_issuer(f->crt[i], f->crt[above]))) {
		above++;
	}
	return above < f->count ? above : 0;
}

/* The last certificate of the path that starts at the server's. */
static unsigned top_of_path(const struct facts *f)
{
	unsigned top = 0;

	/* Bounded: certificates can sign each other in a ring. */
	for (unsigned step = 0; step < f->count; step++) {
		bool is_own = gnutls.x509_crt_check_issuer(f->crt[top], f->crt[top]);
		unsigned above = is_own ? 0 : signer_of(f, top);
		if (above == 0) {
			break;
		}
		top = above;
	}
	return top;
}

static void say_unknown(struct buf *to, const struct facts *f)
{
	unsigned top = top_of_path(f);
	bool is_self_signed = gnutls.x509_crt_check_issuer(f->crt[top], f->crt[top]);

	if (top == 0 && is_self_signed) {
		say(to, "the server's certificate is self-signed");
	} else {
		say(to, "unknown issuer ");
		say_dn(to, f->crt[top], true);
	}
	say(to, ": it is not in %s", f->peer->trust);
	if (top == 0 && !is_self_signed) {
		say(to, " (the server may have forgotten to send a certificate in between)");
	}
}

static void say_weak(struct buf *to, const struct facts *f)
{
	say(to, "an algorithm or key in the server's chain is too weak (");
	for (unsigned i = 0; i < f->count; i++) {
		unsigned bits = 0;
		int key = gnutls.x509_crt_get_pk_algorithm(f->crt[i], &bits);
		int sign = gnutls.x509_crt_get_signature_algorithm(f->crt[i]);
		const char *key_name = key < 0 ? NULL : gnutls.pk_get_name(key);
		const char *sign_name = sign < 0 ? NULL : gnutls.sign_get_name(sign);
		say(to, "%s%s key of %u bits, signed with %s", i ? "; " : "",
		    key_name ? key_name : "unknown", bits, sign_name ? sign_name : "?");
	}
	say(to, ")");
}

static void advise_trust(struct buf *to, const struct facts *f)
{
	char pin[PIN_TEXT_MAX];

	tls_text_fingerprint(&f->peer->chain[0], pin);
	say(to, "; if you know that it is right, set tls_trust_file to a file with the CA's "
	    "certificate, or tls_fingerprint %s", pin);
}

/* Which of the two is wrong, the date or the clock, only a person can tell. */
static void advise_clock(struct buf *to, const struct facts *f)
{
	(void)f;
	say(to, "; this machine's clock says ");
	say_time(to, clock_now());
	say(to, ": correct it if it is wrong, else tell the server's owner");
}

static void advise_owner(struct buf *to, const struct facts *f)
{
	(void)f;
	say(to, "; only the server's owner can put that right");
}

/*
 * Every status of GnuTLS: what it means, or who says it; and what to do.  The advice comes
 * behind all that is wrong, from the last row up, so that the longest is at the end.
 */
static const struct reason {
	unsigned bit;
	const char *text;
	void (*say)(struct buf *to, const struct facts *f);
	void (*advise)(struct buf *to, const struct facts *f);
} reasons[] = {
	{ GNUTLS_CERT_SIGNER_NOT_FOUND, NULL, say_unknown, advise_trust },
	{ GNUTLS_CERT_UNEXPECTED_OWNER, NULL, say_owner, NULL },
	{ GNUTLS_CERT_EXPIRED, NULL, say_expired, advise_clock },
	{ GNUTLS_CERT_NOT_ACTIVATED, NULL, say_not_yet, advise_clock },
	{ GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED,
	  "the server's OCSP answer, or the CRL, is too old", NULL, advise_clock },
	{ GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE,
	  "the server's OCSP answer, or the CRL, is from the future", NULL, advise_clock },
	{ GNUTLS_CERT_INSECURE_ALGORITHM, NULL, say_weak, advise_owner },
	{ GNUTLS_CERT_REVOKED, "the server's certificate, or one above it, is revoked", NULL,
	  advise_owner },
	{ GNUTLS_CERT_SIGNATURE_FAILURE,
	  "the signature of a certificate in the server's chain is wrong", NULL, advise_owner },
	{ GNUTLS_CERT_SIGNER_NOT_CA,
	  "a certificate in the server's chain is signed by one that is not a CA's", NULL,
	  advise_owner },
	{ GNUTLS_CERT_PURPOSE_MISMATCH,
	  "the server's certificate, or one above it, is not meant for TLS servers", NULL,
	  advise_owner },
	{ GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
	  "the server's chain breaks a constraint that one of its CAs has set", NULL,
	  advise_owner },
	{ GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
	  "a certificate in the server's chain has a critical extension that is not known here",
	  NULL, advise_owner },
	{ GNUTLS_CERT_MISSING_OCSP_STATUS,
	  "the server's certificate asks for an OCSP answer, and the server sends none", NULL,
	  advise_owner },
	{ GNUTLS_CERT_INVALID_OCSP_STATUS, "the OCSP answer of the server is not valid", NULL,
	  advise_owner },
};

static void read_chain(struct facts *f, const struct tls_text_peer *peer)
{
	*f = (struct facts){ .peer = peer };
	for (unsigned i = 0; i < peer->count && i < CHAIN_MAX; i++) {
		if (gnutls.x509_crt_init(&f->crt[f->count]) < 0) {
			break;
		}
		if (gnutls.x509_crt_import(f->crt[f->count], &peer->chain[i],
					   GNUTLS_X509_FMT_DER) < 0) {
			gnutls.x509_crt_deinit(f->crt[f->count]);
			break;
		}
		f->count++;
	}
}

static void say_reasons(struct buf *text, const struct facts *f, unsigned status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		const struct reason *r = &reasons[i];
		if (status & r->bit) {
			say(text, "%s%s", text->size ? "; also: " : "", r->text ? r->text : "");
			if (r->say && f->count > 0) {
				r->say(text, f);
			}
		}
	}
}

static void advise(struct buf *text, const struct facts *f, unsigned status)
{
	void (*last)(struct buf *to, const struct facts *f) = NULL;

	for (size_t i = sizeof(reasons) / sizeof(reasons[0]); i-- > 0;) {
		const struct reason *r = &reasons[i];
		if (status & r->bit && r->advise && r->advise != last) {
			r->advise(text, f);
			last = r->advise;
		}
	}
}

bool tls_text_refused(const struct tls_text_peer *peer, unsigned status, struct err *e)
{
	struct buf text BUF_AUTO;
	struct facts f;

	buf_init(&text, ERR_TEXT_MAX - 1);
	read_chain(&f, peer);
	say_reasons(&text, &f, status);
	if (text.size > 0) {
		advise(&text, &f, status);
	}
	for (unsigned i = 0; i < f.count; i++) {
		gnutls.x509_crt_deinit(f.crt[i]);
	}
	return err_set(e, CAUSE_TLS, "%s", text.size ? text.data :
		       "the server's certificate is not valid");
}

void tls_text_fingerprint(const gnutls_datum_t *certificate, char text[PIN_TEXT_MAX])
{
	struct pin pin = { .size = sizeof(pin.bytes) };

	if (gnutls.fingerprint(GNUTLS_DIG_SHA256, certificate, pin.bytes, &pin.size) < 0) {
		pin.size = 0;
	}
	pin_format(&pin, text);
}
