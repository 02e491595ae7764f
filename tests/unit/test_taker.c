/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/taker.h"

static void a_word_has_a_kind(void **state)
{
	static const struct {
		const char *word;
		enum taker_kind kind;
		const char *text, *pattern;
	} rows[] = {
		{ "a@x.example", TAKER_ADDRESS, "a@x.example", "a@x.example" },
		{ "x.example", TAKER_DOMAIN, "x.example", "*@x.example" },
		{ "*@x.example", TAKER_DOMAIN, "x.example", "*@x.example" },
		{ ".x.example", TAKER_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*@*.x.example", TAKER_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*.x.example", TAKER_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*", TAKER_ALL, "*", "*" },
		{ "**", TAKER_GLOB, "**", "*@**" },
		{ "*x.example", TAKER_GLOB, "*x.example", "*@*x.example" },
		{ "*@*", TAKER_GLOB, "*@*", "*@*" },
		{ "*@", TAKER_GLOB, "*@", "*@" },
		{ "*.", TAKER_GLOB, "*.", "*@*." },
		{ "*@*x.example", TAKER_GLOB, "*@*x.example", "*@*x.example" },
		{ "*@*.x.exa?ple", TAKER_GLOB, "*@*.x.exa?ple", "*@*.x.exa?ple" },
		{ "*@x@y", TAKER_GLOB, "*@x@y", "*@x@y" },
		{ "a*@x.example", TAKER_GLOB, "a*@x.example", "a*@x.example" },
		{ "[ab]@x.example", TAKER_GLOB, "[ab]@x.example", "[ab]@x.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct taker t = taker_of_recipients(span_str(rows[i].word), 7, NULL);
		char *pattern = taker_pattern(&t);
		if (t.kind != rows[i].kind || !span_equal(t.text, span_str(rows[i].text))) {
			fail_msg("%s: %.*s", rows[i].word, SPAN_ARG(t.text));
		}
		assert_string_equal(pattern, rows[i].pattern);
		assert_int_equal(t.account, 7);
		free(pattern);
	}
}

static void a_from_has_a_kind(void **state)
{
	static struct {
		char word[16];
		enum taker_kind kind;
		const char *text, *pattern;
	} rows[] = {
		{ "a@x.example", TAKER_ADDRESS, "a@x.example", "a@x.example" },
		{ "root", TAKER_ADDRESS, "root", "root" },
		{ "*@x.example", TAKER_DOMAIN, "x.example", "*@x.example" },
		{ "*@*.x.example", TAKER_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*.x.example", TAKER_GLOB, "*.x.example", "*.x.example" },
		{ "*x", TAKER_GLOB, "*x", "*x" },
		{ "*", TAKER_ALL, "*", "*" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct conf_value line = { .text = rows[i].word };
		struct taker t = taker_of_senders(0, &line);
		char *pattern = taker_pattern(&t);
		assert_int_equal(t.kind, rows[i].kind);
		assert_true(span_equal(t.text, span_str(rows[i].text)));
		assert_string_equal(pattern, rows[i].pattern);
		free(pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_has_a_kind),
		cmocka_unit_test(a_from_has_a_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
