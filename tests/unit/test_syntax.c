/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/syntax.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void ip_addresses_have_a_version(void **state)
{
	static const struct {
		const char *text;
		int version;
	} rows[] = {
		{ "192.0.2.1", 4 },
		{ "2001:db8::1", 6 },
		{ "fe80::1%eth0", 6 },
		{ "::", 6 },
		{ "::ffff:192.0.2.1", 6 },
		{ "192.0.2.256", 0 },
		{ "192.0.2", 0 },
		{ "", 0 },
		{ "fe80::1%", 0 },
		{ "192.0.2.1%eth0", 0 },
		{ "[::1]", 0 },
		{ "x", 0 },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(syntax_ip_version(rows[i].text), rows[i].version);
	}
}

static void host_names(void **state)
{
	static const char *const good[] = {
		"localhost",	   "smtp.example.org", "smtp.example.org.",
		"a_b.example",	   "1.2.3.4.5x",       "192.0.2.1",
		"2001:db8::1",	   "[2001:db8::1]",    "fe80::1%eth0",
		"\xe4\xbe\x8b.jp", "xn--fsqu00a.jp",   "msa.a1.auone-net.jp",
	};
	static const char *const bad[] = {
		"",
		".",
		"a..b",
		".a",
		"-a.b",
		"a-.b",
		"a.b-",
		"a b",
		"a/b",
		"smtp.example.org:",
		"user@host",
		"[::1",
		"[x]",
		"[IPv6:::1]",
		"a,b",
		"%",
		"\xff.jp",
		"a.-",
		"0123456789012345678901234567890123456789012345678901234567890123.org",
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(syntax_host(good[i], &e));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(syntax_host(bad[i], &e));
		assert_string_equal(e.text, "not a host name or IP address");
	}
	assert_false(syntax_host("smtp.example.org:587", &e));
	assert_string_equal(e.text, "not a host name; a port has its own line: port 587");
	assert_false(syntax_host("smtps://smtp.example.org:465", &e));
	assert_string_equal(e.text, "not a host name but a URL; write only the name, as in: "
				    "host smtp.example.org");

	char longest[300];
	for (size_t i = 0; i < sizeof(longest); i++) {
		longest[i] = i % 2 ? '.' : 'a';
	}
	longest[253] = '\0';
	assert_true(syntax_host(longest, &e));
	longest[253] = '.';
	longest[255] = '\0';
	assert_false(syntax_host(longest, &e));
}

static void domains(void **state)
{
	static const char *const good[] = { "example.org", "localhost", "[192.0.2.1]",
					    "[IPv6:2001:db8::1]", "[ipv6:::1]" };
	static const char *const bad[] = {
		"",  "a b", "[2001:db8::1]", "[IPv6:192.0.2.1]", "::1", "a@b", "[]",
		"[", "a>b"
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		assert_true(syntax_domain(good[i], &e));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(syntax_domain(bad[i], &e));
	}
}

static void fingerprints(void **state)
{
	static const char sha1[] =
		"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33";
	static const char *const bad[] = {
		"",
		"0",
		"00:11",
		"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:3",
		"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:2233",
		"00::11223344556677889900112233445566",
		":00112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff:",
		"0g112233445566778899aabbccddeeff",
		"00112233445566778899aabbccddeeff0011",
	};
	struct err e;

	(void)state;
	assert_true(syntax_fingerprint(sha1, &e));
	assert_true(syntax_fingerprint("00112233445566778899aabbccddeeFF", &e));
	assert_true(syntax_fingerprint(
		"00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF", &e));
	for (size_t i = 0; i < COUNT(bad); i++) {
		assert_false(syntax_fingerprint(bad[i], &e));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ip_addresses_have_a_version),
		cmocka_unit_test(host_names),
		cmocka_unit_test(domains),
		cmocka_unit_test(fingerprints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
