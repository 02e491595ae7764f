/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/charset.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void the_charset_fits_the_text(void **state)
{
	static const struct {
		const char *text, *declared, *want;
	} rows[] = {
		{ "", "", "UTF-8" },
		{ "plain", "iso-8859-1", "UTF-8" },
		{ "Z\xc3\xbcrich", "iso-8859-1", "UTF-8" },
		{ "Z\xfcrich", "iso-8859-1", "iso-8859-1" },
		{ "Z\xfcrich", "ISO-8859-15", "ISO-8859-15" },
		{ "Z\xfcrich", "Windows-1252", "Windows-1252" },
		/* Nothing is declared; what is cannot be it, or is not known. */
		{ "Z\xfcrich", "", "unknown-8bit" },
		{ "Z\xfcrich", "utf-8", "unknown-8bit" },
		{ "Z\xfcrich", "us-ascii", "unknown-8bit" },
		{ "Z\xfcrich", "iso-2022-jp", "unknown-8bit" },
		{ "Z\xfcrich", "utf-16", "unknown-8bit" },
		{ "Z\xfcrich", "iso-8859-1\r\nX", "unknown-8bit" },
		{ "Z\xfcrich", "iso-8859-1?=", "unknown-8bit" },
		{ "Z\xfcrich", "iso-8859-12345678", "unknown-8bit" },
		/* 表ソ: second bytes that are ASCII. */
		{ "\x95\x5c\x83\x5c", "Shift_JIS", "Shift_JIS" },
		{ "\xb1\xb2", "shift_jis", "shift_jis" },
		{ "\x95", "shift_jis", "unknown-8bit" },
		{ "\x95 ", "shift_jis", "unknown-8bit" },
		{ "\xa0x", "shift_jis", "unknown-8bit" },
		{ "\xc6\xfc\xcb\xdc", "euc-jp", "euc-jp" },
		{ "\x8e\xb1\x8f\xb0\xa1", "EUC-JP", "EUC-JP" },
		{ "\xc6", "euc-jp", "unknown-8bit" },
		{ "\xc6x", "euc-jp", "unknown-8bit" },
		{ "\x81\x30\x81\x30\xb0\x40", "gb18030", "gb18030" },
		{ "\x81\x30\x81", "gb18030", "unknown-8bit" },
		{ "\xb3\x5c", "Big5", "Big5" },
		{ "\xb3\x7f", "Big5", "unknown-8bit" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct charset c = charset_of(span_str(rows[i].text), span_str(rows[i].declared));
		assert_string_equal(c.name, rows[i].want);
	}
}

static void a_step_is_a_character(void **state)
{
	static const struct {
		const char *text, *declared, *sizes;
	} rows[] = {
		{ "a\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80z", "", "12341" },
		{ "a\xff\xc3z", "", "1111" },
		{ "\x95\x5c" "a\xb1", "shift_jis", "211" },
		{ "\x8e\xb1\x8f\xb0\xa1\xc6\xfc", "euc-jp", "232" },
		{ "\x81\x30\x81\x30\xb0\x40", "gb18030", "42" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span rest = span_str(rows[i].text);
		struct charset c = charset_of(rest, span_str(rows[i].declared));
		for (const char *size = rows[i].sizes; *size; size++) {
			assert_true(rest.size > 0);
			assert_int_equal(charset_step(&c, rest), *size - '0');
			rest = span_from(rest, (size_t)(*size - '0'));
		}
		assert_int_equal(rest.size, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_charset_fits_the_text),
		cmocka_unit_test(a_step_is_a_character),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
