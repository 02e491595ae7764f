/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define NO_ACCOUNT                                                                           \
	"there is no account in the configuration; write one, at least a line: host NAME "   \
	"(see relayrc(5))"

static const char accounts[] = "account home\nhost h\nfrom me@home.example\n"
			       "account work\nhost w\nfrom *@work.example\n"
			       "account late\nhost l\nfrom me@home.example\n"
			       "account nobody\nhost n\n"
			       "account default\nhost d\nfrom d@d.example\n";

static void a_sender_finds_its_account(void **state)
{
	static const struct {
		const char *name, *sender, *account;
	} rows[] = {
		{ NULL, "me@home.example", "home" },
		{ NULL, "ME@Home.Example", "home" },
		{ NULL, "me+list@home.example", "home" },
		{ NULL, "me+a+b@home.example", "home" },
		{ NULL, "you@home.example", "default" },
		{ NULL, "me@home.example.org", "default" },
		{ NULL, "me+me@other.example", "default" },
		{ NULL, "x+y@work.example", "work" },
		{ NULL, "+@work.example", "work" },
		{ NULL, "@", "default" },
		{ NULL, "+", "default" },
		{ NULL, "", "default" },
		{ NULL, NULL, "default" },
		{ "nobody", "me@home.example", "nobody" },
		{ "default", NULL, "default" },
	};
	struct conf c;

	(void)state;
	good(&c, accounts, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e;
		struct account *a = conf_choose(&c, rows[i].name, rows[i].sender, &e);
		assert_non_null(a);
		assert_string_equal(a->name, rows[i].account);
	}
	conf_clear(&c);
}

static void a_choice_that_fails_says_what_to_do(void **state)
{
	static const struct {
		const char *text, *name, *error;
	} rows[] = {
		{ accounts, "hme",
		  "there is no account \"hme\"; did you mean \"home\"?" },
		{ accounts, "xyz",
		  "there is no account \"xyz\"; known accounts: \"home\", "
		  "\"work\", \"late\", \"nobody\", \"default\"" },
		{ "account a\nhost h\n", NULL,
		  "no account takes this sender and none is named \"default\"; add a "
		  "line: "
		  "account default : NAME (known accounts: \"a\")" },
		{ "", NULL, NO_ACCOUNT },
		{ "", "x", NO_ACCOUNT },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct err e = { 0 };
		conf_init(&c);
		assert_true(parse_text(&c, span_str(rows[i].text), "rc", NULL, &test_env,
				       &e));
		assert_null(conf_choose(&c, rows[i].name, "x@y.example", &e));
		assert_string_equal(e.text, rows[i].error);
		assert_int_equal(e.cause, CAUSE_CONFIG);
		conf_clear(&c);
	}
}

static void many_names_fit_into_an_error(void **state)
{
	struct buf text;
	struct conf c;
	struct err e = { 0 };

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 900; i++) {
		assert_true(buf_printf(&text, "account a%d\n", i));
	}
	conf_init(&c);
	assert_true(parse_text(&c, buf_span(&text), "rc", NULL, &test_env, &e));
	assert_null(conf_choose(&c, NULL, NULL, &e));
	assert_non_null(strstr(e.text, "\"a0\", \"a1\""));
	conf_clear(&c);
	buf_clear(&text);
}

static void the_first_file_wins(void **state)
{
	struct conf c;
	struct err e;
	static const char ours[] = "account x\nhost mine\nfrom x@x.example\n";
	static const char theirs[] =
		"host theirs\naccount x\nhost theirs\nfrom y@y.example\n";

	(void)state;
	conf_init(&c);
	assert_true(parse_text(&c, span_str(ours), "user", NULL, &test_env, &e));
	assert_true(parse_text(&c, span_str(theirs), "system", NULL, &test_env, &e));
	assert_string_equal(conf_text(conf_choose(&c, "x", NULL, &e), KEY_HOST), "mine");
	/* The hidden account does not even take senders. */
	struct account *a = conf_choose(&c, NULL, "y@y.example", &e);
	assert_string_equal(a->name, "default");
	assert_string_equal(a->file, "system");
	conf_clear(&c);
}

static void no_account_inherits_from_another_file(void **state)
{
	struct conf c;
	struct err e = { 0 };

	(void)state;
	conf_init(&c);
	assert_true(parse_text(&c, span_str("account x\nhost h\n"), "a", NULL, &test_env,
			       &e));
	assert_false(
		parse_text(&c, span_str("account y : x\n"), "b", NULL, &test_env, &e));
	assert_string_equal(e.text,
			    "b:1: account: there is no account \"x\" before this line");
	conf_clear(&c);
}

static void the_command_line_sets_values(void **state)
{
	struct conf c;
	struct err e = { 0 };
	struct account *a = good(&c, "host h\nport 25\n", NULL);
	char origin[64];

	(void)state;
	assert_true(
		conf_set(a, KEY_PORT, span_str("587"), "command line", &test_env, &e));
	assert_int_equal(conf_port(a), 587);
	conf_origin(a, KEY_PORT, origin, sizeof(origin));
	assert_string_equal(origin, "command line");
	assert_true(
		conf_set(a, KEY_KEEPBCC, span_str(""), "command line", &test_env, &e));
	assert_false(conf_on(a, KEY_REMOVE_BCC_HEADERS));
	assert_false(conf_set(a, KEY_PORT, span_str("x"), "command line", &test_env, &e));
	assert_string_equal(e.text,
			    "command line: port: must be a number from 1 to 65535");
	assert_int_equal(conf_port(a), 587);
	assert_false(
		conf_set(a, KEY_FALLBACK, span_str(","), "command line", &test_env, &e));
	conf_clear(&c);
}

static void an_account_can_come_from_nowhere(void **state)
{
	struct conf c;
	struct err e = { 0 };

	(void)state;
	conf_init(&c);
	struct account *a = conf_add_account(&c, "default");
	assert_ptr_equal(conf_choose(&c, NULL, "x@y.example", &e), a);
	assert_false(conf_check(a, &e));
	assert_string_equal(
		e.text,
		"default: host: the account has no server; add a line: host NAME");
	assert_true(conf_set(a, KEY_HOST, span_str("h"), "command line", &test_env, &e));
	assert_true(conf_check(a, &e));
	conf_clear(&c);
}

static void from_says_which_senders_are_the_accounts(void **state)
{
	static const struct {
		const char *from, *sender;
		bool is_own;
	} rows[] = {
		{ "from me@x.example\n", "me@x.example", true },
		{ "from me@x.example\n", "ME+cron@X.example", true },
		{ "from me@x.example\n", "you@x.example", false },
		{ "from me@x.example\n", "", false },
		{ "from *@x.example\n", "you@x.example", true },
		{ "from *@x.example\n", "root", false },
		{ "", "me@x.example", false },
		{ "from %F\n", "me@x.example", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		char text[100];
		snprintf(text, sizeof(text), "host h\n%s", rows[i].from);
		struct account *a = good(&c, text, NULL);
		assert_int_equal(conf_takes_sender(a, rows[i].sender), rows[i].is_own);
		conf_clear(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_finds_its_account),
		cmocka_unit_test(a_choice_that_fails_says_what_to_do),
		cmocka_unit_test(many_names_fit_into_an_error),
		cmocka_unit_test(the_first_file_wins),
		cmocka_unit_test(no_account_inherits_from_another_file),
		cmocka_unit_test(the_command_line_sets_values),
		cmocka_unit_test(an_account_can_come_from_nowhere),
		cmocka_unit_test(from_says_which_senders_are_the_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
