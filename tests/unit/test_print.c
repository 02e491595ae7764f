/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

static void print(const struct account *a, struct buf *to)
{
	buf_init(to, 1 << 20);
	assert_true(conf_print(a, to));
}

static void every_setting_in_force_has_its_origin(void **state)
{
	struct conf c;
	struct account *a =
		good(&c,
		     "host h\nuser \" a b\"\npassword geheim\ntls_trust_file\n"
		     "keepbcc\nlogfile ~/log\nfrom a@b\nmaximal_queue_lifetime 5\n",
		     NULL);
	struct buf out;
	struct err e;

	(void)state;
	assert_true(
		conf_set(a, KEY_PORT, span_str("2525"), "command line", &test_env, &e));
	print(a, &out);
	assert_string_equal(out.data, "account default\t# rc:1\n"
				      "host h\t# rc:1\n"
				      "port 2525\t# command line\n"
				      "protocol smtp\t# default\n"
				      "timeout off\t# default\n"
				      "inet_protocols all\t# default\n"
				      "proxy_port 1080\t# default\n"
				      "auth on\t# default\n"
				      "auth_cleartext off\t# default\n"
				      "user \" a b\"\t# rc:2\n"
				      "password ********\t# rc:3\n"
				      "tls on\t# default\n"
				      "tls_starttls on\t# default\n"
				      "tls_certcheck on\t# default\n"
				      "tls_trust_file \"\"\t# rc:4\n"
				      "from a@b\t# rc:7\n"
				      "allow_from_override on\t# default\n"
				      "auto_from off\t# default\n"
				      "set_from_header auto\t# default\n"
				      "set_to_header off\t# default\n"
				      "set_date_header auto\t# default\n"
				      "set_msgid_header auto\t# default\n"
				      "remove_bcc_headers off\t# rc:5\n"
				      "dsn_notify off\t# default\n"
				      "dsn_return off\t# default\n"
				      "message_size_limit 0\t# default\n"
				      "logfile /home/me/log\t# rc:6\n"
				      "syslog off\t# default\n"
				      "syslog_name postfix\t# default\n"
				      "queue on\t# default\n"
				      "delivery_mode interactive\t# default\n"
				      "maximal_queue_lifetime 5\t# rc:8\n"
				      "bounce_queue_lifetime 5d\t# default\n"
				      "minimal_backoff_time 300s\t# default\n"
				      "maximal_backoff_time 4000s\t# default\n"
				      "delay_warning_time 0h\t# default\n"
				      "authorized_submit_users static:anyone\t# default\n"
				      "submit_queue_limit 1000\t# default\n"
				      "submit_concurrency_limit 20\t# default\n"
				      "max_connections 4\t# default\n"
				      "messages_in_flight 5\t# default\n");
	buf_clear(&out);
	conf_clear(&c);
}

/* What is printed means the same when it is read again. */
static void the_output_parses_again(void **state)
{
	static const char *const users[] = {
		"x",	 "\"",	   "\"\"x\"\"",	 "\" \"", "#x",	 "a # b",
		"a\t#b", "\"\"\"", "\" a\"b \"", "\\",	  "a\"", "\"a\tb\"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		struct conf first, second;
		struct buf once, text;
		char line[160];
		snprintf(line, sizeof(line),
			 "host h\nuser %s\nmaximal_queue_lifetime 36H\n"
			 "delay_warning_time OFF\ndelivery_mode d\n"
			 "minimal_backoff_time 1m\nsystem_mail \"a b\"@c.example\n",
			 users[i]);
		struct account *a = good(&first, line, NULL);
		print(a, &once);
		buf_init(&text, 1 << 20);
		assert_true(buf_add_span(&text, buf_span(&once)));
		struct account *b = good(&second, text.data, NULL);
		assert_string_equal(conf_text(a, KEY_USER), conf_text(b, KEY_USER));
		assert_string_equal(conf_text(a, KEY_SYSTEM_MAIL),
				    conf_text(b, KEY_SYSTEM_MAIL));
		for (size_t k = 0; k < KEY_COUNT; k++) {
			assert_int_equal(conf_number(a, (enum key)k),
					 conf_number(b, (enum key)k));
		}
		buf_clear(&once);
		buf_clear(&text);
		conf_clear(&first);
		conf_clear(&second);
	}
}

static void nothing_dangerous_is_printed(void **state)
{
	struct conf c;
	struct buf out;
	struct account *a = good(&c,
				 "host h\nlogfile /a\xff\xc2\x9b"
				 "b\n",
				 NULL);

	(void)state;
	print(a, &out);
	assert_non_null(strstr(out.data, "logfile /a???b\t# rc:2\n"));
	buf_clear(&out);
	buf_init(&out, 20);
	assert_false(conf_print(a, &out));
	buf_clear(&out);
	conf_clear(&c);
}

static void every_line_of_a_setting_is_printed(void **state)
{
	struct conf c;
	struct buf out;
	struct account *a = good(&c, "to a.x,b.x\nhost h\nto c.x\nfallback d e\n", NULL);

	(void)state;
	print(a, &out);
	assert_non_null(strstr(out.data, "\nto a.x b.x\t# rc:1\nto c.x\t# rc:3\n"
					 "fallback d e\t# rc:4\n"));
	buf_clear(&out);
	conf_clear(&c);
}

static void values_are_shown_one_by_one_without_secrets(void **state)
{
	static const struct {
		enum key key;
		const char *want;
	} rows[] = {
		{ KEY_HOST, "h" },	   { KEY_PASSWORD, "********" },
		{ KEY_USER, NULL },	   { KEY_PORT, "465" },
		{ KEY_TLS_TRUST_FILE, "" }, { KEY_LOGFILE, "/a\xff" "b" },
	};
	struct conf c;
	const struct account *a = good(&c, "host h\npassword p\ntls_trust_file\n"
					   "logfile /a\xff" "b\ntls_key_file "
					   "pkcs11:token=t?pin-value=1234\n", NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = conf_shown(a, rows[i].key);
		assert_int_equal(text == NULL, rows[i].want == NULL);
		if (text) {
			assert_string_equal(text, rows[i].want);
		}
		free(text);
	}
	char *uri = conf_shown(a, KEY_TLS_KEY_FILE);
	assert_null(strstr(uri, "1234"));
	free(uri);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_setting_in_force_has_its_origin),
		cmocka_unit_test(the_output_parses_again),
		cmocka_unit_test(nothing_dangerous_is_printed),
		cmocka_unit_test(every_line_of_a_setting_is_printed),
		cmocka_unit_test(values_are_shown_one_by_one_without_secrets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
