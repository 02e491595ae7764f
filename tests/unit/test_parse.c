/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

static void assert_value(const struct account *a, enum key key, const char *text)
{
	const char *have = conf_text(a, key);

	if (!text) {
		assert_null(have);
	} else {
		assert_non_null(have);
		assert_string_equal(have, text);
	}
}

static void settings_before_an_account_are_the_default(void **state)
{
	struct conf c;
	struct account *a =
		good(&c, "\n# x\nhost h\nfrom a@b\naccount x\nhost i\n", NULL);

	(void)state;
	assert_value(a, KEY_HOST, "h");
	assert_string_equal(a->file, "rc");
	assert_int_equal(a->line, 3);
	assert_int_equal(conf_value(a, KEY_FROM)->line, 4);
	assert_int_equal(c.count, 2);
	conf_clear(&c);
}

static void accounts_inherit(void **state)
{
	static const char text[] = "defaults\n"
				   "port 1\n"
				   "user u\n"
				   "account a\n"
				   "host ha\n"
				   "tls_trust_file\n"
				   "account b\n"
				   "host hb\n"
				   "port 2\n"
				   "password secret\n"
				   "defaults\n"
				   "port 3\n"
				   "account c : a\n"
				   "domain d\n"
				   "account d:a , b\n"
				   "account e : b,a\n"
				   "user\n"
				   "account default : e\n";
	static const struct {
		const char *name, *host, *port, *user, *trust;
	} rows[] = {
		{ "a", "ha", "1", "u", NULL },	{ "b", "hb", "2", "u", "system" },
		{ "c", "ha", "3", "u", NULL }, /* the defaults of its own place */
		{ "d", "hb", "2", "u", NULL }, /* the last parent wins */
		{ "e", "ha", "2", NULL, NULL }, { "default", "ha", "2", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c;
		struct account *a = good(&c, text, rows[i].name);
		assert_value(a, KEY_HOST, rows[i].host);
		assert_value(a, KEY_PORT, rows[i].port);
		assert_value(a, KEY_USER, rows[i].user);
		assert_value(a, KEY_TLS_TRUST_FILE, rows[i].trust);
		conf_clear(&c);
	}
	struct conf c;
	struct account *a = good(&c, text, "d");
	assert_value(a, KEY_PASSWORD, "secret");
	assert_int_equal(conf_value(a, KEY_PASSWORD)->line, 10);
	conf_clear(&c);
}

static void a_parent_is_copied_when_the_heir_is_defined(void **state)
{
	struct conf c;
	struct account *a = good(
		&c, "account a\nhost h\naccount b : a\naccount c\naccount d\nport 7\n",
		"b");

	(void)state;
	assert_value(a, KEY_HOST, "h");
	assert_false(conf_is_set(a, KEY_PORT));
	conf_clear(&c);
}

static void old_words_are_translated(void **state)
{
	static const struct {
		const char *line;
		enum key key;
		const char *text;
	} rows[] = {
		{ "keepbcc on", KEY_REMOVE_BCC_HEADERS, "off" },
		{ "keepbcc", KEY_REMOVE_BCC_HEADERS, "off" },
		{ "keepbcc off", KEY_REMOVE_BCC_HEADERS, "on" },
		{ "tls_nocertcheck", KEY_TLS_CERTCHECK, "off" },
		{ "tls_nostarttls", KEY_TLS_STARTTLS, "off" },
		{ "connect_timeout 9", KEY_TIMEOUT, "9" },
		{ "add_missing_from_header off", KEY_SET_FROM_HEADER, "off" },
		{ "add_missing_from_header", KEY_SET_FROM_HEADER, "auto" },
		{ "add_missing_date_header off", KEY_SET_DATE_HEADER, "off" },
		{ "undisclosed_recipients on", KEY_SET_TO_HEADER,
		  "undisclosed_recipients" },
		{ "undisclosed_recipients off", KEY_SET_TO_HEADER, "off" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c;
		struct account *a = good(&c, rows[i].line, NULL);
		assert_value(a, rows[i].key, rows[i].text);
		assert_int_equal(conf_value(a, rows[i].key)->line, 1);
		assert_string_equal(conf_value(a, rows[i].key)->file, "rc");
		conf_clear(&c);
	}
}

static void dead_old_words_do_nothing(void **state)
{
	struct conf c;
	struct account *a =
		good(&c, "tls_force_sslv3 on\ntls_min_dh_prime_bits 1024\n", NULL);

	(void)state;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		assert_false(conf_value(a, (enum key)i)->is_set);
	}
	conf_clear(&c);
}

static void errors_name_file_and_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "\nhots x\n", "rc:2: hots: unknown setting; did you mean \"host\"?" },
		{ "xyzzy x\n", "rc:1: xyzzy: unknown setting; relayrc(5) has them all" },
		{ "tls-certcheck off\n", "rc:1: tls-certcheck: unknown setting; did you "
					 "mean \"tls_certcheck\"?" },
		{ "host=x\n",
		  "rc:1: host: write a blank between setting and value, not \"=\"" },
		{ "host = x\n", "rc:1: host: word 1: not a host name or IP address" },
		{ "to joe*\n", "rc:1: to: a pattern needs an @, as in joe*@example.org" },
		{ "fallback a:b\n",
		  "rc:1: fallback: must be names of accounts with blanks between" },
		{ "port x\n", "rc:1: port: must be a number from 1 to 65535" },
		{ "keepbcc maybe\n", "rc:1: keepbcc: must be on or off" },
		{ "connect_timeout x\n",
		  "rc:1: connect_timeout: must be off, or a number from 1 to 86400" },
		{ "account a\naccount a\n",
		  "rc:2: account: \"a\" was already defined in line 1" },
		{ "host x\naccount default\n",
		  "rc:2: account: \"default\" was already defined in line 1" },
		{ "account a : b\n",
		  "rc:1: account: there is no account \"b\" before this line" },
		{ "account a : a\n",
		  "rc:1: account: there is no account \"a\" before this line" },
		{ "account b : c\naccount c : b\n",
		  "rc:1: account: there is no account \"c\" before this line" },
		{ "account\n",
		  "rc:1: account: a name is missing or wrong; write: account NAME, or: "
		  "account NAME : OTHER" },
		{ "account : a\n",
		  "rc:1: account: a name is missing or wrong; write: account NAME, "
		  "or: account NAME : OTHER" },
		{ "account a :\n",
		  "rc:1: account: a name is missing or wrong; write: account NAME, "
		  "or: account NAME : OTHER" },
		{ "account a,b\n",
		  "rc:1: account: a name is missing or wrong; write: account NAME, "
		  "or: account NAME : OTHER" },
		{ "account a\naccount b : a,\n",
		  "rc:2: account: an account name is missing" },
		{ "account a\naccount b : ,a\n",
		  "rc:2: account: an account name is missing" },
		{ "defaults x\n", "rc:1: defaults: has no value" },
		{ "eval echo host x\n", "rc:1: eval: not possible here" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		refused(rows[i].text, rows[i].error);
	}
}

static void a_stray_password_is_not_quoted_whole(void **state)
{
	struct conf c;
	struct err e = { 0 };
	char text[200];

	(void)state;
	memset(text, 'p', sizeof(text));
	conf_init(&c);
	assert_false(
		parse_text(&c, span_of(text, sizeof(text)), "rc", NULL, &test_env, &e));
	char *quoted = strstr(e.text, "ppp");
	assert_non_null(quoted);
	assert_int_equal(strspn(quoted, "p"), 40);
	assert_null(strstr(quoted + 40, "ppp"));
	conf_clear(&c);
}

static void a_file_that_others_read_holds_no_password(void **state)
{
	static const char refusal[] = "the file can be read by others; run: chmod 600 rc";
	static const struct {
		const char *text;
		bool ok;
	} rows[] = {
		{ "user u\npassword p\n", false },
		{ "defaults\npassword p\n", false },
		{ "user u\npasswordeval pass x\npassword_file ~/p\n", true },
		{ "password\n", true },
		{ "password \"\"\n", true },
		{ "user u\ntls_key_file pkcs11:object=x?pin-value=1\n", false },
		{ "tls_key_file pkcs11:object=x?pin-source=/p\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c;
		struct err e = { 0 };
		conf_init(&c);
		assert_int_equal(parse_text(&c, span_str(rows[i].text), "rc", refusal,
					    &test_env, &e),
				 rows[i].ok);
		if (!rows[i].ok) {
			const char *key = i == 5 ? "tls_key_file" : "password";
			char want[120];
			snprintf(want, sizeof(want), "rc:2: %s: %s", key, refusal);
			assert_string_equal(e.text, want);
		}
		conf_clear(&c);
	}
}

/* The "command" is the line that it gives. */
static bool run_echo(const char *command, struct buf *line, struct err *e)
{
	if (strcmp(command, "false") == 0) {
		return err_set(e, CAUSE_CONFIG, "status 1");
	}
	return buf_add_str(line, command);
}

static const struct conf_env eval_env = { .home = "/home/me", .run = run_echo };

static void eval_stands_in_for_its_line(void **state)
{
	struct conf c;
	struct err e = { 0 };
	static const char text[] = "account a\neval \"host h\"\neval password geheim\n"
				   "eval account b\neval # nothing\nport 7\n";

	(void)state;
	conf_init(&c);
	/* The password does not stand in the file, so its mode does not matter. */
	if (!parse_text(&c, span_str(text), "rc", "readable", &eval_env, &e)) {
		fail_msg("%s", e.text);
	}
	assert_int_equal(c.count, 2);
	assert_value(&c.accounts[0], KEY_HOST, "h");
	assert_value(&c.accounts[0], KEY_PASSWORD, "geheim");
	assert_int_equal(conf_value(&c.accounts[0], KEY_PASSWORD)->line, 3);
	assert_value(&c.accounts[1], KEY_PORT, "7");
	conf_clear(&c);
}

static void eval_fails_with_its_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "\neval false", "rc:2: eval: status 1" },
		{ "eval", "rc:1: eval: the command is missing" },
		{ "eval eval host h", "rc:1: eval: the command gave another eval" },
		{ "eval hots h", "rc:1: hots: unknown setting; did you mean \"host\"?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conf c;
		struct err e = { 0 };
		conf_init(&c);
		assert_false(parse_text(&c, span_str(rows[i].text), "rc", NULL, &eval_env,
					&e));
		assert_string_equal(e.text, rows[i].error);
		conf_clear(&c);
	}
}

/* "LINE text\n", '!' before an error. */
static void take_report(void *arg, bool is_error, const char *file, unsigned line,
			const char *text)
{
	assert_string_equal(file, "rc");
	assert_true(buf_printf(arg, "%s%u %s\n", is_error ? "!" : "", line, text));
}

static void every_wrong_line_is_reported(void **state)
{
	const char *text = "host h\nport x\nhots y\n\x01\nuser u\naccount a : b\nport 0\n"
			   "host other\naccount c\nkeepbcc on\ntls_force_sslv3\nuser v\n";
	struct buf reports BUF_AUTO;
	struct conf_env env = { .home = "/h", .report = take_report, .report_arg = &reports };
	struct conf c;
	struct err e;

	(void)state;
	buf_init(&reports, 4096);
	conf_init(&c);
	assert_true(parse_text(&c, span_str(text), "rc", NULL, &env, &e));
	assert_string_equal(reports.data,
		"!2 port: must be a number from 1 to 65535\n"
		"!3 hots: unknown setting; did you mean \"host\"?\n"
		"!4 a control character (0x01)\n"
		"!6 account: there is no account \"b\" before this line\n"
		"!7 port: must be a number from 1 to 65535\n"
		"10 keepbcc: an old word; write: remove_bcc_headers off\n"
		"11 tls_force_sslv3: an old word, which is ignored; remove this line\n");
	/* Reading went on, but not into the account before a wrong one. */
	assert_string_equal(conf_text(&c.accounts[0], KEY_HOST), "h");
	assert_string_equal(conf_text(&c.accounts[0], KEY_USER), "u");
	assert_string_equal(conf_text(conf_choose(&c, "c", NULL, &e), KEY_USER), "v");
	conf_clear(&c);
}

static void reports_have_an_end(void **state)
{
	struct buf reports BUF_AUTO, text BUF_AUTO;
	struct conf_env env = { .home = "/h", .report = take_report, .report_arg = &reports };
	struct conf c;
	struct err e = { 0 };

	(void)state;
	buf_init(&reports, 1 << 20);
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 101; i++) {
		assert_true(buf_add_str(&text, "nosuch\n"));
	}
	conf_init(&c);
	assert_false(parse_text(&c, buf_span(&text), "rc", NULL, &env, &e));
	assert_string_equal(e.text, "rc: more than 100 wrong lines; the rest is not read");
	conf_clear(&c);
	conf_init(&c);
	buf_drop_end(&text, strlen("nosuch\n"));
	assert_true(parse_text(&c, buf_span(&text), "rc", NULL, &env, &e));
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_before_an_account_are_the_default),
		cmocka_unit_test(accounts_inherit),
		cmocka_unit_test(a_parent_is_copied_when_the_heir_is_defined),
		cmocka_unit_test(old_words_are_translated),
		cmocka_unit_test(dead_old_words_do_nothing),
		cmocka_unit_test(errors_name_file_and_line),
		cmocka_unit_test(a_stray_password_is_not_quoted_whole),
		cmocka_unit_test(a_file_that_others_read_holds_no_password),
		cmocka_unit_test(eval_stands_in_for_its_line),
		cmocka_unit_test(eval_fails_with_its_line),
		cmocka_unit_test(every_wrong_line_is_reported),
		cmocka_unit_test(reports_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
