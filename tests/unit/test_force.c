/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void port_and_tls_decide_each_other(void **state)
{
	static const struct {
		const char *text;
		bool tls, starttls;
		unsigned port;
	} rows[] = {
		{ "host h", true, false, 465 },
		{ "host h\ntls on", true, false, 465 },
		{ "host h\ntls_starttls on", true, true, 587 },
		{ "host h\ntls_starttls off", true, false, 465 },
		{ "host h\nport 587", true, true, 587 },
		{ "host h\nport 25", true, true, 25 },
		{ "host h\nport 2525", true, true, 2525 },
		{ "host h\nport 1025", true, true, 1025 },
		{ "host h\nport 465", true, false, 465 },
		{ "host h\nport 2465", true, false, 2465 },
		{ "host h\nport 465\ntls_starttls on", true, true, 465 },
		{ "host h\nport 587\ntls_starttls off", true, false, 587 },
		{ "host h\ntls off", false, false, 25 },
		{ "host h\ntls off\nport 587", false, false, 587 },
		{ "host h\ntls off\ntls_starttls on", false, false, 25 },
		{ "socket /s", false, false, 0 },
		{ "socket /s\nport 587", false, false, 0 },
		{ "socket /s\ntls on", true, false, 0 },
		{ "socket /s\ntls on\ntls_starttls on", true, true, 0 },
		{ "host h\nprotocol lmtp", true, false, 0 },
		{ "host h\nprotocol lmtp\nport 24", true, true, 24 },
		{ "host h\nport 587\nport", true, false, 465 },
		{ "socket /s\nsocket", true, false, 465 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct account *a = good(&c, rows[i].text, NULL);
		assert_int_equal(conf_on(a, KEY_TLS), rows[i].tls);
		assert_int_equal(conf_starttls(a), rows[i].starttls);
		assert_int_equal(conf_port(a), rows[i].port);
		conf_clear(&c);
	}
}

static void a_user_means_a_login(void **state)
{
	static const struct {
		const char *text;
		bool auth;
		const char *mechanisms;
	} rows[] = {
		{ "host h", false, NULL },
		{ "user u", true, NULL },
		{ "user u\nuser", false, NULL },
		{ "user u\nauth off", false, NULL },
		{ "auth on", true, NULL },
		{ "auth", true, NULL },
		{ "auth plain,LOGIN", true, "plain login" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct account *a = good(&c, rows[i].text, NULL);
		assert_int_equal(conf_wants_auth(a), rows[i].auth);
		if (rows[i].mechanisms) {
			assert_string_equal(conf_mechanisms(a), rows[i].mechanisms);
		} else {
			assert_null(conf_mechanisms(a));
		}
		conf_clear(&c);
	}
}

static void defaults_are_in_force(void **state)
{
	struct conf c;
	struct account *a = good(&c, "host h", NULL);

	(void)state;
	assert_string_equal(conf_text(a, KEY_TLS_TRUST_FILE), "system");
	assert_true(conf_on(a, KEY_TLS_CERTCHECK));
	assert_true(conf_on(a, KEY_REMOVE_BCC_HEADERS));
	assert_int_equal(conf_number(a, KEY_PROXY_PORT), 1080);
	assert_int_equal(conf_number(a, KEY_TIMEOUT), 0);
	assert_int_equal(conf_number(a, KEY_MESSAGE_SIZE_LIMIT), 0);
	assert_true(conf_is(a, KEY_SET_FROM_HEADER, "auto"));
	assert_true(conf_is(a, KEY_PROTOCOL, "smtp"));
	assert_true(conf_is(a, KEY_INET_PROTOCOLS, "all"));
	assert_false(conf_is(a, KEY_DOMAIN, ""));
	assert_null(conf_text(a, KEY_DOMAIN));
	assert_int_equal(conf_number(a, KEY_DSN_NOTIFY), CONF_NOTIFY_OFF);
	assert_false(conf_is_set(a, KEY_TLS));
	conf_clear(&c);
}

static void nothing_is_a_value(void **state)
{
	struct conf c;
	struct account *a = good(&c, "host h\ntls_trust_file\nlogfile \"\"\n", NULL);
	char origin[16];

	(void)state;
	assert_null(conf_text(a, KEY_TLS_TRUST_FILE));
	assert_false(conf_is_set(a, KEY_TLS_TRUST_FILE));
	assert_null(conf_text(a, KEY_LOGFILE));
	conf_origin(a, KEY_TLS_TRUST_FILE, origin, sizeof(origin));
	assert_string_equal(origin, "rc:2");
	conf_origin(a, KEY_TLS, origin, sizeof(origin));
	assert_string_equal(origin, "default");
	conf_origin(a, KEY_TLS_TRUST_FILE, origin, 3);
	assert_string_equal(origin, "rc");
	conf_clear(&c);
}

static void from_is_an_address_or_not(void **state)
{
	struct conf c;

	(void)state;
	assert_string_equal(conf_from(good(&c, "from a@b", NULL)), "a@b");
	conf_clear(&c);
	assert_null(conf_from(good(&c, "from *@b", NULL)));
	conf_clear(&c);
	assert_null(conf_from(good(&c, "from", NULL)));
	conf_clear(&c);
	assert_null(conf_from(good(&c, "host h", NULL)));
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(port_and_tls_decide_each_other),
		cmocka_unit_test(a_user_means_a_login),
		cmocka_unit_test(defaults_are_in_force),
		cmocka_unit_test(nothing_is_a_value),
		cmocka_unit_test(from_is_an_address_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
