/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "smtp/verb.h"

static void every_verb_has_a_row(void **state)
{
	(void)state;
	for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++) {
		const struct verb_row *row = verb_row(v);
		assert_true(row->phrase[0] != '\0');
		assert_in_range(row->timeout_s, 60, 600);
		/* What has no blank or colon at its end stands alone on its line. */
		assert_true(strlen(row->word) <= 10);
	}
	assert_string_equal(verb_row(VERB_NONE)->phrase, "");
	assert_string_equal(verb_row(VERB_COUNT)->phrase, "");
}

static void timeouts_are_those_of_rfc_5321(void **state)
{
	static const struct {
		enum verb verb;
		unsigned seconds;
	} cases[] = {
		{ VERB_GREETING, 300 }, { VERB_MAIL, 300 }, { VERB_RCPT, 300 },
		{ VERB_DATA, 120 },	{ VERB_END, 600 },  { VERB_BDAT, 600 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(verb_row(cases[i].verb)->timeout_s, cases[i].seconds);
	}
}

static void lines(void **state)
{
	struct buf b;
	struct err e;

	(void)state;
	buf_init(&b, 1000);
	assert_true(verb_add_line(&b, VERB_MAIL, span_str("<a@b> SIZE=3"), &e));
	assert_true(verb_add_line(&b, VERB_END, span_of(NULL, 0), &e));
	assert_true(verb_add_line(&b, VERB_RESPONSE, span_str("YQ=="), &e));
	assert_string_equal(b.data, "MAIL FROM:<a@b> SIZE=3\r\n.\r\nYQ==\r\n");
	buf_clear(&b);
}

static void rule_10_no_line_break_gets_into_a_line(void **state)
{
	static const char *const cases[] = {"a\r\nQUIT", "a\nQUIT", "a\rQUIT", "\n",
					    "a\0b"};
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = i == 4 ? 3 : strlen(cases[i]);
		for (enum verb v = VERB_NONE + 1; v < VERB_COUNT; v++) {
			struct err e = { 0 };
			assert_false(verb_add_line(&b, v, span_of(cases[i], size), &e));
			assert_int_equal(e.cause, CAUSE_DATA);
			assert_int_equal(b.size, 0);
		}
	}
	buf_clear(&b);
}

static void long_lines_are_refused(void **state)
{
	char *big = malloc(VERB_LINE_MAX);
	struct buf b;
	struct err e;

	(void)state;
	assert_non_null(big);
	memset(big, 'x', VERB_LINE_MAX);
	buf_init(&b, (size_t)3 * VERB_LINE_MAX);
	assert_true(verb_add_line(&b, VERB_AUTH, span_of(big, VERB_LINE_MAX - 7), &e));
	assert_int_equal(b.size, VERB_LINE_MAX);
	assert_false(verb_add_line(&b, VERB_AUTH, span_of(big, VERB_LINE_MAX - 6), &e));
	assert_int_equal(b.size, VERB_LINE_MAX);
	buf_clear(&b);
	buf_init(&b, 10);
	assert_false(verb_add_line(&b, VERB_AUTH, span_of(big, 10), &e));
	assert_int_equal(b.size, 0);
	buf_clear(&b);
	free(big);
}

static void xtext(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	assert_true(verb_add_xtext(&b, span_str("a+b=c d~!\r\n\xc3\xa9\x7f")));
	assert_string_equal(b.data, "a+2Bb+3Dc+20d~!+0D+0A+C3+A9+7F");
	buf_clear(&b);
	buf_init(&b, 2);
	assert_false(verb_add_xtext(&b, span_str("+")));
	assert_false(verb_add_xtext(&b, span_str("abc")));
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_verb_has_a_row),
		cmocka_unit_test(timeouts_are_those_of_rfc_5321),
		cmocka_unit_test(lines),
		cmocka_unit_test(rule_10_no_line_break_gets_into_a_line),
		cmocka_unit_test(long_lines_are_refused),
		cmocka_unit_test(xtext),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
