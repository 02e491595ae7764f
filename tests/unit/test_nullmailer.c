/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

static struct imported import_text(const char *remotes, const char *name, const char *value)
{
	const struct file files[] = {
		{ "/n/remotes", remotes },
		{ name, value },
		{ name ? "/n/defaultdomain" : NULL, "home.test\n" },
		{ NULL, NULL },
	};

	return imported(import_nullmailer, files, "/n/remotes");
}

static void remotes_are_accounts(void **state)
{
	static const struct {
		const char *remotes, *text, *notes;
	} rows[] = {
		{ "h.test\n", "host h.test\nport 25\ntls off\n", "" },
		{ "h.test smtp --port=587 --starttls --user=me --pass='sec ret'\n",
		  "port 587\nuser me\npassword sec ret\ntls_starttls on\n", "" },
		{ "h.test smtp ssl user=me pass=\"a\\\"b\" auth-login\n",
		  "port 465\nauth login\nuser me\npassword a\"b\ntls_starttls off\n", "" },
		{ "h.test smtp ssl insecure source=192.0.2.1 x509cafile=/ca x509certfile=/c\n",
		  "source_ip 192.0.2.1\ntls_starttls off\ntls_trust_file /ca\ntls_key_file /c\n"
		  "tls_cert_file /c\n", "n/remotes:1: insecure: changed" },
		{ "# c\na.test smtp ssl\nb.test smtp ssl\nc.test qmqp\n",
		  "account default\nhost a.test\nport 465\ntls_starttls off\nfallback b.test\n\n"
		  "account b.test\n", "remotes:4: remotes: not carried over: relay does not speak QMQP" },
		{ "h.test smtp ssl secretword\n", "host", "an option: not carried over" },
		{ "h.test smtp user=a pass=secret\n", "tls_starttls on\n", "the login went over" },
		{ "", "not complete", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imported got = import_text(rows[i].remotes, NULL, NULL);
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

static void files_have_values(void **state)
{
	static const struct {
		const char *file, *value, *text;
	} rows[] = {
		{ "/n/me", "pi\n", "maildomain pi.home.test\n" },
		{ "/n/defaulthost", "other.test\nx\n", "maildomain other.test\n" },
		{ "/n/adminaddr", "me@isp.test\n", "system_mail me@isp.test\n" },
		{ "/n/allmailfrom", "me@isp.test", "from me@isp.test\nallow_from_override off\n" },
		{ "/n/helohost", "pi.test\n", "domain pi.test\n" },
		{ "/n/pausetime", "100\n",
		  "minimal_backoff_time 100s\nmaximal_backoff_time 86400s\n" },
		{ "/n/queuelifetime", "604800\n", "maximal_queue_lifetime 604800s\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imported got = import_text("h.test\n", rows[i].file, rows[i].value);
		has(&got.text, rows[i].text);
		assert_string_equal(got.notes.data, "");
		imported_clear(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remotes_are_accounts),
		cmocka_unit_test(files_have_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
