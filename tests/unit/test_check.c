/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define PIN	    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void settings_that_fit(void **state)
{
	static const char *const rows[] = {
		"host h\n",
		"host h\nuser u\n",
		"host h\nauth external\ntls_cert_file c\ntls_key_file k\n",
		"host h\nauth gssapi external\n",
		"host h\nauth off\n",
		"host h\nprotocol lmtp\nport 24\n",
		"host srv:h.example h\n",
		"socket /s\nhost srv:h.example\ntls off\nport 25\n",
		"port 25\nhost srv:h.example\nport\n",
		"socket /s\nprotocol lmtp\n",
		"socket /s\n",
		"host h\ntls off\n",
		"host h\ntls off\nuser u\nauth on\n",
		"host h\ntls off\nuser u\nauth scram-sha-256 plain\n",
		"host h\ntls off\nuser u\nauth plain\nauth_cleartext on\n",
		"host h\ntls_trust_file\ntls_fingerprint " PIN "\n",
		"host h\ntls_trust_file\ntls_certcheck off\n",
		"host h\ntls_trust_file\ntls off\n",
		"host h\ntls_starttls on\ntls_starttls off\ntls off\n",
		"defaults\ntls_starttls on\naccount default\nhost h\ntls off\n",
		"host h\nproxy_host p\n",
		"host h\nsource_ip 192.0.2.1\ninet_protocols ipv4\n",
		"host h\nsource_ip ::1\ninet_protocols all\n",
		"host h\nfrom a@b\nallow_from_override off\n",
		"host h\nauto_from on\nallow_from_override off\n",
		"socket /s\nsource_ip ::1\ninet_protocols ipv6\n",
		"host h\nminimal_backoff_time 4000\n",
		"host h\nmaximal_backoff_time 5m\n",
		"host h\nminimal_backoff_time 2d\nmaximal_backoff_time 48h\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct err e = { 0 };
		if (!conf_check(good(&c, rows[i], NULL), &e)) {
			fail_msg("%s\n%s", e.text, rows[i]);
		}
		conf_clear(&c);
	}
}

static void settings_that_do_not_fit(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "\nfrom a@b\n",
		  "rc:2: host: the account has no server; add a line: host NAME" },
		{ "host h\nhost\n",
		  "rc:2: host: the account has no server; add a line: host NAME" },
		{ "host h\nprotocol lmtp\n",
		  "rc:2: protocol: LMTP has no usual port; add port or socket" },
		{ "host h\nprotocol lmtp\nport 25\n",
		  "rc:3: port: LMTP must not use port 25 (RFC 2033)" },
		{ "host h srv:h.example\nport 587\n",
		  "rc:2: port: with srv: the port comes from DNS; remove port, or name the "
		  "server in host" },
		{ "host srv:h.example\ntls off\n",
		  "rc:2: tls: off does not go together with srv:, which stands for servers with "
		  "TLS; set: tls on, or name the server in host" },
		{ "host srv:h.example\nprotocol lmtp\n",
		  "rc:2: protocol: LMTP servers are not found with srv:; name the server in "
		  "host" },
		{ "socket /s\nproxy_host p\n",
		  "rc:2: proxy_host: a proxy does not go together with a socket" },
		{ "host h\nsource_ip ::1\ninet_protocols ipv4\n",
		  "rc:2: source_ip: does not go together with inet_protocols" },
		{ "host h\nsource_ip 192.0.2.1\ninet_protocols ipv6\n",
		  "rc:2: source_ip: does not go together with inet_protocols" },
		{ "host h\nauth on\n",
		  "rc:2: auth: a login needs a user; add a line: user NAME" },
		{ "host h\nauth external plain\n",
		  "rc:2: auth: a login needs a user; add a line: user NAME" },
		{ "host h\nuser u\ntls off\n",
		  "rc:3: tls: no login without TLS; use TLS, or add a line: auth on" },
		{ "socket /s\nuser u\n",
		  "rc:1: socket: no login without TLS; use TLS, or add a line: auth on" },
		{ "host h\nuser u\ntls off\nauth plain login\n",
		  "rc:4: auth: these mechanisms show the password to everybody on the "
		  "way when "
		  "there is no TLS; use TLS, or add a line: auth_cleartext on" },
		{ "host h\ntls_certcheck off\ntls_fingerprint " PIN "\n",
		  "rc:2: tls_certcheck: off does not go together with tls_fingerprint; "
		  "remove one "
		  "of them" },
		{ "host h\ntls_trust_file\n",
		  "rc:2: tls_trust_file: nothing is trusted, so no certificate can be "
		  "verified; "
		  "name a file, or system, or set tls_fingerprint" },
		{ "host h\ntls_cert_file c\n",
		  "rc:2: tls_cert_file: needs tls_key_file, too" },
		{ "host h\ntls_key_file k\n",
		  "rc:2: tls_key_file: needs tls_cert_file, too" },
		{ "host h\ntls_starttls on\ntls off\n",
		  "rc:2: tls_starttls: on, but TLS is off; remove this line, or set: tls "
		  "on" },
		{ "defaults\ntls off\naccount default\nhost h\ntls_starttls\n",
		  "rc:5: tls_starttls: on, but TLS is off; remove this line, or set: tls "
		  "on" },
		{ "host h\nminimal_backoff_time 4001\n",
		  "rc:2: minimal_backoff_time: must not be longer than "
		  "maximal_backoff_time, which is 4000s" },
		{ "host h\nmaximal_backoff_time 4m\n",
		  "rc:2: maximal_backoff_time: must not be shorter than "
		  "minimal_backoff_time, which is 300s" },
		{ "host h\nmaximal_backoff_time 1h\nminimal_backoff_time 2h\n",
		  "rc:3: minimal_backoff_time: must not be longer than "
		  "maximal_backoff_time, which is 1h" },
		{ "host h\nallow_from_override off\n",
		  "rc:2: allow_from_override: off needs an address (not a pattern) in "
		  "from" },
		{ "host h\nfrom *@b\nallow_from_override off\n",
		  "rc:3: allow_from_override: off needs an address (not a pattern) in "
		  "from" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct err e = { 0 };
		if (conf_check(good(&c, rows[i].text, NULL), &e)) {
			fail_msg("accepted: %s", rows[i].text);
		}
		assert_string_equal(e.text, rows[i].error);
		assert_int_equal(e.cause, CAUSE_CONFIG);
		conf_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_fit),
		cmocka_unit_test(settings_that_do_not_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
