/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/fold.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static void text_is_folded(void **state)
{
	static const struct {
		const char *before, *text, *indent;
		bool is_ascii;
		const char *out;
	} rows[] = {
		{ "", "", " ", false, "" },
		{ "X:", "", " ", false, "X:" },
		{ "X:", "  \t ", " ", false, "X: ?" },
		{ "X:", "a b", " ", false, "X: a b" },
		{ "X:", "  a  b  ", " ", false, "X: a  b" },
		{ "", "a b", "    ", false, "    a b" },
		{ "one\r\n", "a", "  ", false, "one\r\n  a" },
		/* Before column 76 is passed; blanks stay, so that unfolding is exact. */
		{ "X:", SEVENTY "012 4", " ", false, "X: " SEVENTY "012\r\n 4" },
		{ "X:", SEVENTY "0 2", " ", false, "X: " SEVENTY "0 2" },
		{ "X:", SEVENTY "0   4", " ", false, "X: " SEVENTY "0\r\n   4" },
		{ "", SEVENTY " 123456", "", false, SEVENTY "\r\n123456" },
		{ "", SEVENTY " 12345", "", false, SEVENTY " 12345" },
		{ "", SEVENTY SEVENTY " x", "  ", false, "  " SEVENTY SEVENTY "\r\n  x" },
		{ "X:", SEVENTY SEVENTY, " ", false, "X:\r\n " SEVENTY SEVENTY },
		/* Columns are characters. */
		{ "", SEVENTY " \xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", "", false,
		  SEVENTY " \xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc" },
		/* What could mean something else. */
		{ "X:", "a\r\nBcc: b\nc\rd\te\x1b[0m\x7f", " ", false,
		  "X: a??Bcc: b?c?d?e?[0m?" },
		{ "X:", "a\r\n", " ", false, "X: a??" },
		{ "X:", "\xff\xc3(\xe2\x80\xae", " ", false, "X: ?\?(???" },
		{ "X:", "Z\xc3\xbcrich \xe5\xb1\xb1\xf0\x9f\x93\xab \xff", " ", true,
		  "X: Z?rich ?? ?" },
		{ "X:", "Z\xc3\xbcrich", " ", false, "X: Z\xc3\xbcrich" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		buf_init(&out, 1000);
		assert_true(buf_add_str(&out, rows[i].before));
		assert_true(fold_add(&out, rows[i].text, rows[i].indent, rows[i].is_ascii));
		assert_string_equal(out.data, rows[i].out);
		for (size_t max = strlen(rows[i].before); max < strlen(rows[i].out); max++) {
			BUF_AUTO struct buf small;
			buf_init(&small, max);
			assert_true(buf_add_str(&small, rows[i].before));
			assert_false(fold_add(&small, rows[i].text, rows[i].indent,
					      rows[i].is_ascii));
		}
	}
}

/* No line over 998 bytes, none of blanks alone, no character cut, nothing lost. */
static void long_words_are_broken(void **state)
{
	static const char *const units[] = { "x", "\xc3\xbc", "\xe5\xb1\xb1",
					     "\xf0\x9f\x93\xab" };

	(void)state;
	for (size_t i = 0; i < COUNT(units); i++) {
		BUF_AUTO struct buf in, out, back;
		buf_init(&in, 10000);
		buf_init(&out, 20000);
		buf_init(&back, 20000);
		while (in.size + 4 <= 5000) {
			assert_true(buf_add_str(&in, units[i]));
		}
		assert_true(buf_add_str(&out, "X:"));
		assert_true(fold_add(&out, in.data, " ", false));
		assert_true(text_is_utf8(buf_span(&out)));
		struct span rest = span_from(buf_span(&out), 2);
		while (rest.size > 0) {
			const char *end = memchr(rest.data, '\n', rest.size);
			size_t size = end ? (size_t)(end - rest.data) + 1 : rest.size;
			struct span line = span_trim(span_first(rest, size));
			assert_true(size <= 998);
			assert_true(buf_add_span(&back, line));
			rest = span_from(rest, size);
			assert_true(line.size > 0 || back.size == 0);
		}
		assert_string_equal(back.data, in.data);
	}
}

static void much_text_is_cut(void **state)
{
	BUF_AUTO struct buf in, out;

	(void)state;
	buf_init(&in, 200000);
	buf_init(&out, 200000);
	for (size_t i = 0; i < 100000; i++) {
		assert_true(buf_add_byte(&in, i % 2 ? ' ' : 'x'));
	}
	assert_true(fold_add(&out, in.data, " ", false));
	assert_true(out.size > FOLD_TEXT_MAX && out.size < 2 * FOLD_TEXT_MAX);

	buf_reset(&in);
	buf_reset(&out);
	assert_true(buf_add_byte(&in, 'a'));
	for (size_t i = 0; i < 5000; i++) {
		assert_true(buf_add_byte(&in, ' '));
	}
	assert_true(buf_add_byte(&in, 'b'));
	assert_true(fold_add(&out, in.data, " ", false));
	assert_true(out.size > 2 && out.size < 50);
	assert_int_equal(out.data[out.size - 1], 'b');
}

static void fields_are_folded_where_they_have_blanks(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "X: " SEVENTY "01234\r\n", "X: " SEVENTY "01234\r\n" },
		{ "X: " SEVENTY " 234\r\n", "X: " SEVENTY " 234\r\n" },
		{ "X: " SEVENTY " 23456\r\n", "X: " SEVENTY "\r\n 23456\r\n" },
		{ "X: " SEVENTY "\t 3456\r\n", "X: " SEVENTY "\r\n\t 3456\r\n" },
		/* A comma is better than a blank. */
		{ "X: " TEN TEN TEN TEN ", " TEN TEN " b" TEN TEN "\r\n",
		  "X: " TEN TEN TEN TEN ",\r\n " TEN TEN " b" TEN TEN "\r\n" },
		{ "X: " TEN TEN ", \"" TEN TEN TEN ", " TEN TEN "\" a\r\n",
		  "X: " TEN TEN ",\r\n \"" TEN TEN TEN ", " TEN TEN "\" a\r\n" },
		{ "X: a \"" TEN TEN TEN ", \\\" " TEN TEN TEN TEN "\"\r\n",
		  "X: a\r\n \"" TEN TEN TEN ", \\\" " TEN TEN TEN TEN "\"\r\n" },
		{ "X: \"" SEVENTY " " TEN "\"\r\n", "X: \"" SEVENTY "\r\n " TEN "\"\r\n" },
		/* No line of blanks alone, none with the name alone, no blank that is quoted. */
		{ "X: " SEVENTY TEN "\r\n", "X: " SEVENTY TEN "\r\n" },
		{ "X: " SEVENTY TEN " \t \r\n", "X: " SEVENTY TEN " \t \r\n" },
		{ "X:  " SEVENTY TEN "\\ c\r\n", "X:  " SEVENTY TEN "\\ c\r\n" },
		{ "X: " SEVENTY TEN " a " SEVENTY " b" TEN " c\r\n",
		  "X: " SEVENTY TEN "\r\n a " SEVENTY "\r\n b" TEN " c\r\n" },
		/* Folding that is there stays; a last line without its end gets it. */
		{ "X:\r\n a\r\n\tb " SEVENTY " c" TEN "\r\n d",
		  "X:\r\n a\r\n\tb " SEVENTY "\r\n c" TEN "\r\n d\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		buf_init(&out, 1000);
		assert_true(fold_field(&out, span_str(rows[i].in)));
		assert_string_equal(out.data, rows[i].out);
		for (size_t max = 0; max < out.size; max++) {
			BUF_AUTO struct buf small;
			buf_init(&small, max);
			assert_false(fold_field(&small, span_str(rows[i].in)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_folded),
		cmocka_unit_test(long_words_are_broken),
		cmocka_unit_test(much_text_is_cut),
		cmocka_unit_test(fields_are_folded_where_they_have_blanks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
