/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "smtp/reply.h"

#define S(text) { text, sizeof(text) - 1 }

static void well_formed_replies(void **state)
{
	static const struct {
		const char *in;
		int code;
		const char *enhanced, *text, *line;
		unsigned lines;
	} cases[] = {
		{"220 mail ESMTP\r\n", 220, "", "mail ESMTP", "220 mail ESMTP", 1},
		{"250\r\n", 250, "", "", "250", 1},
		{"250 \r\n", 250, "", "", "250", 1},
		{"250 ok\n", 250, "", "ok", "250 ok", 1},
		{"250-a\r\n250-b c\r\n250 d\r\n", 250, "", "a\nb c\nd", "250 a b c d", 3},
		{"250-a\r\n250\r\n", 250, "", "a\n", "250 a ", 2},
		{"550 5.1.1 No such user\r\n", 550, "5.1.1", "No such user",
		 "550 5.1.1 No such user", 1},
		{"550-5.7.1 one\r\n550-5.7.1 two\r\n550 three\r\n", 550, "5.7.1",
		 "one\ntwo\nthree", "550 5.7.1 one two three", 3},
		{"550 5.7.1\r\n", 550, "5.7.1", "", "550 5.7.1", 1},
		{"452 4.123.456 x\r\n", 452, "4.123.456", "x", "452 4.123.456 x", 1},
		/* Not enhanced codes: another class, too long, or just numbers. */
		{"550 2.1.1 no\r\n", 550, "", "2.1.1 no", "550 2.1.1 no", 1},
		{"250 2.1 no\r\n", 250, "", "2.1 no", "250 2.1 no", 1},
		{"250 2.1234.5 no\r\n", 250, "", "2.1234.5 no", "250 2.1234.5 no", 1},
		{"250 2.1.5x no\r\n", 250, "", "2.1.5x no", "250 2.1.5x no", 1},
		{"334 3.0.0 x\r\n", 334, "", "3.0.0 x", "334 3.0.0 x", 1},
		/* Printed text is sanitised, the text itself is not. */
		{"250 a\tb\x1b[0m \xff\r\n", 250, "", "a\tb\x1b[0m \xff", "250 a?b?[0m ?",
		 1},
	};
	struct reply r;
	struct err e;
	char line[200];
	size_t used;

	(void)state;
	reply_init(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct span in = span_str(cases[i].in);
		assert_int_equal(reply_parse(&r, in, &used, &e), REPLY_DONE);
		assert_int_equal(used, in.size);
		assert_int_equal(r.code, cases[i].code);
		assert_string_equal(r.enhanced, cases[i].enhanced);
		assert_string_equal(r.text.data, cases[i].text);
		assert_int_equal(r.lines, cases[i].lines);
		reply_line(&r, line, sizeof(line));
		assert_string_equal(line, cases[i].line);
		for (size_t n = 0; n < in.size; n++) {
			assert_int_equal(reply_parse(&r, span_first(in, n), &used, &e),
					 REPLY_MORE);
		}
	}
	reply_clear(&r);
}

static void malformed_replies(void **state)
{
	static const struct {
		struct span in;
		const char *text;
	} cases[] = {
		{ S("\r\n"), "is not SMTP" },
		{ S("25\r\n"), "is not SMTP" },
		{ S("2500 x\r\n"), "is not SMTP" },
		{ S("250x\r\n"), "is not SMTP" },
		{ S("199 x\r\n"), "is not SMTP" },
		{ S("600 x\r\n"), "is not SMTP" },
		{ S(" 250 x\r\n"), "is not SMTP" },
		{ S("HTTP/1.1 400 Bad\r\n"), "is not SMTP" },
		{ S("250-a\r\n251 b\r\n"), "changes its code" },
		{ S("250-a\r\n\r\n"), "is not SMTP" },
		{ S("250 a\0b\r\n"), "control character" },
		{ S("250 a\rb\r\n"), "control character" },
		{ S("250 a\r\r\n"), "control character" },
	};
	struct reply r;
	size_t used = 7;

	(void)state;
	reply_init(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		assert_int_equal(reply_parse(&r, cases[i].in, &used, &e), REPLY_BAD);
		assert_int_equal(e.cause, CAUSE_PROTOCOL);
		assert_non_null(strstr(e.text, cases[i].text));
		assert_int_equal(used, 7);
	}
	reply_clear(&r);
}

static void only_the_first_reply_is_taken(void **state)
{
	struct reply r;
	struct err e;
	size_t used;

	(void)state;
	reply_init(&r);
	assert_int_equal(reply_parse(&r, span_str("250 a\r\n550 b\r\n"), &used, &e),
			 REPLY_DONE);
	assert_int_equal(used, 7);
	assert_int_equal(r.code, 250);
	reply_clear(&r);
}

static enum reply_got parse(struct buf *in, const char *text)
{
	struct reply r;
	struct err e = { 0 };
	size_t used;

	reply_init(&r);
	enum reply_got got = reply_parse(&r, buf_span(in), &used, &e);
	assert_true(got != REPLY_BAD || strstr(e.text, text));
	reply_clear(&r);
	return got;
}

static void long_lines_are_bounded(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 2 * REPLY_LINE_MAX);
	assert_true(buf_add_str(&in, "250 "));
	while (in.size < REPLY_LINE_MAX - 1) {
		assert_true(buf_add_byte(&in, 'x'));
	}
	assert_int_equal(parse(&in, ""), REPLY_MORE);
	assert_true(buf_add_byte(&in, '\n'));
	assert_int_equal(parse(&in, ""), REPLY_DONE);
	in.data[in.size - 1] = 'x';
	assert_int_equal(parse(&in, "too long"), REPLY_BAD);
	buf_clear(&in);
}

static void many_lines_are_bounded(void **state)
{
	struct buf in;

	(void)state;
	buf_init(&in, 1 << 20);
	for (int i = 0; i < REPLY_LINES_MAX - 1; i++) {
		assert_true(buf_add_str(&in, "250-x\r\n"));
	}
	assert_true(buf_add_str(&in, "250 x\r\n"));
	assert_int_equal(parse(&in, ""), REPLY_DONE);
	in.data[in.size - 4] = '-';
	assert_true(buf_add_str(&in, "250-x\r\n"));
	assert_int_equal(parse(&in, "too many lines"), REPLY_BAD);
	buf_reset(&in);
	while (in.size < 2 * REPLY_TEXT_MAX) {
		assert_true(buf_printf(&in, "250-%01000d\r\n", 0));
	}
	assert_int_equal(parse(&in, "too long"), REPLY_BAD);
	buf_clear(&in);
}

static void the_printed_line_is_cut_to_fit(void **state)
{
	struct reply r;
	struct err e;
	size_t used;
	char line[10];

	(void)state;
	reply_init(&r);
	assert_int_equal(reply_parse(&r, span_str("550-5.1.1 caf\xc3\xa9\r\n550 x\r\n"),
				     &used, &e),
			 REPLY_DONE);
	reply_line(&r, line, sizeof(line));
	assert_string_equal(line, "550 5.1.1");
	char longer[15];
	reply_line(&r, longer, sizeof(longer));
	assert_string_equal(longer, "550 5.1.1 caf?");
	reply_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(well_formed_replies),
		cmocka_unit_test(malformed_replies),
		cmocka_unit_test(only_the_first_reply_is_taken),
		cmocka_unit_test(long_lines_are_bounded),
		cmocka_unit_test(many_lines_are_bounded),
		cmocka_unit_test(the_printed_line_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
