/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

static struct imported import_text(const char *text, const char *reverse)
{
	const struct file files[] = {
		{ "/etc/ssmtp/ssmtp.conf", text },
		{ reverse ? "/etc/ssmtp/revaliases" : NULL, reverse },
		{ NULL, NULL },
	};

	return imported(import_ssmtp, files, "/etc/ssmtp/ssmtp.conf");
}

static void settings_have_their_words(void **state)
{
	static const struct {
		const char *conf, *text, *notes;
	} rows[] = {
		{ "mailhub=h.test\n", "host h.test\nport 25\ntls off\nset_from_header on\n", "" },
		{ "MailHub = h.test:587 # c\nuseSTARTTLS=YES\nUseTLS=yes\nAuthUser=me\n"
		  "AuthPass=secret\nFromLineOverride=YES\n",
		  "host h.test\nport 587\nuser me\npassword secret\ntls_starttls on\nfrom %F\n",
		  "ssmtp.conf:3: UseTLS: changed: the certificate was not verified" },
		{ "mailhub=h.test\nRemotePort=465\nUseTLS=YES\nAuthMethod=CRAM-MD5\nAuthUser=a\n",
		  "port 465\nauth cram-md5\nuser a\ntls_starttls off\n", "verified" },
		{ "mailhub=h.test\nAuthUser=me\nAuthPass=sec=ret\n", "password sec\n",
		  "ssmtp.conf:3: AuthPass: changed: ends at the first blank" },
		{ "mailhub=h.test\nroot=me@x.test\n", "system_mail me@x.test\n",
		  "ssmtp.conf:2: Root: changed" },
		{ "mailhub=h.test\nroot=postmaster\n", "host", "Root: not carried over" },
		{ "mailhub=h.test\nrewriteDomain=d.test\nhostname=m.d.test\n",
		  "domain m.d.test\ntls off\nmaildomain d.test\n", "" },
		{ "mailhub=h.test\nUseTLS=YES\nUseTLSCert=YES\nTLSCert=/c\nTLS_CA_File=/ca\n",
		  "tls_trust_file /ca\ntls_key_file /c\ntls_cert_file /c\n", "verified" },
		{ "mailhub=h.test\nAddHeader=X: y\nDebug=YES\nFoo=bar\n", "host",
		  "Foo: not carried over: relay does not know" },
		{ "# nothing\n", "not complete", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imported got = import_text(rows[i].conf, NULL);
		has(&got.text, rows[i].text);
		if (rows[i].notes[0]) {
			has(&got.notes, rows[i].notes);
		} else {
			assert_string_equal(got.notes.data, "");
		}
		has_not(&got.notes, "secret");
		imported_clear(&got);
	}
}

static void revaliases_give_the_sender(void **state)
{
	struct imported got = import_text("mailhub=h.test\n", "root:me@isp.test\nyou:me@isp.test\n"
					  "she:she@isp.test:h2.test:25\n");

	(void)state;
	has(&got.text, "from me@isp.test\n");
	has(&got.notes, "revaliases:1: revaliases: changed: root: the sender");
	has(&got.notes, "revaliases:3: revaliases: not carried over: she");
	imported_clear(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_have_their_words),
		cmocka_unit_test(revaliases_give_the_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
