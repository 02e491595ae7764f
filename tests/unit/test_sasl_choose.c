/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "sys/sasl.h"

static struct sasl_options login(const char *user, const char *password)
{
	return (struct sasl_options){
		.user = user, .secret = span_str(password), .host = "mail.test", .port = 587,
		.is_tls = true,
	};
}

static void chooses_the_strongest_that_both_sides_allow(void **state)
{
	static const struct {
		const char *offered, *allowed, *binding;
		bool is_tls, clear_ok;
		const char *chosen;	/* NULL: none */
	} cases[] = {
		{ "PLAIN LOGIN SCRAM-SHA-1 SCRAM-SHA-256", "on", NULL, true, false, "SCRAM-SHA-256" },
		{ "PLAIN LOGIN SCRAM-SHA-1", NULL, NULL, true, false, "SCRAM-SHA-1" },
		{ "LOGIN PLAIN", "", NULL, true, false, "PLAIN" },
		{ "LOGIN", "on", NULL, true, false, "LOGIN" },
		{ "CRAM-MD5 LOGIN PLAIN", "on", NULL, true, false, "PLAIN" },
		{ "CRAM-MD5", "on", NULL, true, false, "CRAM-MD5" },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS", "on", "tls-exporter", true,
		  false, "SCRAM-SHA-256-PLUS" },
		{ "SCRAM-SHA-1-PLUS SCRAM-SHA-256", "on", "tls-exporter", true, false,
		  "SCRAM-SHA-1-PLUS" },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-1", "on", NULL, true, false, "SCRAM-SHA-1" },
		{ "SCRAM-SHA-256-PLUS", "on", NULL, true, false, NULL },
		{ "PLAIN SCRAM-SHA-256", "plain", NULL, true, false, "PLAIN" },
		{ "PLAIN SCRAM-SHA-256", "login Plain", NULL, true, false, "PLAIN" },
		{ "PLAIN LOGIN", "scram-sha-256", NULL, true, false, NULL },
		{ "SCRAM-SHA-256-PLUS SCRAM-SHA-256", "scram-sha-256", "tls-unique", true, false,
		  "SCRAM-SHA-256" },
		{ "EXTERNAL XOAUTH2 OAUTHBEARER GSSAPI NTLM DIGEST-MD5", "on", NULL, true, false,
		  NULL },
		{ "EXTERNAL PLAIN", "external", NULL, true, false, "EXTERNAL" },
		{ "XOAUTH2 OAUTHBEARER PLAIN", "xoauth2", NULL, true, false, "XOAUTH2" },
		{ "XOAUTH2 OAUTHBEARER", "xoauth2 oauthbearer", NULL, true, false, "OAUTHBEARER" },
		{ "GSSAPI PLAIN", "gssapi", NULL, true, false, "GSSAPI" },
		{ "NTLM DIGEST-MD5", "ntlm digest-md5", NULL, true, false, "DIGEST-MD5" },
		/* without TLS */
		{ "PLAIN LOGIN", "on", NULL, false, false, NULL },
		{ "PLAIN LOGIN", "plain", NULL, false, false, NULL },
		{ "PLAIN LOGIN", "plain", NULL, false, true, "PLAIN" },
		{ "XOAUTH2", "xoauth2", NULL, false, false, NULL },
		{ "PLAIN CRAM-MD5", "on", NULL, false, false, NULL },
		{ "PLAIN CRAM-MD5", "plain cram-md5", NULL, false, true, "CRAM-MD5" },
		{ "PLAIN SCRAM-SHA-1", "on", NULL, false, true, "SCRAM-SHA-1" },
		{ "EXTERNAL", "external", NULL, false, false, "EXTERNAL" },
		/* odd offers */
		{ "", "on", NULL, true, false, NULL },
		{ "  ", "on", NULL, true, false, NULL },
		{ "PLAINX XPLAIN", "on", NULL, true, false, NULL },
		{ " plain ", "on", NULL, true, false, "PLAIN" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sasl_options o = login("u", "p");
		struct err e = { 0 };
		o.allowed = cases[i].allowed;
		o.binding_type = cases[i].binding;
		o.is_tls = cases[i].is_tls;
		o.allow_cleartext = cases[i].clear_ok;
		const char *chosen = sasl_choose(cases[i].offered, &o, &e);
		const char *want = cases[i].chosen ? cases[i].chosen : "none";
		if (strcmp(chosen ? chosen : "none", want) != 0) {
			fail_msg("case %zu (%s): %s, not %s", i, cases[i].offered,
				 chosen ? chosen : e.text, want);
		}
		if (!chosen) {
			assert_int_equal(e.cause, CAUSE_AUTH);
			assert_true(e.text[0]);
		}
	}
}

static void refusals_say_what_was_offered_and_what_to_do(void **state)
{
	struct sasl_options o = login("u", "p");
	struct err e;

	(void)state;
	o.allowed = "scram-sha-256";
	assert_null(sasl_choose("PLAIN LOGIN", &o, &e));
	assert_non_null(strstr(e.text, "PLAIN LOGIN"));
	assert_non_null(strstr(e.text, "scram-sha-256"));
	o.allowed = "on";
	o.is_tls = false;
	assert_null(sasl_choose("PLAIN", &o, &e));
	assert_non_null(strstr(e.text, "set tls on"));
	assert_null(sasl_choose("", &o, &e));
	assert_non_null(strstr(e.text, "no login"));
}

static void knows_who_needs_no_secret(void **state)
{
	(void)state;
	assert_true(sasl_needs_no_secret("external"));
	assert_true(sasl_needs_no_secret("gssapi external"));
	assert_false(sasl_needs_no_secret("external plain"));
	assert_false(sasl_needs_no_secret("on"));
	assert_false(sasl_needs_no_secret(""));
	assert_false(sasl_needs_no_secret(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chooses_the_strongest_that_both_sides_allow),
		cmocka_unit_test(refusals_say_what_was_offered_and_what_to_do),
		cmocka_unit_test(knows_who_needs_no_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
