/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/recipient.h"

static void a_word_has_a_kind(void **state)
{
	static const struct {
		const char *word;
		enum recipient_kind kind;
		const char *text, *pattern;
	} rows[] = {
		{ "a@x.example", RECIPIENT_ADDRESS, "a@x.example", "a@x.example" },
		{ "x.example", RECIPIENT_DOMAIN, "x.example", "*@x.example" },
		{ "*@x.example", RECIPIENT_DOMAIN, "x.example", "*@x.example" },
		{ ".x.example", RECIPIENT_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*@*.x.example", RECIPIENT_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*.x.example", RECIPIENT_CHILDREN, ".x.example", "*@*.x.example" },
		{ "*", RECIPIENT_ALL, "*", "*" },
		{ "**", RECIPIENT_GLOB, "**", "*@**" },
		{ "*x.example", RECIPIENT_GLOB, "*x.example", "*@*x.example" },
		{ "*@*", RECIPIENT_GLOB, "*@*", "*@*" },
		{ "*@", RECIPIENT_GLOB, "*@", "*@" },
		{ "*.", RECIPIENT_GLOB, "*.", "*@*." },
		{ "*@*x.example", RECIPIENT_GLOB, "*@*x.example", "*@*x.example" },
		{ "*@*.x.exa?ple", RECIPIENT_GLOB, "*@*.x.exa?ple", "*@*.x.exa?ple" },
		{ "*@x@y", RECIPIENT_GLOB, "*@x@y", "*@x@y" },
		{ "a*@x.example", RECIPIENT_GLOB, "a*@x.example", "a*@x.example" },
		{ "[ab]@x.example", RECIPIENT_GLOB, "[ab]@x.example", "[ab]@x.example" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span text;
		char *pattern = recipient_pattern(span_str(rows[i].word));
		if (recipient_read(span_str(rows[i].word), &text) != rows[i].kind ||
		    !span_equal(text, span_str(rows[i].text))) {
			fail_msg("%s: %.*s", rows[i].word, SPAN_ARG(text));
		}
		assert_string_equal(pattern, rows[i].pattern);
		free(pattern);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_word_has_a_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
