/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/risk.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define FROM	    "from me@x.test\n"
#define PIN	    "00112233445566778899aabbccddeeff"

/* "LINE key\n" of every finding; an error has '!' before it. */
static char *found(const char *text, const char *name, const char *system_file)
{
	static char all[1024];
	struct findings list = { 0 };
	struct conf c;
	int at = 0;

	risk_account(good(&c, text, name), system_file, &list);
	all[0] = '\0';
	for (size_t i = 0; i < list.count; i++) {
		const struct finding *f = &list.at[i];
		assert_string_equal(f->file, "rc");
		at += snprintf(all + at, sizeof(all) - (size_t)at, "%s%s%u %s",
			       i ? ", " : "", f->severity == SEVERITY_ERROR ? "!" : "", f->line,
			       f->key);
	}
	findings_clear(&list);
	conf_clear(&c);
	return all;
}

/* Every row of the table is found, where it is, and not where it is harmless. */
static void risks(void **state)
{
	static const char *const rows[][2] = {
		{ FROM "host h\n", "" },
		{ FROM "host h\nport 587\n", "" },
		{ FROM "host h\nport 465\n", "" },
		{ FROM "host h\nport 2465\ntls_starttls off\n", "" },
		{ FROM "host h\ntls off\n", "3 tls" },
		{ FROM "host 127.0.0.1\ntls off\n", "" },
		{ FROM "host 127.x.test\ntls off\n", "3 tls" },
		{ FROM "host LocalHost.\ntls off\n", "" },
		{ FROM "host mail.localhost\ntls off\n", "" },
		{ FROM "host notlocalhost\ntls off\n", "3 tls" },
		{ FROM "host [::1]\ntls off\n", "" },
		{ FROM "host ::1 localhost, 127.0.0.2\ntls off\n", "" },
		{ FROM "host localhost h\ntls off\n", "3 tls" },
		{ FROM "host srv:localhost\ntls_certcheck off\n", "3 tls_certcheck" },
		{ FROM "host h\ntls off\nport 465\n", "3 tls" },
		{ FROM "host 127.0.0.1\ntls off\nport 465\n", "3 tls" },
		{ "socket /s\n", "" },
		{ FROM "host h\ntls off\nuser u\nauth plain\nauth_cleartext on\n",
		  "3 tls, 6 auth_cleartext" },
		{ FROM "host h\nuser u\nauth_cleartext on\n", "" },
		{ FROM "host h\ntls_certcheck off\n", "3 tls_certcheck" },
		{ FROM "host h\ntls off\ntls_certcheck off\n", "3 tls" },
		{ FROM "host ::1\ntls_certcheck off\n", "" },
		{ FROM "host h\ntls_fingerprint " PIN "\n", "3 tls_fingerprint" },
		{ FROM "host h\ntls_fingerprint " PIN "00112233\n", "3 tls_fingerprint" },
		{ FROM "host h\ntls_fingerprint " PIN PIN "\n", "" },
		{ FROM "host h\nport 465\ntls_starttls on\n", "4 tls_starttls" },
		{ FROM "host h\nport 587\ntls_starttls off\n", "4 tls_starttls" },
		{ FROM "host h\nport 25\ntls_starttls off\n", "4 tls_starttls" },
		{ FROM "host h\nport 26\ntls_starttls off\n", "" },
		{ FROM "host h\nport 993\n", "3 port" },
		{ FROM "host h\nport 143\ntls off\n", "4 tls, 3 port" },
		{ "host h\n", "1 from" },
		{ "host localhost\n", "" },
		{ "host h\nauto_from on\n", "" },
		{ "host h\nfrom %F\n", "" },
		{ "host h\nfrom *@x.test\n", "2 from" },
		{ "host h\nfrom *@x.test\nauto_from on\n", "" },
		{ FROM "host h\npassword a\npassword_file b\n", "4 password_file" },
		{ FROM "host h\npassword a\npasswordeval b\n", "4 passwordeval" },
		{ FROM "host h\npassword_file a\npasswordeval b\n", "4 passwordeval" },
		{ FROM, "!1 host" },
		/* All that conf_check would find, not only the first. */
		{ "port 25\nprotocol lmtp\nauth on\ntls_key_file k\n",
		  "!1 host, !3 auth, !4 tls_key_file, 1 from" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = found(rows[i][0], NULL, "other");
		if (strcmp(got, rows[i][1]) != 0) {
			fail_msg("%s: not %s in\n%s", got, rows[i][1], rows[i][0]);
		}
	}
}

static void only_the_account_without_a_choice_needs_an_address(void **state)
{
	const char *text = "account work\nhost h\nfrom *@x.test\n";

	(void)state;
	assert_string_equal(found(text, "work", "other"), "");
	/* Mail comes there by `to`, too. */
	text = "account work\nhost h\nfrom *@x.test\nto x.test\n";
	assert_string_equal(found(text, "work", "/etc/relayrc"), "3 from");
	text = "account work\nhost h\nfrom me@x.test\nto x.test\n";
	assert_string_equal(found(text, "work", "/etc/relayrc"), "");
}

static void the_systems_file_needs_a_reader_of_local_mail(void **state)
{
	(void)state;
	assert_string_equal(found(FROM "host h\n", NULL, "rc"), "1 system_mail");
	assert_string_equal(found(FROM "host h\nsystem_mail a@b.test\n", NULL, "rc"), "");
	assert_string_equal(found(FROM "host h\naliases /x\n", NULL, "rc"), "");
	assert_string_equal(found("account a\n" FROM "host h\n", "a", "rc"), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(risks),
		cmocka_unit_test(only_the_account_without_a_choice_needs_an_address),
		cmocka_unit_test(the_systems_file_needs_a_reader_of_local_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
