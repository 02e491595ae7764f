/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/route.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char routed[] =
	"account home\nhost h\nfrom me@home.example\n"			/* its from is the default's */
	"account work\nfrom *@work.example\nto work.example\n"
	"account lists\nto *@lists.example root@home.example *-owner@*\n"
	"account default : home\nto home.example\n";

static void the_stronger_reason_wins(void **state)
{
	static const struct {
		const char *name, *sender, *recipient;
		const char *account;
		enum route_why why;
		const char *pattern;
	} rows[] = {
		{ "work", "me@home.example", "a@lists.example", "work", ROUTE_NAMED, "" },
		{ "default", NULL, "a@work.example", "default", ROUTE_NAMED, "" },
		{ NULL, "x@work.example", "a@lists.example", "work", ROUTE_FROM, "*@work.example" },
		{ NULL, "x@work.example", "root@home.example", "work", ROUTE_FROM,
		  "*@work.example" },
		{ NULL, "me@home.example", "a@lists.example", "lists", ROUTE_TO,
		  "*@lists.example" },
		{ NULL, "me@home.example", "a@other.example", "home", ROUTE_FROM,
		  "me@home.example" },
		{ NULL, "me+x@home.example", "a@work.example", "work", ROUTE_TO, "work.example" },
		{ NULL, "me@home.example", NULL, "home", ROUTE_FROM, "me@home.example" },
		{ NULL, "you@other.example", "a@lists.example", "lists", ROUTE_TO,
		  "*@lists.example" },
		{ NULL, "you@other.example", "x-owner@other.example", "lists", ROUTE_TO,
		  "*-owner@*" },
		{ NULL, NULL, "ROOT@home.example", "lists", ROUTE_TO, "root@home.example" },
		{ NULL, "", "joe@home.example", "default", ROUTE_TO, "home.example" },
		{ NULL, NULL, "a@other.example", "default", ROUTE_DEFAULT, "" },
		{ NULL, "you@other.example", "root", "default", ROUTE_DEFAULT, "" },
		{ NULL, NULL, NULL, "default", ROUTE_DEFAULT, "" },
		{ NULL, NULL, "", "default", ROUTE_DEFAULT, "" },
	};
	struct conf c;
	struct err e = { 0 };

	(void)state;
	good(&c, routed, NULL);
	struct routes *r = routes_new(&c);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct route got;
		assert_true(routes_find(r, rows[i].name, rows[i].sender, rows[i].recipient, &got,
					&e));
		if (strcmp(got.account->name, rows[i].account) != 0 || got.why != rows[i].why ||
		    strcmp(got.pattern, rows[i].pattern) != 0) {
			fail_msg("%zu: %s %d %s", i, got.account->name, (int)got.why, got.pattern);
		}
		assert_int_equal(got.key, got.why == ROUTE_FROM ? KEY_FROM
					  : got.why == ROUTE_TO ? KEY_TO
								: KEY_COUNT);
	}
	routes_free(r);
	routes_free(NULL);
	conf_clear(&c);
}

/* A `from` that the account "default" has, too, is no reason against `to`. */
static void what_the_default_says_is_weak(void **state)
{
	static const struct {
		const char *text, *account;
	} rows[] = {
		{ "account default\nfrom me@x.org\naccount b\nto y.org\n", "b" },
		{ "from me@x.org\naccount b\nto y.org\n", "b" },
		{ "account a\nfrom me@x.org\naccount b\nto y.org\naccount default : a\n", "b" },
		{ "account a\nfrom me@x.org\naccount b : a\nto y.org\naccount default : b\nto\n", "b" },
		{ "defaults\nfrom me@x.org\naccount a\naccount b\nto y.org\naccount default\n", "b" },
		/* The default has another one. */
		{ "account a\nfrom me@x.org\naccount b\nto y.org\naccount default : a\n"
		  "from you@x.org\n", "a" },
		{ "account a\nfrom me@x.org\naccount b\nto y.org\naccount default\n"
		  "from me@x.org\n", "a" },
		{ "account a\nfrom me@x.org\naccount b\nto y.org\n", "a" },
		/* Only the first that takes the sender counts. */
		{ "account default\nfrom *@x.org\naccount a\nfrom me@x.org\naccount b\nto y.org\n",
		  "b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct err e = { 0 };
		struct route got;
		conf_init(&c);
		assert_true(parse_text(&c, span_str(rows[i].text), "rc", NULL, &test_env, &e));
		struct routes *r = routes_new(&c);
		assert_true(routes_find(r, NULL, "me@x.org", "joe@y.org", &got, &e));
		if (strcmp(got.account->name, rows[i].account) != 0) {
			fail_msg("%s\n%s", got.account->name, rows[i].text);
		}
		routes_free(r);
		conf_clear(&c);
	}
}

/* It is the sender of each, and a claim of the one that nothing else calls. */
static void one_from_in_several_accounts(void **state)
{
	static const struct {
		const char *text, *to_y, *to_z;
	} rows[] = {
		{ "account b\nfrom me@x.org\nto y.org\naccount default\nfrom ME@x.org\n", "b",
		  "default" },
		{ "account default\nfrom me@x.org\naccount b\nfrom me@x.org\nto y.org\n", "b",
		  "default" },
		{ "defaults\nfrom me@x.org\naccount b\nto y.org\naccount default\n", "b",
		  "default" },
		{ "account b\nfrom me@x.org\nto y.org\naccount c\nfrom me@x.org\naccount d\n"
		  "from me@x.org\naccount default\nfrom you@x.org\n", "b", "c" },
		{ "account b\nfrom *@x.org\nto y.org\naccount default\nfrom *@X.org\n", "b",
		  "default" },
		/* A spare. */
		{ "account s\nfrom me@x.org\naccount default\nfrom me@x.org\nfallback s\n",
		  "default", "default" },
		{ "account s\nfrom me@x.org\naccount a\nfrom me@x.org\nfallback s\n"
		  "account default : a\nfrom you@x.org\n", "a", "a" },
		/* The default is never a spare only. */
		{ "account b\nfrom me@x.org\nto y.org\nfallback default\naccount default\n"
		  "from me@x.org\n", "b", "default" },
		/* All are called: the first, but for recipients of its own. */
		{ "account b\nfrom me@x.org\nto y.org\naccount c\nfrom me@x.org\nto z.org\n"
		  "account default\nfrom you@x.org\n", "b", "c" },
		{ "account b\nfrom me@x.org\nto y.org\naccount c\nfrom me@x.org\nto q.org\n"
		  "account default\nfrom you@x.org\n", "b", "b" },
		/* Another address is stronger than `to`; nobody is called: the first. */
		{ "account b\nfrom b@x.org\nto y.org\naccount c\nfrom me@x.org\n"
		  "account default\nfrom you@x.org\n", "c", "c" },
		{ "account c\nfrom me@x.org\naccount default\nfrom me@x.org\n", "c", "c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct route y, z;
		struct conf c;
		struct err e = { 0 };
		conf_init(&c);
		assert_true(parse_text(&c, span_str(rows[i].text), "rc", NULL, &test_env, &e));
		struct routes *r = routes_new(&c);
		assert_true(routes_find(r, NULL, "me@x.org", "joe@y.org", &y, &e));
		assert_true(routes_find(r, NULL, "me@x.org", "joe@z.org", &z, &e));
		if (strcmp(y.account->name, rows[i].to_y) != 0 ||
		    strcmp(z.account->name, rows[i].to_z) != 0) {
			fail_msg("%s %s\n%s", y.account->name, z.account->name, rows[i].text);
		}
		routes_free(r);
		conf_clear(&c);
	}
}

static void nothing_fits(void **state)
{
	struct conf c;
	struct err e = { 0 };
	struct route got;

	(void)state;
	good(&c, "account work\nto x.org\n", "work");
	struct routes *r = routes_new(&c);
	assert_true(routes_find(r, NULL, NULL, "a@x.org", &got, &e));
	assert_false(routes_find(r, NULL, NULL, "a@y.org", &got, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	assert_non_null(strstr(e.text, "none is named \"default\""));
	assert_false(routes_find(r, "wrok", NULL, "a@x.org", &got, &e));
	assert_string_equal(e.text, "there is no account \"wrok\"; did you mean \"work\"?");
	routes_free(r);
	conf_clear(&c);
}

static void hidden_accounts_do_not_count(void **state)
{
	struct conf c;
	struct err e = { 0 };
	struct route got;

	(void)state;
	good(&c, "account a\nhost h\naccount b\nto y.org\naccount default\n", "a");
	assert_true(parse_text(&c, span_str("account a\nto x.org y.org\n"), "etc", NULL,
			       &test_env, &e));
	struct routes *r = routes_new(&c);
	assert_true(routes_find(r, NULL, NULL, "a@x.org", &got, &e));
	assert_string_equal(got.account->name, "default");
	assert_true(routes_find(r, NULL, NULL, "a@y.org", &got, &e));
	assert_string_equal(got.account->name, "b");
	routes_free(r);
	conf_clear(&c);
}

static void a_long_pattern_is_cut(void **state)
{
	struct buf text BUF_AUTO;
	struct conf c;
	struct err e = { 0 };
	struct route got;

	(void)state;
	buf_init(&text, 10000);
	assert_true(buf_add_str(&text, "to "));
	for (int i = 0; i < 1000; i++) {
		assert_true(buf_add_byte(&text, '*'));
	}
	assert_true(buf_add_str(&text, "@x.org\n"));
	good(&c, text.data, NULL);
	struct routes *r = routes_new(&c);
	assert_true(routes_find(r, NULL, NULL, "a@x.org", &got, &e));
	assert_int_equal(strlen(got.pattern), sizeof(got.pattern) - 1);
	routes_free(r);
	conf_clear(&c);
}

/* The sender's account is asked for once, also when there are many. */
static void many_recipients_have_one_sender(void **state)
{
	enum { MANY = 5000 };
	struct buf text BUF_AUTO;
	struct conf c;
	struct err e = { 0 };
	struct route got;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < MANY; i++) {
		assert_true(buf_printf(&text, "account a%d\nfrom *x%d@x.org\n", i, i));
	}
	assert_true(buf_add_str(&text, "account default\n"));
	good(&c, text.data, NULL);
	struct routes *r = routes_new(&c);
	for (int i = 0; i < MANY; i++) {
		char recipient[64];
		snprintf(recipient, sizeof(recipient), "u%d@y.org", i);
		assert_true(routes_find(r, NULL, "nobody@x.org", recipient, &got, &e));
		assert_int_equal(got.why, ROUTE_DEFAULT);
	}
	assert_true(routes_find(r, NULL, "x7@x.org", "a@y.org", &got, &e));
	assert_string_equal(got.account->name, "a7");
	routes_free(r);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_stronger_reason_wins),
		cmocka_unit_test(what_the_default_says_is_weak),
		cmocka_unit_test(one_from_in_several_accounts),
		cmocka_unit_test(nothing_fits),
		cmocka_unit_test(hidden_accounts_do_not_count),
		cmocka_unit_test(a_long_pattern_is_cut),
		cmocka_unit_test(many_recipients_have_one_sender),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
