/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/words.h"

static void words_are_taken_one_by_one(void **state)
{
	struct span list = span_str(", a,, bc ");

	(void)state;
	assert_true(span_equal(words_next(&list, " ,"), span_str("a")));
	assert_true(span_equal(words_next(&list, " ,"), span_str("bc")));
	assert_int_equal(words_next(&list, " ,").size, 0);
	assert_int_equal(words_next(&list, " ,").size, 0);
}

static void a_word_has_a_place_and_spellings(void **state)
{
	struct span first = span_str("");

	(void)state;
	assert_int_equal(words_find("off headers|hdrs full", span_str("HDRS"), &first),
			 1);
	assert_true(span_equal(first, span_str("headers")));
	assert_int_equal(words_find("off headers|hdrs full", span_str("full"), &first),
			 2);
	assert_true(span_equal(first, span_str("full")));
	assert_int_equal(
		words_find("off headers|hdrs full", span_str("headers|hdrs"), &first),
		-1);
	assert_int_equal(words_find("off on", span_str(""), &first), -1);
	assert_int_equal(words_find("off on", span_str("o"), &first), -1);
	assert_int_equal(words_find("off on", span_str("off on"), &first), -1);
}

static void an_error_lists_first_spellings(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_false(words_fail(&e, "one of", "off headers|hdrs full"));
	assert_string_equal(e.text, "one of: off, headers, full");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_taken_one_by_one),
		cmocka_unit_test(a_word_has_a_place_and_spellings),
		cmocka_unit_test(an_error_lists_first_spellings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
