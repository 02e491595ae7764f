/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "import/lines.h"

static void a_line_is_what_stands_before_its_end(void **state)
{
	static const char *const lines[] = { "a", "", "b\\", "c" };
	struct span rest = span_str("a\n\nb\\\nc"), one;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(lines_take(&rest, &one));
		assert_true(span_equal(one, span_str(lines[i])));
	}
	assert_false(lines_take(&rest, &one));
	rest = span_str("x\n");
	assert_true(lines_take(&rest, &one));
	assert_false(lines_take(&rest, &one));
}

static void lines_are_joined_and_numbered(void **state)
{
	static const char text[] = "\n# c\na = b\n  c\n# in the middle\n\n\td\n \n"
				   "e=f\r\ng";
	static const struct {
		const char *line;
		unsigned number;
	} rows[] = { { "a = b  c\td", 3 }, { "e=f", 9 }, { "g", 10 } };
	struct buf b;
	struct lines l;
	struct span line;
	unsigned number;

	(void)state;
	buf_init(&b, 1000);
	assert_true(buf_add_str(&b, text));
	lines_init(&l, &b);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(lines_next(&l, &line, &number));
		if (!span_equal(line, span_str(rows[i].line))) {
			fail_msg("%.*s", SPAN_ARG(line));
		}
		assert_int_equal(number, rows[i].number);
	}
	assert_false(lines_next(&l, &line, &number));
	buf_clear(&b);
}

static void braces_keep_words_together(void **state)
{
	struct span list = span_str(" a, {b, c} x:{d e},f {open ");

	(void)state;
	assert_true(span_equal(lines_word(&list, ", "), span_str("a")));
	assert_true(span_equal(lines_word(&list, ", "), span_str("{b, c}")));
	assert_true(span_equal(lines_word(&list, ", "), span_str("x:{d e}")));
	assert_true(span_equal(lines_word(&list, ", "), span_str("f")));
	assert_true(span_equal(lines_word(&list, ", "), span_str("{open ")));
	assert_int_equal(lines_word(&list, ", ").size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_what_stands_before_its_end),
		cmocka_unit_test(lines_are_joined_and_numbered),
		cmocka_unit_test(braces_keep_words_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
