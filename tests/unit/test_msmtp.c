/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

static struct imported import_text(const char *text)
{
	const struct file files[] = { { "/home/me/.msmtprc", text }, { NULL, NULL } };

	return imported(import_msmtp, files, "/home/me/.msmtprc");
}

static void defaults_are_written_down(void **state)
{
	static const struct {
		const char *rc, *text, *notes;
	} rows[] = {
		{ "host h\nfrom me@x.test\n", "account default\nhost h\nport 25\ntls off\n", "" },
		{ "host h\ntls on\n", "host h\nport 25\ntls_starttls on\n", "" },
		{ "host h\ntls on\nport 587\n", "host h\nport 587\ntls_starttls on\n", "" },
		{ "host h\ntls on\nport 465\n", "host h\nport 465\ntls_starttls off\n", "" },
		{ "host h\ntls on\ntls_starttls off\n", "host h\nport 465\ntls_starttls off\n", "" },
		{ "host h\nuser u\n", "auth off\nuser u\n", "" },
		{ "host h\ntls on\nauth on\nuser u\npassword  \"secret word\"\n",
		  "auth on\nuser u\npassword secret word\n", "" },
		{ "host h\nauth on\nuser u\n", "port 25\nauth on\nuser u\ntls_starttls on\n",
		  "/home/me/.msmtprc:1: tls: changed: the login went over the network without TLS" },
		{ "host h\ntls on\ntls_certcheck off\n", "tls_starttls on\n",
		  "/home/me/.msmtprc:3: tls_certcheck: changed: the certificate was not verified" },
		{ "host h\ntls on\ntls_trust_file\ntls_fingerprint 00:11:22:33:44:55:66:77:88:99:"
		  "aa:bb:cc:dd:ee:ff\n", "tls_trust_file \"\"\n", "" },
		{ "host h\naliases ~/x\nfrom %U@x.test\n", "from %U@x.test\naliases /home/me/x\n", "" },
		{ "host h\neval echo password x\n", "host h\n",
		  "/home/me/.msmtprc:2: eval: not carried over" },
		{ "protocol lmtp\nsocket /s\n", "socket /s\nprotocol lmtp\ntls off\n", "" },
		{ "host h\nkeepbcc\n", "remove_bcc_headers off\n", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imported got = import_text(rows[i].rc);
		has(&got.text, rows[i].text);
		if (rows[i].notes[0]) {
			has(&got.notes, rows[i].notes);
		} else {
			assert_string_equal(got.notes.data, "");
		}
		has_not(&got.text, "certcheck");
		has_not(&got.notes, "secret");
		imported_clear(&got);
	}
}

static void heirs_are_whole(void **state)
{
	struct imported got = import_text("defaults\ntls on\naccount a b\nhost h\nuser u\nauth on\n"
					  "account default : a b\nport 587\n");

	(void)state;
	has(&got.text, "account a-b\nhost h\nport 25\nauth on\n");
	has(&got.text, "account default\nhost h\nport 587\nauth on\nuser u\ntls_starttls on\n");
	has(&got.notes, ".msmtprc:3: account: changed: is named a-b now");
	imported_clear(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_written_down),
		cmocka_unit_test(heirs_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
