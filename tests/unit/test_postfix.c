/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

#define BASE "relayhost = [smtp.isp.test]:587\nmydestination =\n"
#define AUTH "smtp_sasl_auth_enable = yes\n" \
	     "smtp_sasl_password_maps = hash:/etc/postfix/sasl_passwd\n"

struct row {
	const char *main_cf, *in_text, *not_in_text, *in_notes;
};

static const struct file beside[] = {
	{ "/etc/postfix/sasl_passwd", "[smtp.isp.test]:587 me@isp.test:pa:ss word\n"
				      "smtp.other.test  other:\"quoted\"\n"
				      "[near.test]:587 near:secret1\n"
				      "odd.test user: \n"
				      "bad.test user:se\001cret2\n" },
	{ "/etc/postfix/generic", "root@pi.test me@isp.test\n@pi.test me@isp.test\n" },
	{ "/etc/postfix/some", "root@pi.test me@isp.test\nme@pi.test ME@isp.test\n" },
	{ "/etc/postfix/two", "root@pi.test me@isp.test\nyou@pi.test you@isp.test\n" },
	{ "/etc/postfix/all-but", "you@pi.test you@isp.test\n@pi.test me@isp.test\n" },
	{ "/etc/postfix/domain", "@pi.test @isp.test\n" },
	{ "/etc/postfix/re", "/.+/ me@isp.test\n" },
	{ "/etc/postfix/hc", "/^From:.*/ REPLACE From: Me <me@isp.test>\n/^X/ IGNORE\n" },
	{ "/etc/postfix/policy", "[smtp.isp.test]:587 secure match=mx.isp.test\n.other.test may\n" },
	{ "/etc/postfix/closed", NULL },
	{ "/etc/postfix/users", "# who may send\nann\njoe # not joe's brother\n" },
	{ "/etc/aliases", "root: me@isp.test, |run\n" },
	{ "/etc/mailname", "mail.test\n" },
	{ NULL, NULL },
};

static struct imported import_text(const char *main_cf)
{
	struct file files[32] = { { "/etc/postfix/main.cf", main_cf } };

	memcpy(files + 1, beside, sizeof(beside));
	return imported(import_postfix, files, "/etc/postfix/main.cf");
}

static void check_rows(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct imported got = import_text(rows[i].main_cf);
		if (rows[i].in_text) {
			has(&got.text, rows[i].in_text);
		}
		if (rows[i].not_in_text) {
			has_not(&got.text, rows[i].not_in_text);
		}
		if (rows[i].in_notes) {
			has(&got.notes, rows[i].in_notes);
		} else {
			assert_string_equal(got.notes.data, "");
		}
		has_not(&got.notes, "secret");
		has_not(&got.notes, "pa:ss");
		imported_clear(&got);
	}
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(rows[0]))

static void a_server(void **state)
{
	static const struct row rows[] = {
		{ BASE, "host smtp.isp.test\nport 587\ntls off\n", "starttls", NULL },
		{ "mydestination=\nrelayhost=[2001:db8::1]\n", "host 2001:db8::1\nport 25\n", NULL, NULL },
		{ "mydestination=\nrelayhost=[ipv6:2001:db8::1]:submission\n",
		  "host 2001:db8::1\nport 587\n", NULL, NULL },
		{ "mydestination=\nrelayhost=mx.test:smtps\n", "host mx.test\nport 465\n", NULL,
		  "main.cf:2: relayhost: changed: without brackets Postfix asks DNS" },
		{ "mydestination=\nrelayhost=[h.test]:nonsense\n", "not complete", "account default\n",
		  "the port of [h.test]:nonsense is not understood" },
		{ "mydestination=\n", "# no server: Postfix sends to each", "account default\n", NULL },
		{ "mydestination=\nrelayhost=\n", "# no server: Postfix sends to each", "account default\n",
		  NULL },
		{ BASE "relayhost = [second.test]\n", "host second.test\n", "isp", NULL },
		{ BASE "relayhost = [a..b]\n", "not complete", NULL,
		  "main.cf:3: relayhost: not carried over: cannot be host in relayrc: not a host "
		  "name or IP address" },
		{ "mydestination=\ndefault_transport=error:no mail\nrelayhost=[a.test]\n",
		  "not complete", NULL, "default_transport: not carried over" },
	};

	(void)state;
	CHECK(rows);
}

static void a_login(void **state)
{
	static const struct row rows[] = {
		{ BASE AUTH "smtp_tls_security_level=secure\n",
		  "user me@isp.test\npassword pa:ss word\ntls_starttls on\n", "auth ", NULL },
		{ "mydestination=\nrelayhost=[smtp.other.test]:25\nsmtp_tls_security_level=verify\n"
		  AUTH, "user other\npassword \"\"quoted\"\"\n", NULL, NULL },
		{ "mydestination=\nrelayhost=[near.test]\nsmtp_tls_security_level=verify\n" AUTH,
		  "host near.test", "user",
		  "sasl_passwd:3: smtp_sasl_password_maps: not carried over: is for "
		  "[near.test]:587, but the server is written [near.test]" },
		{ "mydestination=\nrelayhost=[none.test]\nsmtp_tls_security_level=verify\n" AUTH,
		  "host none.test", "user", "there is no entry for [none.test]: no login" },
		{ "mydestination=\nrelayhost=[odd.test]\nsmtp_tls_security_level=verify\n" AUTH,
		  "user user\n", "password", "a user without a password" },
		{ "mydestination=\nrelayhost=[bad.test]\nsmtp_tls_security_level=verify\n" AUTH,
		  "not complete", "\npassword ",
		  "cannot be password in relayrc: a control character in the value" },
		{ BASE AUTH, "tls_starttls on", "\ntls off", "the login went over the network" },
		{ BASE "smtp_sasl_auth_enable=yes\nsmtp_tls_security_level=verify\n"
		  "smtp_sasl_password_maps=hash:/etc/postfix/closed\n",
		  "the login for [smtp.isp.test]:587 could not be read", NULL,
		  "/etc/postfix/closed: Permission denied" },
		{ BASE AUTH "smtp_tls_security_level=secure\n"
		  "smtp_sasl_mechanism_filter = plain, LOGIN\n", "auth plain login\n", NULL, NULL },
		{ BASE AUTH "smtp_tls_security_level=secure\n"
		  "smtp_sasl_mechanism_filter = !gssapi, !plain, !login, static:all\n",
		  "auth scram-sha-256-plus scram-sha-1-plus scram-sha-256 scram-sha-1 cram-md5\n",
		  NULL, "became a list" },
		{ BASE AUTH "smtp_tls_security_level=secure\nsmtp_sasl_mechanism_filter = otp\n",
		  NULL, "auth", "relay has none of these mechanisms" },
		{ BASE AUTH "smtp_tls_security_level=secure\n"
		  "smtp_sasl_security_options = noplaintext, noanonymous, noactive\n", NULL, "auth",
		  "noplaintext: relay uses PLAIN and LOGIN, but only inside TLS\n"
		  "/etc/postfix/main.cf:6: smtp_sasl_security_options: not carried over: noactive" },
	};

	(void)state;
	CHECK(rows);
}

static void tls_levels(void **state)
{
	static const struct row rows[] = {
		{ BASE "smtp_tls_security_level=may\n", "tls_starttls on\n", "\ntls off",
		  "main.cf:3: smtp_tls_security_level: changed: TLS was used when the server offered "
		  "it" },
		{ BASE "smtp_tls_security_level=encrypt\n", "tls_starttls on\n", NULL,
		  "the certificate was not looked at: relay verifies it (it was \"encrypt\")" },
		{ BASE "smtp_tls_security_level=dane\n", "tls_starttls on\n", NULL, "not with DNS" },
		{ BASE "smtp_tls_security_level=secure\n", "tls_starttls on\n", NULL, NULL },
		{ BASE "smtp_use_tls=yes\n", "tls_starttls on\n", NULL,
		  "main.cf:3: smtp_use_tls: changed" },
		{ BASE "smtp_enforce_tls=yes\n", "tls_starttls on\n", NULL,
		  "main.cf:3: smtp_enforce_tls: changed: the certificate" },
		{ BASE "smtp_tls_security_level=secure\nsmtp_tls_wrappermode=yes\n",
		  "tls_starttls off\n", NULL, NULL },
		{ BASE "smtp_tls_wrappermode=yes\n", "tls_starttls off\n", "\ntls off", "changed" },
		{ BASE "smtp_tls_security_level=none\nsmtp_tls_CAfile=/ca\n", "tls off\n",
		  "trust", NULL },
		{ BASE "smtp_tls_security_level=secure\nsmtp_tls_CAfile=/etc/ca.pem\n",
		  "tls_trust_file /etc/ca.pem\n", NULL, NULL },
		{ BASE "smtp_tls_security_level=secure\nsmtp_tls_CApath=/my/certs\n", NULL, "/my",
		  "smtp_tls_CApath: changed" },
		{ BASE "smtp_tls_security_level=secure\nsmtp_tls_cert_file=/c.pem\n",
		  "tls_key_file /c.pem\ntls_cert_file /c.pem\n", NULL, NULL },
		{ BASE "smtp_tls_security_level=secure\nsmtp_tls_chain_files=/k.pem, /l.pem\n",
		  "tls_key_file /k.pem\ntls_cert_file /k.pem\n", NULL, NULL },
		{ BASE "smtp_tls_policy_maps=hash:/etc/postfix/policy\n",
		  "tls_starttls on\ntls_host_override mx.isp.test\n", NULL, NULL },
		{ "mydestination=\nrelayhost=a.other.test\n"
		  "smtp_tls_policy_maps=hash:/etc/postfix/policy\n",
		  "tls_starttls on\n", NULL, "policy:2: smtp_tls_policy_maps: changed" },
		{ BASE "smtp_tls_security_level=fingerprint\nsmtp_tls_fingerprint_cert_match=\n"
		  " 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33, x\n",
		  "tls_fingerprint 00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33\n",
		  NULL, "relay has only the first" },
	};

	(void)state;
	CHECK(rows);
}

static void senders(void **state)
{
	static const char fixed[] = "from me@isp.test\nallow_from_override off\n"
				    "set_from_header on\n";
	static const struct row rows[] = {
		{ BASE "smtp_generic_maps=hash:/etc/postfix/generic\nmyorigin=pi.home.test\n", fixed,
		  NULL, NULL },
		{ BASE "smtp_generic_maps=hash:/etc/postfix/some\nmyorigin=pi.home.test\n", fixed, NULL,
		  "some:1: smtp_generic_maps: changed: every sender becomes this address" },
		{ BASE "smtp_generic_maps=hash:/etc/postfix/two\n", NULL, "\nfrom ",
		  "two:1: smtp_generic_maps: not carried over: different senders" },
		{ BASE "smtp_generic_maps=hash:/etc/postfix/all-but\nmyorigin=pi.home.test\n", fixed,
		  NULL, "all-but:2: smtp_generic_maps: not carried over: other lines" },
		{ BASE "smtp_generic_maps=hash:/etc/postfix/domain\n", "maildomain isp.test\n",
		  "\nfrom ", "became maildomain" },
		{ BASE "sender_canonical_maps=regexp:/etc/postfix/re\nmyorigin=pi.home.test\n", fixed,
		  NULL, NULL },
		{ BASE "canonical_maps=static:me@isp.test\nmyorigin=pi.home.test\n", fixed, NULL,
		  NULL },
		{ BASE "smtp_generic_maps=static:a@b.test\nsender_canonical_maps=static:c@d.test\n",
		  "from a@b.test\n", NULL,
		  "sender_canonical_maps: not carried over: the sender is a@b.test already" },
		{ BASE "smtp_header_checks=pcre:/etc/postfix/hc\nmyorigin=pi.home.test\n", fixed, NULL,
		  "hc:2: smtp_header_checks: not carried over: relay changes no other header" },
		{ BASE "myorigin=pi.isp.test\nmasquerade_domains=other.test isp.test\n",
		  "maildomain isp.test\n", "\nfrom ", "masquerade_domains: changed" },
		{ BASE "masquerade_domains=other.test\nmyorigin=pi.home.test\n", NULL, "maildomain other",
		  "masquerade_domains: not carried over" },
		{ BASE "smtp_generic_maps=static:%U@isp.test\n", NULL, "\nfrom ",
		  "cannot be from in relayrc: % or ~ in it would be replaced" },
		{ BASE "smtp_generic_maps=static:me*@isp.test\n", NULL, "\nfrom ",
		  "would be a pattern" },
	};

	(void)state;
	CHECK(rows);
}

static void local_names(void **state)
{
	static const struct row rows[] = {
		{ "relayhost=[h.test]\nmyorigin=/etc/mailname\nmydestination=localhost\n",
		  "maildomain mail.test\naliases /etc/aliases\n", NULL,
		  "/etc/aliases:1: root: no mail goes to \"|run\"" },
		{ "relayhost=[h.test]\nmyorigin=pi.home.test\nmydestination=\n", NULL, "maildomain",
		  NULL },
		{ "relayhost=[h.test]\nmydestination=localhost, example.org\n", NULL, NULL,
		  "main.cf:2: mydestination: not carried over: example.org" },
		{ "relayhost=[h.test]\nluser_relay=me@isp.test\n", "system_mail me@isp.test\n", NULL,
		  "luser_relay: changed" },
		{ "relayhost=[h.test]\nalias_maps=hash:/etc/none\n", NULL, "aliases",
		  "main.cf:2: alias_maps: not carried over: /etc/none: No such file" },
		{ "relayhost=[h.test]\nalias_maps=ldap:x\n", NULL, "aliases",
		  "relay reads one file only" },
		{ "relayhost=[h.test]\nmyhostname=a.b.test\n",
		  "domain a.b.test\nmaildomain a.b.test\n", NULL, "mail to NAME@a.b.test goes" },
		{ "relayhost=[h.test]\nmydestination=\nmyhostname=a.test\nmyorigin=pi.home.test\n"
		  "smtp_helo_name=b.test\n", "domain b.test\n", "a.test", NULL },
	};

	(void)state;
	CHECK(rows);
}

static void times_and_numbers(void **state)
{
	static const struct row rows[] = {
		{ BASE "maximal_queue_lifetime=3\nbounce_queue_lifetime=1w\nminimal_backoff_time=60\n"
		  "maximal_backoff_time=2h\ndelay_warning_time=4\nmessage_size_limit=20480000\n"
		  "inet_protocols=ipv4\nsmtp_bind_address=192.0.2.1\n",
		  "message_size_limit 20480000\nmaximal_queue_lifetime 3\nbounce_queue_lifetime 1w\n"
		  "minimal_backoff_time 60\nmaximal_backoff_time 2h\ndelay_warning_time 4\n", NULL,
		  "smtp_bind_address: changed" },
		{ BASE "inet_protocols=ipv4, ipv6\n", "inet_protocols all\n", NULL, NULL },
		{ BASE "minimal_backoff_time=2h\n",
		  "minimal_backoff_time 2h\nmaximal_backoff_time 2h\n", NULL, "both became 2h" },
		{ BASE "maximal_backoff_time=100s\n",
		  "minimal_backoff_time 300s\nmaximal_backoff_time 300s\n", NULL, "both became 300s" },
		{ BASE "maximal_queue_lifetime=x\n", NULL, "lifetime",
		  "cannot be maximal_queue_lifetime in relayrc: not a time" },
		{ BASE "default_destination_concurrency_limit=2\n", "max_connections 2\n", NULL,
		  NULL },
		{ BASE "smtp_destination_concurrency_limit=500\n"
		  "default_destination_concurrency_limit=2\n", "max_connections 100\n", NULL,
		  "100 is the most" },
	};

	(void)state;
	CHECK(rows);
}

static void other_parameters_are_told(void **state)
{
	struct imported got = import_text(
		BASE "smtpd_banner=x\nmynetworks=y\nhome_mailbox=z\ncontent_filter=\n"
		"inet_interfaces=all\nqueue_run_delay=1\nalways_bcc=me@x.test\nbody_checks=\n"
		"nobody_knows=1\nmine=$other\nx=$mine\nother=1\nsmtp_x=\nloop=$loop\n"
		"smtp_helo_name=$loop\n  garbage\nmore garbage\n");
	struct buf line;

	(void)state;
	has(&got.notes, "main.cf:8: queue_run_delay: not carried over: is the time between");
	has(&got.notes, "main.cf:9: always_bcc: not carried over: relay makes no copies\n");
	has(&got.notes, "main.cf:11: nobody_knows: not carried over: relay does not know this");
	has(&got.notes, "main.cf:17: smtp_helo_name: not carried over: $loop stands for itself");
	has(&got.notes, "main.cf:19: (no name): not carried over: not `name = value`");
	has_not(&got.notes, "body_checks");
	has_not(&got.notes, "mine:");
	buf_init(&line, 1000);
	assert_true(import_print_not_needed(&got.im, &line));
	assert_string_equal(line.data, "not needed here: smtpd_banner, mynetworks, home_mailbox, "
			    "content_filter, inet_interfaces, smtp_x");
	buf_clear(&line);
	imported_clear(&got);
}

static void who_may_send(void **state)
{
	static const char key[] = "\nauthorized_submit_users ";
	static const struct row rows[] = {
		{ BASE, NULL, key, NULL },
		{ BASE "authorized_submit_users = static:anyone\n", "users static:anyone\n", NULL, NULL },
		{ BASE "authorized_submit_users = !bob, root\n  www-data\n",
		  "users !bob root www-data\n", NULL, NULL },
		{ BASE "authorized_submit_users = /etc/postfix/users, root\n",
		  "users ann joe root\n", NULL, NULL },
		{ BASE "authorized_submit_users = !/etc/postfix/users, static:all\n",
		  "users !ann !joe static:all\n", NULL, NULL },
		{ BASE "authorized_submit_users = root, hash:/etc/postfix/u\n", "users root\n", "hash:",
		  "main.cf:3: authorized_submit_users: not carried over: hash:/etc/postfix/u: relay "
		  "has a list of names only; write the login names there\n" },
		/* In doubt nobody. */
		{ BASE "authorized_submit_users = !hash:/etc/postfix/u, static:all\n", "users root\n",
		  "static", "till then nobody but root may send" },
		{ BASE "authorized_submit_users = !/etc/postfix/closed static:all\n", "users root\n",
		  "static", "/etc/postfix/closed: Permission denied; write" },
		{ BASE "authorized_submit_users = hash:/etc/postfix/u\n", "users root\n", "hash",
		  "write the login names" },
	};

	(void)state;
	CHECK(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server),
		cmocka_unit_test(a_login),
		cmocka_unit_test(tls_levels),
		cmocka_unit_test(senders),
		cmocka_unit_test(local_names),
		cmocka_unit_test(who_may_send),
		cmocka_unit_test(times_and_numbers),
		cmocka_unit_test(other_parameters_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
