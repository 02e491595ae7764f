/* SPDX-License-Identifier: ISC */
/* tls_names, tls_verify: certificates of servers that DNS has named (tls_options.srv_domain). */
#include "unit.h"

#include "sys/tls_lib.h"
#include "tlsfix.h"

#include <unistd.h>

/* GnuTLS gives the text of an SRV-ID, or (before 2026) its DER: whichever it is, the other. */
static int other_gnutls(gnutls_x509_crt_t crt, unsigned i, void *value, size_t *size,
			unsigned *critical)
{
	char *at = value, oid[40] = "";
	size_t room = *size, oid_size = sizeof(oid);
	int type = gnutls_x509_crt_get_subject_alt_name(crt, i, value, size, critical);

	if (type < 0 || gnutls_x509_crt_get_subject_alt_othername_oid(crt, i, oid, &oid_size) < 0 ||
	    strcmp(oid, "1.3.6.1.5.5.7.8.7") != 0) {
		return type;
	}
	if (type == GNUTLS_SAN_OTHERNAME) {
		*size -= 2;
		memmove(at, at + 2, *size);
		return 1003;
	}
	assert_true(*size < 128 && *size + 2 <= room);
	memmove(at + 2, at, *size);
	at[0] = 0x16;
	at[1] = (char)*size;
	*size += 2;
	return GNUTLS_SAN_OTHERNAME;
}

/* One handshake with a server that has that chain; NULL: it was accepted, SNI was the host. */
static const char *meet(const struct kit_cert *const *chain, unsigned count,
			const struct tls_options *o)
{
	static struct err e;
	struct kit_server server = { .chain = chain, .count = count, .key = chain[0]->key,
				     .manner = KIT_POLITE };
	struct flight f;
	struct tls *t = fix_meet(&server, o, &f, &e);

	if (!t) {
		assert_int_equal(e.cause, CAUSE_TLS);
		return e.text;
	}
	fix_part(&server, t, &f);
	assert_string_equal(server.sni, o->host);
	return NULL;
}

static void must_be(const char *got, const char *wrong)
{
	if (!wrong != !got || (got && !strstr(got, wrong))) {
		fail_msg("wanted \"%s\", got \"%s\"", wrong ? wrong : "", got ? got : "");
	}
}

static void domain_service_and_servers_inside_are_accepted(void **state)
{
#define NOT_ELSEWHERE                                                                      \
	", not for example.org or _submissions.example.org (if smtp.big.test is the right "  \
	"server: tls_host_override smtp.big.test)"
	static const struct {
		const char *san, *host, *domain;
		bool is_starttls;
		const char *wrong;	/* in the error text; NULL: accepted */
	} cases[] = {
		/* The domain itself: wherever the server is. */
		{ "a.test example.org", "smtp.big.test", "example.org", false, NULL },
		{ "EXAMPLE.org", "smtp.big.test", "Example.ORG.", false, NULL },
		{ "*.org", "smtp.big.test", "example.org", false, "issued for *.org" NOT_ELSEWHERE },
		{ "*.example.org", "smtp.big.test", "example.org", false,
		  "issued for *.example.org" NOT_ELSEWHERE },
		/* Its service, and no other. */
		{ "_submissions.example.org", "smtp.big.test", "example.org", false, NULL },
		{ "a.test _xmpp.example.org _SUBMISSIONS.Example.org", "smtp.big.test",
		  "example.org", false, NULL },
		{ "_submission.example.org", "smtp.big.test", "example.org", true, NULL },
		{ "_submission.example.org", "smtp.big.test", "example.org", false, NOT_ELSEWHERE },
		{ "_submissions.example.org", "smtp.big.test", "example.org", true,
		  ", not for example.org or _submission.example.org (" },
		{ "_submissions.a.example.org", "smtp.big.test", "example.org", false, NOT_ELSEWHERE },
		{ "_submissions.org", "smtp.big.test", "example.org", false, NOT_ELSEWHERE },
		{ "_submissions.*.org", "smtp.big.test", "example.org", false, NOT_ELSEWHERE },
		{ "?_submissions.example.org", "smtp.big.test", "example.org", false, NOT_ELSEWHERE },
		/* The server: inside the domain only. */
		{ "smtp.example.org", "smtp.example.org", "example.org", false, NULL },
		{ "smtp.example.org", "SMTP.EXAMPLE.ORG", "example.org.", true, NULL },
		{ "*.example.org", "smtp.example.org", "example.org", false, NULL },
		{ "example.org", "example.org", "example.org", false, NULL },
		{ "smtp.big.test", "smtp.big.test", "example.org", false,
		  "issued for smtp.big.test" NOT_ELSEWHERE },
		{ "smtp.big.test", "smtp.big.test", NULL, false, NULL },
		{ "an-example.org", "an-example.org", "example.org", false, "not for example.org or " },
		{ "smtp.example.org", "smtp.example.org", "mail.example.org", false,
		  "not for mail.example.org or " },
		{ "other.example.org", "smtp.example.org", "example.org", false,
		  "issued for other.example.org, not for example.org or _submissions.example.org "
		  "or smtp.example.org (if smtp.example.org is the right server: "
		  "tls_host_override smtp.example.org)" },
		{ "_submissions.example.org", "smtp.example.org", NULL, false,
		  ", not for smtp.example.org (if that is the right server: tls_host_override)" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit_cert cert;
		const struct kit_cert *const chain[] = { &cert };
		struct tls_options o = fix_options(cases[i].host);
		struct err e;
		assert_true(tls_lib_load(&e));
		gnutls.x509_crt_get_subject_alt_name =
			*state ? other_gnutls : gnutls_x509_crt_get_subject_alt_name;
		kit_make(&cert, (struct kit_spec){ .name = "server", .san = cases[i].san,
						   .issuer = &fix[FIX_ROOT] });
		o.srv_domain = cases[i].domain;
		o.is_starttls = cases[i].is_starttls;
		must_be(meet(chain, 1, &o), cases[i].wrong);
		kit_free(&cert);
	}
}

/* A right name makes nothing else good. */
static void the_chain_must_be_good_too(void **state)
{
	static const struct {
		struct kit_spec spec;
		enum fix_id issuer;
		const char *wrong;
	} cases[] = {
		{ { .to_days = -1, .from_days = -9 }, FIX_ROOT, "expired on" },
		{ { .from_days = 9, .to_days = 99 }, FIX_ROOT, "not valid before" },
		{ { .purpose = GNUTLS_KP_TLS_WWW_CLIENT }, FIX_ROOT, "not meant for TLS servers" },
		{ { 0 }, FIX_STRANGER, "unknown issuer" },
	};
	static const char *const names[] = { "example.org", "smtp.example.org",
					     "_submissions.example.org" };

	(void)state;
	for (size_t i = 0; i < 3 * sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit_spec spec = cases[i / 3].spec;
		struct kit_cert cert;
		const struct kit_cert *const chain[] = { &cert };
		struct tls_options o = fix_options("smtp.example.org");
		spec.name = "server";
		spec.san = names[i % 3];
		spec.issuer = &fix[cases[i / 3].issuer];
		kit_make(&cert, spec);
		o.srv_domain = "example.org";
		must_be(meet(chain, 1, &o), cases[i / 3].wrong);
		kit_free(&cert);
	}
}

/* GnuTLS does not hold SRV-IDs against name constraints: a CA in the chain, a trusted one. */
static void a_limited_ca_has_limited_services(void **state)
{
	static const struct {
		const char *only, *never;
		const char *name;	/* GnuTLS holds the CN against them */
		bool is_good;
	} cases[] = {
		{ "example.org", NULL, "a.example.org", true },
		{ "org", "a.example.org", "b.example.org", true },
		{ "example.net", NULL, "a.example.net", false },
		{ NULL, "example.org", "a.example.net", false },
		{ NULL, "example.net", "a.example.org", true },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_root = i % 2;
		struct kit_cert ca, cert;
		const struct kit_cert *const chain[] = { &cert, &ca };
		struct tls_options o = fix_options("smtp.big.test");
		char path[] = "/tmp/relay-ca.XXXXXX";
		kit_make(&ca, (struct kit_spec){
				.name = "Limited", .is_ca = true, .only = cases[i / 2].only,
				.never = cases[i / 2].never,
				.issuer = is_root ? NULL : &fix[FIX_ROOT] });
		kit_make(&cert, (struct kit_spec){ .name = cases[i / 2].name, .issuer = &ca,
						   .san = "_submissions.example.org" });
		FILE *f = fdopen(mkstemp(path), "w");
		kit_write_pem(f, is_root ? &ca : &fix[FIX_ROOT]);
		fclose(f);
		o.trust_file = path;
		o.srv_domain = "example.org";
		must_be(meet(chain, is_root ? 1 : 2, &o),
			cases[i / 2].is_good ? NULL : "tls_host_override smtp.big.test)");
		unlink(path);
		kit_free(&cert);
		kit_free(&ca);
	}
}

static int make(void **state)
{
	(void)state;
	fix_make();
	return 0;
}

static int clear(void **state)
{
	(void)state;
	fix_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(domain_service_and_servers_inside_are_accepted),
		cmocka_unit_test_prestate(domain_service_and_servers_inside_are_accepted, (void *)1),
		cmocka_unit_test(the_chain_must_be_good_too),
		cmocka_unit_test(a_limited_ca_has_limited_services),
	};

	return cmocka_run_group_tests(tests, make, clear);
}
