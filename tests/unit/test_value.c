/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/value.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define BAD_TIME    "not a time: write a number and s, m, h, d or w, such as 5d"

static bool give_name(void *arg, char letter, struct buf *to, struct err *e)
{
	(void)e;
	return buf_printf(to, "%s%c", (const char *)arg, letter);
}

static bool give_break(void *arg, char letter, struct buf *to, struct err *e)
{
	(void)arg;
	(void)letter;
	(void)e;
	return buf_add_str(to, "a\nb");
}

static const struct conf_env env = { .home = "/home/me" };

static void good_values(void **state)
{
	static const struct {
		enum key key;
		const char *in, *text;
		long number;
	} rows[] = {
		{ KEY_USER, "a b", "a b", 0 },
		{ KEY_USER, "", NULL, 0 },
		{ KEY_PASSWORD, "p\xff#", "p\xff#", 0 },
		{ KEY_LOGFILE, "~/x", "/home/me/x", 0 },
		{ KEY_LOGFILE, "~", "/home/me", 0 },
		{ KEY_LOGFILE, "/a~b", "/a~b", 0 },
		{ KEY_LOGFILE, "-", "-", 0 },
		{ KEY_TLS_TRUST_FILE, "", NULL, 0 },
		{ KEY_TLS, "", "on", 1 },
		{ KEY_TLS, "on", "on", 1 },
		{ KEY_TLS, "off", "off", 0 },
		{ KEY_TLS, "OFF", "off", 0 },
		{ KEY_PORT, "65535", "65535", 65535 },
		{ KEY_TIMEOUT, "off", "off", 0 },
		{ KEY_TIMEOUT, "30", "30", 30 },
		{ KEY_MESSAGE_SIZE_LIMIT, "0", "0", 0 },
		{ KEY_MESSAGE_SIZE_LIMIT, "10240000", "10240000", 10240000 },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "5", "5", 432000 },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "0", "0", 0 },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "36H", "36H", 129600 },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "3650d", "3650d", 315360000 },
		{ KEY_BOUNCE_QUEUE_LIFETIME, "1w", "1w", 604800 },
		{ KEY_MINIMAL_BACKOFF_TIME, "1", "1", 1 },
		{ KEY_MINIMAL_BACKOFF_TIME, "5m", "5m", 300 },
		{ KEY_MAXIMAL_BACKOFF_TIME, "4000", "4000", 4000 },
		{ KEY_DELAY_WARNING_TIME, "4", "4", 14400 },
		{ KEY_DELAY_WARNING_TIME, "0h", "0h", 0 },
		{ KEY_DELAY_WARNING_TIME, "OFF", "OFF", 0 },
		{ KEY_QUEUE, "", "on", 1 },
		{ KEY_QUEUE_DIRECTORY, "~/queue", "/home/me/queue", 0 },
		{ KEY_QUEUE_DIRECTORY, "/q", "/q", 0 },
		{ KEY_QUEUE_DIRECTORY, "", NULL, 0 },
		{ KEY_DELIVERY_MODE, "i", "interactive", 0 },
		{ KEY_DELIVERY_MODE, "Background", "background", 1 },
		{ KEY_DELIVERY_MODE, "q", "queue", 2 },
		{ KEY_DELIVERY_MODE, "deferred", "queue", 2 },
		{ KEY_DELIVERY_MODE, "d", "queue", 2 },
		{ KEY_SYSTEM_MAIL, "me@example.org", "me@example.org", 0 },
		{ KEY_SYSTEM_MAIL, "Me <me@example.org>", "me@example.org", 0 },
		{ KEY_SYSTEM_MAIL, "", NULL, 0 },
		{ KEY_PROTOCOL, "lmtp", "lmtp", 1 },
		{ KEY_SET_FROM_HEADER, "", "on", 1 },
		{ KEY_SET_FROM_HEADER, "off", "off", 2 },
		{ KEY_SET_TO_HEADER, "undisclosed_recipients", "undisclosed_recipients",
		  2 },
		{ KEY_SYSLOG, "", "on", 1 },
		{ KEY_SYSLOG, "log_mail", "LOG_MAIL", 3 },
		{ KEY_DSN_RETURN, "hdrs", "headers", 1 },
		{ KEY_DSN_NOTIFY, "never", "never", CONF_NOTIFY_NEVER },
		{ KEY_DSN_NOTIFY, "off", "off", 0 },
		{ KEY_DSN_NOTIFY, "failure,delay", "failure,delay",
		  CONF_NOTIFY_FAILURE | CONF_NOTIFY_DELAY },
		{ KEY_DSN_NOTIFY, "SUCCESS", "SUCCESS", CONF_NOTIFY_SUCCESS },
		{ KEY_AUTH, "", "on", 1 },
		{ KEY_AUTH, "off", "off", 0 },
		{ KEY_AUTH, "SCRAM-SHA-256,  plain", "scram-sha-256 plain", 1 },
		{ KEY_HOST, "smtp.example.org", "smtp.example.org", 0 },
		{ KEY_SOURCE_IP, "2001:db8::1", "2001:db8::1", 0 },
		{ KEY_DOMAIN, "[192.0.2.1]", "[192.0.2.1]", 0 },
		{ KEY_FROM, "me@example.org", "me@example.org", 0 },
		{ KEY_FROM, "<me@example.org>", "me@example.org", 0 },
		{ KEY_FROM, "Me <me@example.org>", "me@example.org", 0 },
		{ KEY_FROM, "root", "root", 0 },
		{ KEY_FROM, "*@example.org", "*@example.org", 0 },
		{ KEY_FROM, "%U@%H", "%U@%H", 0 }, /* not known here: left alone */
		{ KEY_FROM, "", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_value v;
		struct err e = { 0 };
		if (!value_parse(rows[i].key, span_str(rows[i].in), &env, &v, &e)) {
			fail_msg("%s: %s", rows[i].in, e.text);
		}
		assert_true(v.is_set);
		if (rows[i].text) {
			assert_string_equal(v.text, rows[i].text);
		} else {
			assert_null(v.text);
		}
		assert_int_equal(v.number, rows[i].number);
		value_clear(rows[i].key, &v);
	}
}

static void bad_values(void **state)
{
	static const struct {
		enum key key;
		const char *in, *error;
	} rows[] = {
		{ KEY_PORT, "0", "must be a number from 1 to 65535" },
		{ KEY_PORT, "65536", "must be a number from 1 to 65535" },
		{ KEY_PORT, "-1", "must be a number from 1 to 65535" },
		{ KEY_PORT, "0x10", "must be a number from 1 to 65535" },
		{ KEY_PORT, "off", "must be a number from 1 to 65535" },
		{ KEY_PORT, "587 # submission",
		  "must be a number from 1 to 65535 (a comment needs its own line)" },
		{ KEY_TIMEOUT, "0", "must be off, or a number from 1 to 86400" },
		{ KEY_TIMEOUT, "99999999999999999999",
		  "must be off, or a number from 1 to 86400" },
		{ KEY_MESSAGE_SIZE_LIMIT, "10M", "must be a number, at least 0" },
		{ KEY_TLS, "yes", "must be on or off" },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "5 d", BAD_TIME },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "5y", BAD_TIME },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "1d12h", BAD_TIME },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "-1d", BAD_TIME },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "off", BAD_TIME },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "3651d", "must be at most 3650d" },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "99999999999999999999",
		  "must be at most 3650d" },
		{ KEY_MINIMAL_BACKOFF_TIME, "0", "must be at least 1s" },
		{ KEY_MAXIMAL_BACKOFF_TIME, "0w", "must be at least 1s" },
		{ KEY_DELAY_WARNING_TIME, "never",
		  "not a time: write off, or a number and s, m, h, d or w, such as 5d" },
		{ KEY_MAX_CONNECTIONS, "0", "must be a number from 1 to 100" },
		{ KEY_MESSAGES_IN_FLIGHT, "101", "must be a number from 1 to 100" },
		{ KEY_QUEUE_DIRECTORY, "q", "must begin with / or ~/" },
		{ KEY_QUEUE_DIRECTORY, "./q", "must begin with / or ~/" },
		{ KEY_DELIVERY_MODE, "x",
		  "must be one of: interactive, background, queue" },
		{ KEY_SYSTEM_MAIL, "root",
		  "the address needs a domain, as in me@example.org" },
		{ KEY_SYSTEM_MAIL, "a@b, c@d",
		  "not a mail address: in the value: column 6: a second address; exactly one "
		  "is needed" },
		{ KEY_PROTOCOL, "imap", "must be one of: smtp, lmtp" },
		{ KEY_SET_DATE_HEADER, "on", "must be one of: auto, off" },
		{ KEY_DSN_RETURN, "x", "must be one of: off, headers, full" },
		{ KEY_DSN_NOTIFY, "never,delay",
		  "must be off, never, or some of: failure, delay, success" },
		{ KEY_AUTH, "plain on",
		  "must be on, off, or some of: plain, login, scram-sha-1, "
		  "scram-sha-1-plus, "
		  "scram-sha-256, scram-sha-256-plus, cram-md5, digest-md5, ntlm, "
		  "external, "
		  "gssapi, oauthbearer, xoauth2" },
		{ KEY_LOGFILE, "~you/x", "only ~/ is understood, not ~name" },
		{ KEY_USER, "a\nb", "a control character in the value" },
		{ KEY_PASSWORD, "a\rb", "a control character in the value" },
		{ KEY_USER, "a\t# b", "a TAB and \"# \" in the value" },
		{ KEY_FROM_FULL_NAME, "M\xfcller", "not UTF-8" },
		{ KEY_FROM, "*@\xff", "not UTF-8" },
		{ KEY_HOST, "t\xc2\x8b", "a control character in the value" },
		{ KEY_SOURCE_IP, "localhost", "not an IP address" },
		{ KEY_DOMAIN, "a b", "not a domain" },
		{ KEY_FROM, "<>", "not a mail address" },
		{ KEY_FROM, "* @x", "a pattern cannot have blanks" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf_value v;
		struct err e = { 0 };
		if (value_parse(rows[i].key, span_str(rows[i].in), &env, &v, &e)) {
			fail_msg("accepted: %s", rows[i].in);
		}
		assert_string_equal(e.text, rows[i].error);
		assert_int_equal(e.cause, CAUSE_CONFIG);
		assert_null(v.text);
	}
}

static void malformed_senders_are_refused(void **state)
{
	static const char *const bad[] = { "a b@c", "a@b, c@d",	 "@",
					   "a@",    "\"a\\\"@b", "a@b>" };

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct conf_value v;
		struct err e = { 0 };
		assert_false(value_parse(KEY_FROM, span_str(bad[i]), &env, &v, &e));
		assert_int_equal(e.cause, CAUSE_CONFIG);
	}
}

static void a_nul_is_refused(void **state)
{
	struct conf_value v;
	struct err e = { 0 };

	(void)state;
	assert_false(value_parse(KEY_PASSWORD, span_of("a\0b", 3), &env, &v, &e));
	assert_string_equal(e.text, "a control character in the value");
}

static void an_empty_number_is_the_default_again(void **state)
{
	static const enum key keys[] = { KEY_PORT, KEY_PROTOCOL, KEY_DSN_NOTIFY,
					 KEY_MAXIMAL_QUEUE_LIFETIME, KEY_DELIVERY_MODE };
	struct conf_value v;
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		assert_true(value_parse(keys[i], span_str(""), &env, &v, &e));
		assert_false(v.is_set);
	}
}

static void home_may_be_unknown(void **state)
{
	struct conf_env nobody = { 0 };
	struct conf_value v;
	struct err e = { 0 };

	(void)state;
	assert_false(value_parse(KEY_LOGFILE, span_str("~/x"), &nobody, &v, &e));
	assert_string_equal(e.text, "the home directory (~) is not known");
}

static void names_are_substituted_and_checked_then(void **state)
{
	char prefix[] = "n";
	struct conf_env named = { .name = give_name, .name_arg = prefix };
	struct conf_env broken = { .name = give_break };
	struct conf_value v;
	struct err e = { 0 };

	(void)state;
	assert_true(
		value_parse(KEY_FROM, span_str("%U+x%y@%H.%C.%M"), &named, &v, &e));
	assert_string_equal(v.text, "nU+x%y@nH.nC.nM");
	value_clear(KEY_FROM, &v);
	assert_true(value_parse(KEY_DOMAIN, span_str("%H"), &named, &v, &e));
	assert_string_equal(v.text, "nH");
	value_clear(KEY_DOMAIN, &v);
	assert_false(value_parse(KEY_DOMAIN, span_str("%H"), &broken, &v, &e));
	assert_false(value_parse(KEY_DOMAIN, span_str("%H/"), &named, &v, &e));
	assert_true(value_parse(KEY_USER, span_str("%U"), &named, &v, &e));
	assert_string_equal(v.text, "%U");
	value_clear(KEY_USER, &v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_values),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(malformed_senders_are_refused),
		cmocka_unit_test(a_nul_is_refused),
		cmocka_unit_test(an_empty_number_is_the_default_again),
		cmocka_unit_test(home_may_be_unknown),
		cmocka_unit_test(names_are_substituted_and_checked_then),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
