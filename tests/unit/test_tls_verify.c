/* SPDX-License-Identifier: ISC */
/* tls_verify, tls_text: what is accepted, and what is said else.  See also test_tls_trust. */
#include "unit.h"

#include "sys/pin.h"
#include "tlsfix.h"

#include <sys/mman.h>
#include <unistd.h>

static void names_and_addresses_are_checked(void **state)
{
	static const struct {
		bool has_ips;
		const char *host, *sni;
		const char *wrong;	/* in the error text; NULL: accepted */
	} cases[] = {
		{ false, "mail.test", "mail.test", NULL },
		{ false, "MAIL.test.", "MAIL.test", NULL },
		{ false, "192.0.2.1", "", "issued for mail.test, not for 192.0.2.1" },
		{ true, "192.0.2.1", "", NULL },
		{ true, "2001:db8::1", "", NULL },
		{ true, "[2001:DB8:0::1]", "", NULL },
		{ true, "[2001:db8::1%lo]", "", NULL },
		{ true, "192.0.2.2", "", "issued for 192.0.2.1, 2001:db8::1, not for 192.0.2.2" },
		{ true, "mail.test", "", "issued for 192.0.2.1, 2001:db8::1, not for mail.test" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit_server server = fix_serving(cases[i].has_ips ? &fix[FIX_IP] : &fix[FIX_SERVER],
						   KIT_POLITE);
		struct tls_options o = fix_options(cases[i].host);
		struct err e;
		struct flight f;
		struct tls *t = fix_meet(&server, &o, &f, &e);
		assert_int_equal(t != NULL, cases[i].wrong == NULL);
		if (t) {
			fix_part(&server, t, &f);
			assert_string_equal(server.sni, cases[i].sni);
		} else {
			assert_int_equal(e.cause, CAUSE_TLS);
			assert_non_null(strstr(e.text, cases[i].wrong));
			assert_int_equal(server.result, GNUTLS_E_FATAL_ALERT_RECEIVED);
		}
	}
}

static void errors_say_what_is_wrong_and_what_to_do(void **state)
{
	static const struct {
		const struct kit_cert *cert;
		const char *words[3];
	} cases[] = {
		{ &fix[FIX_EXPIRED], { "the server's certificate expired on 20", "clock says 20", "server's owner" } },
		{ &fix[FIX_EARLY], { "not valid before 20", "clock says 20", "correct it" } },
		{ &fix[FIX_SELF_SIGNED], { "self-signed", "tls_trust_file", "tls_fingerprint " } },
		{ &fix[FIX_CLIENT], { "unknown issuer \"CN=A stranger\"", "in between", "tls_fingerprint " } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit_server server = fix_serving(cases[i].cert, KIT_POLITE);
		struct tls_options o = fix_options("mail.test");
		struct err e;
		struct flight f;
		assert_null(fix_meet(&server, &o, &f, &e));
		assert_int_equal(e.cause, CAUSE_TLS);
		for (int k = 0; k < 3; k++) {
			if (!strstr(e.text, cases[i].words[k])) {
				fail_msg("\"%s\" is not in: %s", cases[i].words[k], e.text);
			}
		}
	}
}

/* The pin replaces CA and name; all three hashes; also of what nobody else would accept. */
static void a_pin_decides_alone(void **state)
{
	static const gnutls_digest_algorithm_t hashes[] = { GNUTLS_DIG_SHA256, GNUTLS_DIG_SHA1,
							    GNUTLS_DIG_MD5 };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct kit_server server = fix_serving(&fix[FIX_EXPIRED], KIT_POLITE);
		struct tls_options o = fix_options("elsewhere.test");
		struct pin pin = { .size = PIN_MAX };
		char text[PIN_TEXT_MAX];
		struct err e;
		struct flight f;
		assert_int_equal(gnutls_fingerprint(hashes[i % 3], &fix[FIX_EXPIRED].der, pin.bytes,
						    &pin.size), 0);
		pin.bytes[15] ^= i < 3 ? 0 : 1;	/* the second half of the rounds is wrong */
		pin_format(&pin, text);
		o.fingerprint = text;
		o.trust_file = "";
		struct tls *t = fix_meet(&server, &o, &f, &e);
		assert_int_equal(t != NULL, i < 3);
		if (t) {
			fix_must_read(t, "220 kit\r\n");
			fix_part(&server, t, &f);
			continue;
		}
		pin.size = PIN_MAX;
		gnutls_fingerprint(GNUTLS_DIG_SHA256, &fix[FIX_EXPIRED].der, pin.bytes, &pin.size);
		pin_format(&pin, text);
		assert_int_equal(e.cause, CAUSE_TLS);
		assert_non_null(strstr(e.text, text));
	}
}

static void checks_can_be_switched_off(void **state)
{
	struct kit_server server = fix_serving(&fix[FIX_SELF_SIGNED], KIT_POLITE);
	struct tls_options o = fix_options("elsewhere.test");
	struct err e;
	struct flight f;

	(void)state;
	o.check_certificate = false;
	o.trust_file = "/nonexistent";
	struct tls *t = fix_meet(&server, &o, &f, &e);
	assert_non_null(t);
	fix_must_read(t, "220 kit\r\n");
	fix_part(&server, t, &f);
}

static void a_crl_revokes(void **state)
{
	const char *const paths[] = { fix_crl, fix_other_crl };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
		struct tls_options o = fix_options("mail.test");
		struct err e;
		struct flight f;
		o.crl_file = paths[i];
		struct tls *t = fix_meet(&server, &o, &f, &e);
		assert_int_equal(t != NULL, i == 1);
		if (t) {
			fix_part(&server, t, &f);
		} else {
			assert_non_null(strstr(e.text, "revoked"));
		}
	}
}

static void a_client_certificate_is_shown(void **state)
{
	struct tls_options o = fix_options("mail.test");
	struct err e;
	struct flight f;

	(void)state;
	o.cert_file = fix_client;	/* with its key in it */
	for (int i = 0; i < 2; i++) {
		struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
		/* The second server names another CA: ours is shown all the same. */
		server.asks_for = i == 0 ? &fix[FIX_STRANGER] : &fix[FIX_ROOT];
		struct tls *t = fix_meet(&server, &o, &f, &e);
		assert_non_null(t);
		fix_part(&server, t, &f);
		assert_string_equal(server.client, "a client");
	}
}

/* A FIFO that nobody writes to, and a file that is larger than any of its kind. */
static char fifo[40], huge[40];

static void make_odd_files(void)
{
	int ends[2], fd = memfd_create("huge", 0);

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(ftruncate(fd, ((off_t)64 << 20) + 1), 0);
	snprintf(fifo, sizeof(fifo), "/proc/self/fd/%d", ends[0]);
	snprintf(huge, sizeof(huge), "/proc/self/fd/%d", fd);
}

static void wrong_settings_are_errors_of_the_configuration(void **state)
{
	static const struct {
		struct tls_options o;
		const char *word;
	} cases[] = {
		{ { .trust_file = "/nonexistent/ca.pem" }, "/nonexistent/ca.pem" },
		{ { .trust_file = "" }, "tls_trust_file" },
		{ { .trust_file = fix_ca, .crl_file = "/nonexistent/crl.pem" }, "tls_crl_file" },
		{ { .trust_file = fix_ca, .crl_file = fix_junk }, "tls_crl_file" },
		{ { .trust_file = fix_ca, .cert_file = "/nonexistent/c.pem" }, "/nonexistent/c" },
		{ { .trust_file = fix_ca, .cert_file = fix_cert, .key_file = fix_junk },
		  "client certificate" },
		{ { .trust_file = fix_ca, .cert_file = fix_cert, .key_file = fix_client },
		  "client certificate" },
		{ { .trust_file = fix_ca, .priorities = "NORMAL:+NOTHING" }, "tls_priorities" },
		{ { .fingerprint = "12:34" }, "tls_fingerprint" },
		{ { .trust_file = "pkcs11:token=there-is-no-such-token" }, "pkcs11:" },
		/* Not a file, or too large for one: nothing is read, nothing waits. */
		{ { .trust_file = fifo }, "tls_trust_file /proc/self/fd/" },
		{ { .trust_file = fifo }, "not a regular file" },
		{ { .trust_file = "/dev/zero" }, "not a regular file" },
		{ { .trust_file = "/tmp" }, "not a regular file" },
		{ { .trust_file = huge }, "larger than 64 MiB" },
		{ { .trust_file = fix_ca, .crl_file = fifo }, "tls_crl_file /proc/self/fd/" },
		{ { .trust_file = fix_ca, .crl_file = "/dev/zero" }, "not a regular file" },
		{ { .trust_file = fix_ca, .crl_file = huge }, "larger than 64 MiB" },
		{ { .trust_file = fix_ca, .cert_file = fifo }, "tls_cert_file /proc/self/fd/" },
		{ { .trust_file = fix_ca, .cert_file = "/tmp" }, "not a regular file" },
		{ { .trust_file = fix_ca, .cert_file = fix_cert, .key_file = fifo },
		  "tls_key_file /proc/self/fd/" },
		{ { .trust_file = fix_ca, .cert_file = fix_cert, .key_file = "/dev/zero" },
		  "not a regular file" },
	};

	(void)state;
	make_odd_files();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_options o = cases[i].o;
		struct err e = { 0 };
		struct flight f;
		flight_init(&f, -1);
		o.host = "mail.test";
		o.check_certificate = true;
		assert_null(tls_new(&f, &o, &e));
		assert_int_equal(e.cause, CAUSE_CONFIG);
		if (!strstr(e.text, cases[i].word)) {
			fail_msg("\"%s\" is not in: %s", cases[i].word, e.text);
		}
	}
}

/* A file without certificates is found out when it is searched. */
static void an_empty_trust_file_is_named(void **state)
{
	struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
	struct tls_options o = fix_options("mail.test");
	struct err e;
	struct flight f;

	(void)state;
	o.trust_file = fix_junk;
	assert_null(fix_meet(&server, &o, &f, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	assert_non_null(strstr(e.text, fix_junk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_addresses_are_checked),
		cmocka_unit_test(errors_say_what_is_wrong_and_what_to_do),
		cmocka_unit_test(a_pin_decides_alone),
		cmocka_unit_test(checks_can_be_switched_off),
		cmocka_unit_test(a_crl_revokes),
		cmocka_unit_test(a_client_certificate_is_shown),
		cmocka_unit_test(wrong_settings_are_errors_of_the_configuration),
		cmocka_unit_test(an_empty_trust_file_is_named),
	};

	fix_make();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fix_free();
	return failed;
}
