/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/lex.h"

static void one_line_gives_key_and_value(void **state)
{
	static const struct {
		const char *line, *key, *value;
	} rows[] = {
		{ "host mail.example.org", "host", "mail.example.org" },
		{ "  host\t \tx  ", "host", "x" },
		{ "tls", "tls", "" },
		{ "", "", "" },
		{ "   \t", "", "" },
		{ "# host x", "", "" },
		{ "   # host x", "", "" },
		{ "user \" a b \"", "user", " a b " },
		{ "user \"\"", "user", "" },
		{ "user \"", "user", "\"" },
		{ "user \"x", "user", "\"x" },
		{ "user x\"", "user", "x\"" },
		{ "password \"a\"b\"", "password", "a\"b" },
		{ "password a \"b\" c", "password", "a \"b\" c" },
		/* As in msmtp, # does not end a value … */
		{ "password a#b", "password", "a#b" },
		{ "password a # b", "password", "a # b" },
		{ "password #a", "password", "#a" },
		/* … but what conf_print writes does. */
		{ "host x\t# rc:1", "host", "x" },
		{ "tls_trust_file \"\"\t# rc:1", "tls_trust_file", "" },
		{ "user \" a\"\t# rc:1", "user", " a" },
		{ "tls\t# rc:1", "tls", "" },
		{ "password a\t#b", "password", "a\t#b" },
		{ "passwordeval \"a\t b\"", "passwordeval", "a\t b" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lex_line line = { 0 };
		struct err e;
		assert_true(lex_split(span_str(rows[i].line), &line, &e));
		assert_true(span_equal(line.key, span_str(rows[i].key)));
		assert_true(span_equal(line.value, span_str(rows[i].value)));
	}
}

static void lines_are_counted(void **state)
{
	const char text[] = "\xef\xbb\xbfhost a\r\n\r\n# x\nport 1\n\n  user b";
	static const struct {
		unsigned number;
		const char *key;
	} rows[] = { { 1, "host" }, { 4, "port" }, { 6, "user" } };
	struct lex l;
	struct lex_line line;
	struct err e;

	(void)state;
	lex_init(&l, span_str(text), "rc");
	for (size_t i = 0; i < 3; i++) {
		assert_true(lex_next(&l, &line, &e));
		assert_int_equal(line.number, rows[i].number);
		assert_true(span_equal(line.key, span_str(rows[i].key)));
	}
	assert_true(lex_next(&l, &line, &e));
	assert_int_equal(line.key.size, 0);
	assert_true(lex_next(&l, &line, &e));
	assert_int_equal(line.key.size, 0);
}

static void bad_bytes_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *error;
	} rows[] = {
		{ "a\nho\0st x\n", 10,
		  "rc:2: a NUL byte; is this a text file in UTF-8?" },
		{ "# \0", 3, "rc:1: a NUL byte; is this a text file in UTF-8?" },
		{ "host a\rb\n", 9, "rc:1: a control character (0x0d)" },
		{ "host \x1b[0m", 9, "rc:1: a control character (0x1b)" },
		{ "host \x7f", 6, "rc:1: a control character (0x7f)" },
		{ "host a\r\r\n", 9, "rc:1: a control character (0x0d)" },
		{ "\xff\xfeh\0", 4, "rc:1: a NUL byte; is this a text file in UTF-8?" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct lex l;
		struct lex_line line;
		struct err e = { 0 };
		bool ok = true;
		lex_init(&l, span_of(rows[i].text, rows[i].size), "rc");
		while ((ok = lex_next(&l, &line, &e)) && line.key.size > 0) {
		}
		assert_false(ok);
		assert_string_equal(e.text, rows[i].error);
	}
}

static void a_line_has_a_limit(void **state)
{
	char *text = malloc(LEX_LINE_MAX + 1);
	struct lex_line line = { 0 };
	struct err e;

	(void)state;
	assert_non_null(text);
	memset(text, 'x', LEX_LINE_MAX + 1);
	assert_true(lex_split(span_of(text, LEX_LINE_MAX), &line, &e));
	assert_false(lex_split(span_of(text, LEX_LINE_MAX + 1), &line, &e));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_gives_key_and_value),
		cmocka_unit_test(lines_are_counted),
		cmocka_unit_test(bad_bytes_are_refused),
		cmocka_unit_test(a_line_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
