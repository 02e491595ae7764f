/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/route.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void fallbacks_come_depth_first_and_once(void **state)
{
	static const struct {
		const char *text, *first, *chain;
	} rows[] = {
		{ "account a\n", "a", "a" },
		{ "account a\nfallback b, c\naccount b\naccount c\n", "a", "a b c" },
		{ "account a\nfallback b c\naccount b\nfallback d\naccount c\naccount d\n", "a",
		  "a b d c" },
		{ "account a\nfallback b c\naccount b\nfallback d\naccount c\nfallback d\n"
		  "account d\n", "a", "a b d c" },
		{ "account a\nfallback b b\naccount b\n", "a", "a b" },
		{ "account a\nfallback b\naccount b\nfallback c\naccount c\n", "b", "b c" },
		{ "account a\nfallback b\naccount b\naccount c : a\nfallback\n", "c", "c" },
		/* The heir stands in the list that it inherits. */
		{ "account a\nfallback b\naccount b : a\n", "a", "a b" },
		{ "account a\nfallback b\naccount b : a\n", "b", "b" },
		{ "account a\nfallback b c\naccount b : a\naccount c : a\n", "a", "a b c" },
		{ "defaults\nfallback s t\naccount a\naccount s\naccount t\n", "a", "a s t" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct account *chain[ROUTE_CHAIN_MAX];
		struct buf text BUF_AUTO;
		struct conf c;
		struct err e = { 0 };
		size_t count = 0;
		struct account *a = good(&c, rows[i].text, rows[i].first);
		if (!route_chain(&c, a, chain, &count, &e)) {
			fail_msg("%s\n%s", e.text, rows[i].text);
		}
		buf_init(&text, 1000);
		for (size_t k = 0; k < count; k++) {
			assert_true(buf_printf(&text, "%s%s", k ? " " : "", chain[k]->name));
		}
		assert_string_equal(text.data, rows[i].chain);
		conf_clear(&c);
	}
}

static void chains_that_cannot_be(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "account a\nfallback bakcup\naccount backup\n",
		  "rc:2: fallback: there is no account \"bakcup\"; did you mean \"backup\"?" },
		{ "account a\nfallback spare\n",
		  "rc:2: fallback: there is no account \"spare\"; add it, or remove its name here" },
		{ "account a\nfallback a\n",
		  "rc:2: fallback: goes round in a circle: a -> a; remove one of these names" },
		{ "account a\nfallback b\naccount b\nfallback a\n",
		  "rc:4: fallback: goes round in a circle: a -> b -> a; remove one of these "
		  "names" },
		{ "account b\nfallback a\naccount a\nfallback b\n",
		  "rc:4: fallback: goes round in a circle: b -> a -> b; remove one of these "
		  "names" },
		{ "account a\nfallback b\naccount b\nfallback c\naccount c\nfallback d b\n"
		  "account d\n",
		  "rc:6: fallback: goes round in a circle: b -> c -> b; remove one of these "
		  "names" },
		{ "account a\nfallback b\naccount b\nfallback nothing-like-it\n",
		  "rc:4: fallback: there is no account \"nothing-like-it\"; add it, or remove its "
		  "name here" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct account *chain[ROUTE_CHAIN_MAX];
		struct conf c;
		struct err e = { 0 };
		size_t count = 0;
		struct account *a = good(&c, rows[i].text, "a");
		assert_false(route_chain(&c, a, chain, &count, &e));
		assert_string_equal(e.text, rows[i].error);
		assert_int_equal(e.cause, CAUSE_CONFIG);
		conf_clear(&c);
	}
}

/* a0 -> a1 -> …; is_wide: a0 names them all. */
static bool try_long(size_t accounts, bool is_wide, struct err *e)
{
	const struct account *chain[ROUTE_CHAIN_MAX];
	struct buf text BUF_AUTO;
	struct conf c;
	size_t count = 0;

	buf_init(&text, 100000);
	for (size_t i = 0; i < accounts; i++) {
		assert_true(buf_printf(&text, "account a%zu\n", i));
		for (size_t k = i + 1; k < accounts && (k == i + 1 || (is_wide && i == 0)); k++) {
			assert_true(buf_printf(&text, "%s%zu", k == i + 1 ? "fallback a" : " a", k));
		}
		assert_true(buf_add_byte(&text, '\n'));
	}
	struct account *a = good(&c, text.data, "a0");
	bool ok = route_chain(&c, a, chain, &count, e);
	assert_true(!ok || count == accounts);
	conf_clear(&c);
	return ok;
}

static void a_chain_has_an_end(void **state)
{
	struct err e = { 0 };

	(void)state;
	for (int is_wide = 0; is_wide < 2; is_wide++) {
		assert_true(try_long(ROUTE_CHAIN_MAX, is_wide, &e));
		assert_false(try_long(ROUTE_CHAIN_MAX + 1, is_wide, &e));
		assert_non_null(strstr(e.text, ": fallback: more than 32 accounts would be tried"));
	}
}

static void the_hidden_account_is_not_meant(void **state)
{
	const struct account *chain[ROUTE_CHAIN_MAX];
	struct conf c;
	struct err e = { 0 };
	size_t count = 0;

	(void)state;
	good(&c, "account b\nhost mine\n", "b");
	assert_true(parse_text(&c, span_str("account b\nhost theirs\naccount default\nfallback b\n"),
			       "etc", NULL, &test_env, &e));
	assert_true(route_chain(&c, conf_choose(&c, NULL, NULL, &e), chain, &count, &e));
	assert_int_equal(count, 2);
	assert_string_equal(conf_text(chain[1], KEY_HOST), "mine");
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fallbacks_come_depth_first_and_once),
		cmocka_unit_test(chains_that_cannot_be),
		cmocka_unit_test(a_chain_has_an_end),
		cmocka_unit_test(the_hidden_account_is_not_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
