/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "base/buf.h"
#include "conf/risk.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Parses; the findings, each "LINE winner", or "LINE" when it is about no account. */
static const char *found(const char *text, const char *only)
{
	static char all[1024];
	struct findings list = { 0 };
	struct conf c;
	struct err e;
	int at = 0;

	conf_init(&c);
	assert_true(parse_text(&c, span_str(text), "rc", NULL, &test_env, &e));
	risk_senders(&c, only ? conf_choose(&c, only, NULL, &e) : NULL, &list);
	if (!only) {
		risk_default(&c, &list);
	}
	all[0] = '\0';
	for (size_t i = 0; i < list.count; i++) {
		const struct finding *f = &list.at[i];
		char winner[16] = "";
		assert_int_equal(f->severity, SEVERITY_WARNING);
		assert_non_null(f->remedy);
		if (f->account) {
			assert_int_equal(sscanf(f->text, "account %15s", winner), 1);
		}
		at += snprintf(all + at, sizeof(all) - (size_t)at, "%s%u%s%s", i ? ", " : "",
			       f->line, f->account ? " " : "", winner);
	}
	findings_clear(&list);
	conf_clear(&c);
	return all;
}

static void accounts_that_never_win(void **state)
{
	static const char *const rows[][2] = {
		{ "account default\nhost h\n", "" },
		{ "account a\nfrom a@x\naccount b\nfrom b@x\naccount default : b\n", "" },
		/* The same twice, in any case; me+detail@ is me@. */
		{ "account a\nfrom a@x\naccount default\nfrom A@X\n", "4 a" },
		{ "account a\nfrom a@x\naccount default\nfrom a+b@x\n", "4 a" },
		{ "account a\nfrom a+b@x\naccount default\nfrom a@x\n", "" },
		{ "account a\nfrom *@x\naccount default\nfrom *@X\n", "4 a" },
		{ "account a\nfrom *@x\naccount default\nfrom a@x\n", "4 a" },
		{ "account a\nfrom a@x\naccount default\nfrom *@x\n", "" },
		{ "account a\nfrom *@*\naccount b\nfrom *@x\naccount default\nfrom b@y\n",
		  "4 a, 6 a" },
		{ "account a\nfrom *@x\naccount b\nfrom *@y\naccount default\nfrom me@*\n", "" },
		/* Called by its recipients, or as a spare: the address is only its sender. */
		{ "account a\nfrom me@x\nto y\naccount default\nfrom me@x\n", "" },
		{ "account default\nfrom me@x\naccount a\nfrom ME@x\nto y\n", "" },
		{ "account a\nfrom me@x\naccount default\nfrom me@x\nfallback a\n", "" },
		{ "account default\nfrom me@x\nfallback a\naccount a\nfrom me@x\n", "" },
		{ "account default\nfrom *@x\naccount a\nfrom me@x\nto y\n", "" },
		{ "account a\nfrom *@x\nto y\naccount default\nfrom *@x\n", "" },
		{ "account a\nfrom *@x\nto y\naccount default\nfrom me@x\n", "5 a" },
		{ "account a\nfrom me@x\nto y\naccount b\nfrom me@x\naccount default\nfrom me@x\n",
		  "7 b" },
		{ "account a\nfrom me@x\nfallback default\naccount default\nfrom me@x\n", "5 a" },
		/* Inherited, or from `defaults`: no claim of its own. */
		{ "defaults\nfrom me@x\naccount a\naccount b\naccount default\n", "" },
		{ "account a\nfrom me@x\naccount b : a\nhost h\naccount default : b\n", "" },
		{ "account a\nfrom me@x\naccount b : a\nfrom me@x\naccount default : b\n", "4 a" },
		{ "account a\nfrom %F\naccount default\nfrom %F\n", "" },
		{ "account a\nfrom\naccount default\nfrom\n", "" },
		/* Nobody takes the rest. */
		{ "account a\nfrom a@x\naccount b\nfrom b@x\n", "1" },
		{ "account a\nfrom *\naccount b\nfrom b@x\n", "4 a, 1" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *got = found(rows[i][0], NULL);
		if (strcmp(got, rows[i][1]) != 0) {
			fail_msg("%s: not %s in\n%s", got, rows[i][1], rows[i][0]);
		}
	}
}

static void of_one_account_only_its_own_is_told(void **state)
{
	const char *text = "account a\nfrom *\naccount b\nfrom b@x\naccount c\nfrom c@x\n";

	(void)state;
	assert_string_equal(found(text, "c"), "6 a");
	assert_string_equal(found(text, "a"), "");
}

static void patterns_that_are_too_long_are_compared_as_they_are(void **state)
{
	char tail[100], text[512];

	(void)state;
	memset(tail, 'x', sizeof(tail) - 1);
	tail[sizeof(tail) - 1] = '\0';
	snprintf(text, sizeof(text),
		 "account a\nfrom *%s\naccount b\nfrom *%s\naccount default\nfrom *a%s\n", tail,
		 tail, tail);
	assert_string_equal(found(text, NULL), "4 a");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accounts_that_never_win),
		cmocka_unit_test(of_one_account_only_its_own_is_told),
		cmocka_unit_test(patterns_that_are_too_long_are_compared_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
