/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/buf.h"
#include "mail/field.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TEN "0123456789"
#define FORTY TEN TEN TEN TEN
#define SEVENTY FORTY TEN TEN TEN

/*
 * A row is tokens: "e…" to encode, "p…" plain, "b…" blanks, "," a place to break, "x=" how
 * plain ones are escaped.
 */
static bool write_field(struct buf *out, const char *name, const char *const *tokens)
{
	struct charset utf8 = charset_of(span_str(""), span_str(""));
	struct field w;

	field_begin(&w, out, &utf8, span_str(name));
	for (; *tokens; tokens++) {
		struct span s = span_str(*tokens + 1);
		if (**tokens == 'e') {
			field_text(&w, s);
		} else if (**tokens == 'p') {
			field_plain(&w, s);
		} else if (**tokens == 'b') {
			field_blank(&w, s);
		} else if (**tokens == 'x') {
			w.escape = (*tokens)[1];
		} else {
			field_may_break(&w);
		}
	}
	return field_end(&w);
}

static void tokens_are_written(void **state)
{
	static const struct {
		const char *tokens[12], *want;
	} rows[] = {
		{ { NULL }, "N:\r\n" },
		{ { "pa" }, "N:a\r\n" },
		{ { "b ", "pa", "b\t ", "pb", "b  " }, "N: a\t b\r\n" },
		{ { "pa\xff=\xc3\xbc" }, "N:a\xff=\xc3\xbc\r\n" },
		{ { "x=", "pa\xff=\xc3\xbc", "b ", "e\xc3\xbc" }, "N:a=FF==C3=BC =?UTF-8?B?w7w=?=\r\n" },
		{ { "x%", "p<\xc3\xbc>", "pb" }, "N:<%C3%BC>b\r\n" },
		/* An encoded-word has a blank before it, unless it begins a comment. */
		{ { "e\xc3\xbc" }, "N: =?UTF-8?B?w7w=?=\r\n" },
		{ { "pa", "e\xc3\xbc", "p<x>" }, "N:a =?UTF-8?B?w7w=?= <x>\r\n" },
		{ { "b ", "p(", "e\xc3\xbc", "p)", "p," }, "N: (=?UTF-8?B?w7w=?=),\r\n" },
		/* Blanks between two texts are text. */
		{ { "b ", "e\xc3\xbc", "b \t", "e\xc3\xa9", "b ", "pz" },
		  "N: =?UTF-8?B?w7wgCcOp?= z\r\n" },
		/* And so are those between a text and another encoded-word. */
		{ { "b ", "e\xc3\xbc", "b \t", "p=?UTF-8?Q?x?=" },
		  "N: =?UTF-8?B?w7wgCQ==?= =?UTF-8?Q?x?=\r\n" },
		{ { "b ", "p=?UTF-8?Q?x?=", "b  ", "exyz\xc3\xbc" },
		  "N: =?UTF-8?Q?x?= =?UTF-8?Q?__xyz=C3=BC?=\r\n" },
		{ { "b ", "p=?UTF-8?Q?x?=", "b  ", "p=?UTF-8?Q?y?=" },
		  "N: =?UTF-8?Q?x?=  =?UTF-8?Q?y?=\r\n" },
		/* The shorter encoding. */
		{ { "eone and two and \xc3\xbc" }, "N: =?UTF-8?Q?one_and_two_and_=C3=BC?=\r\n" },
		{ { "e\xc3\xbc\xc3\xbc\xc3\xbc" }, "N: =?UTF-8?B?w7zDvMO8?=\r\n" },
		/* Q is safe in a phrase, too. */
		{ { "ea(b)\"c\",_=?abcdefghijklm \xc3\xbc" },
		  "N: =?UTF-8?B?YShiKSJjIixfPT9hYmNkZWZnaGlqa2xtIMO8?=\r\n" },
		{ { "eabcdefghijklmnopqrstuvwxyz_\xc3\xbc" },
		  "N: =?UTF-8?Q?abcdefghijklmnopqrstuvwxyz=5F=C3=BC?=\r\n" },
		/* Folding at blanks only, or where it is allowed. */
		{ { "b ", "p" SEVENTY, "b ", "pabc" }, "N: " SEVENTY "\r\n abc\r\n" },
		{ { "b ", "p" SEVENTY, "b ", "pab" }, "N: " SEVENTY " ab\r\n" },
		{ { "b ", "p" SEVENTY, "pabcdef" }, "N: " SEVENTY "abcdef\r\n" },
		{ { "b ", "p" SEVENTY, "p,", ",", "pabcdef" }, "N: " SEVENTY ",\r\n abcdef\r\n" },
		{ { "b ", "p" SEVENTY, "b\t\t", "pabc" }, "N: " SEVENTY "\r\n\t\tabc\r\n" },
		/* The first token stays beside the name. */
		{ { "b ", "p" SEVENTY TEN }, "N: " SEVENTY TEN "\r\n" },
		{ { "b ", "p" SEVENTY, "b ", "e\xc3\xbc" },
		  "N: " SEVENTY "\r\n =?UTF-8?B?w7w=?=\r\n" },
		/* A long text is cut between characters. */
		{ { "b ", "e" FORTY "\xf0\x9f\x98\x80" "abcd\xf0\x9f\x98\x80" },
		  "N: =?UTF-8?Q?" FORTY "=F0=9F=98=80abcd?=\r\n =?UTF-8?Q?=F0=9F=98=80?=\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		buf_init(&out, 1000);
		assert_true(write_field(&out, "N", rows[i].tokens));
		assert_string_equal(out.data, rows[i].want);
		for (size_t max = 0; max < out.size; max++) {
			BUF_AUTO struct buf small;
			buf_init(&small, max);
			assert_false(write_field(&small, "N", rows[i].tokens));
		}
	}
}

static void no_line_is_too_long(void **state)
{
	static const char *const columns[] = { "0", "1", "2", "3", "4", "5", "6", "7", "8", "9" };
	char name[70] = { 0 }, token[3000];

	(void)state;
	/* A name of any length, and a text that must be folded behind it. */
	for (size_t size = 1; size < sizeof(name); size++) {
		BUF_AUTO struct buf out;
		char text[400] = "e";
		memset(name, 'N', size);
		for (size_t i = 0; i < 300; i++) {
			memcpy(text + 1 + i, i % 3 ? columns[i % 10] : "\xff", 1);
		}
		buf_init(&out, 2000);
		assert_true(write_field(&out, name, (const char *const[]){ "b ", text, NULL }));
		size_t column = 0;
		for (size_t i = 0; i < out.size; i++) {
			column = out.data[i] == '\n' ? 0 : column + 1;
			assert_true(column <= 77);
		}
	}
	/* A plain token that no line has room for. */
	for (size_t size = 990; size < sizeof(token) - 1; size += 7) {
		BUF_AUTO struct buf out;
		memset(token, 'x', size);
		token[0] = 'p';
		token[size] = '\0';
		buf_init(&out, 4000);
		assert_true(write_field(&out, "N", (const char *const[]){ "b ", token, NULL }));
		size_t column = 0, count = 0;
		for (size_t i = 0; i < out.size; i++) {
			column = out.data[i] == '\n' ? 0 : column + 1;
			count += out.data[i] == 'x';
			assert_true(column <= FIELD_LINE_MAX + 1);
		}
		assert_int_equal(count, size - 1);
	}
}

static void a_nul_never_comes_out(void **state)
{
	struct charset utf8 = charset_of(span_str(""), span_str(""));
	BUF_AUTO struct buf out;
	struct field w;

	(void)state;
	buf_init(&out, 100);
	field_begin(&w, &out, &utf8, span_str("N"));
	field_blank(&w, span_str(" "));
	field_plain(&w, span_of("a\0b", 3));
	field_blank(&w, span_str(" "));
	field_text(&w, span_of("abcdefgh\0i", 10));
	assert_true(field_end(&w));
	assert_string_equal(out.data, "N: a?b =?UTF-8?Q?abcdefgh=00i?=\r\n");
	assert_int_equal(strlen(out.data), out.size);
}

static void many_blanks_become_fewer(void **state)
{
	static const char spaces[] = "b                                                      ";
	BUF_AUTO struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_true(write_field(&out, "N", (const char *const[]){ "pa", spaces, "pb", NULL }));
	assert_int_equal(out.size, strlen("N:ab\r\n") + FIELD_BLANKS_MAX);
}

/* Once nothing fits, what still comes costs no time: this would take minutes. */
static void what_does_not_fit_ends_soon(void **state)
{
	enum { TOKENS = 1000000, MOST = 4000000 };
	struct charset utf8 = charset_of(span_str(""), span_str(""));
	struct buf out;
	struct field w;

	(void)state;
	buf_init(&out, MOST);
	field_begin(&w, &out, &utf8, span_str("N"));
	for (size_t i = 0; i < TOKENS; i++) {
		field_text(&w, span_str("\xc3\xbc"));
		field_plain(&w, span_str(":"));
	}
	assert_false(field_end(&w));
	buf_clear(&out);
}

static void an_encoded_word_is_known(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {
		{ "=?UTF-8?Q?x?=", 13 }, { "=?UTF-8?Q?x?= y", 13 }, { "=?UTF-8?Q?x?=y", 13 },
		{ "=?a?B?\?=", 8 }, { "=?UTF-8?Q?x?", 0 }, { "=?UTF-8?Q?x y?=", 0 }, { "", 0 },
		{ "=?", 0 }, { "=", 0 }, { "?UTF-8?Q?x?=", 0 }, { "=?UTF-8?Q?\xc3\xbc?=", 0 },
		{ "=?UTF-8?Q?=?=", 13 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(field_encoded_size(span_str(rows[i].text)), rows[i].size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_written),
		cmocka_unit_test(no_line_is_too_long),
		cmocka_unit_test(a_nul_never_comes_out),
		cmocka_unit_test(many_blanks_become_fewer),
		cmocka_unit_test(what_does_not_fit_ends_soon),
		cmocka_unit_test(an_encoded_word_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
