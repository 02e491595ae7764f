/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"

#include <limits.h>

static void numbers_are_strict(void **state)
{
	unsigned long long v = 7;

	(void)state;
	assert_true(text_unsigned(span_str("65535"), 65535, &v));
	assert_int_equal(v, 65535);
	const char *bad[] = { "", " 1", "1 ", "-1", "+1", "0x1", "65536", "99999999999999999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(text_unsigned(span_str(bad[i]), 65535, &v));
	}
	assert_int_equal(v, 65535);
}

static void patterns_match_as_in_a_shell(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool hit;
	} rows[] = {
		{ "*@example.org", "Me@Example.ORG", true },
		{ "*@example.org", "me@example.net", false },
		{ "me+?@x", "me+a@x", true },
		{ "me+?@x", "me+@x", false },
		{ "[a-c]x", "Bx", true },
		{ "[!a-c]x", "bx", false },
		{ "[]]x", "]x", true },
		{ "[ab", "[ab", true },
		{ "*a*b*c", "xxaxxbxxc", true },
		{ "*a*b*c", "xxaxxbxx", false },
		{ "", "", true },
		{ "*", "", true },
		{ "?", "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(text_match(rows[i].pattern, span_str(rows[i].text)), rows[i].hit);
	}
}

static void distance_counts_edits(void **state)
{
	(void)state;
	assert_int_equal(text_distance("host", "host"), 0);
	assert_int_equal(text_distance("hots", "host"), 1);
	assert_int_equal(text_distance("pasword", "password"), 1);
	assert_int_equal(text_distance("", "abc"), 3);
}

static void base64_there_and_back(void **state)
{
	(void)state;
	for (size_t size = 0; size < 70; size++) {
		char data[70];
		struct buf text, back;
		for (size_t i = 0; i < size; i++) {
			data[i] = (char)(i * 37 + 255);
		}
		buf_init(&text, 200);
		buf_init(&back, 200);
		assert_true(text_base64_add(&text, span_of(data, size)));
		assert_true(text_base64_decode(&back, buf_span(&text)));
		assert_int_equal(back.size, size);
		assert_memory_equal(back.data, data, size);
		buf_clear(&text);
		buf_clear(&back);
	}
	struct buf b;
	buf_init(&b, 10);
	assert_false(text_base64_decode(&b, span_str("YQ=")));
	assert_false(text_base64_decode(&b, span_str("Y===")));
	assert_false(text_base64_decode(&b, span_str("YQ==YQ==")));
	assert_false(text_base64_decode(&b, span_str("Y Q=")));
	buf_clear(&b);
}

static void utf8_is_strict(void **state)
{
	(void)state;
	assert_true(text_is_utf8(span_str("\xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x93\xac")));
	assert_false(text_is_utf8(span_str("\xc0\xaf")));
	assert_false(text_is_utf8(span_str("\xed\xa0\x80")));
	assert_false(text_is_utf8(span_str("\xf5\x80\x80\x80")));
	assert_false(text_is_utf8(span_str("\xe6\x97")));
}

/* Each byte, at each place of a text of each length: it is looked at eight at a time. */
static void plain_is_what_can_be_seen(void **state)
{
	char text[20];

	(void)state;
	for (size_t size = 0; size <= sizeof(text); size++) {
		memset(text, '~', sizeof(text));
		assert_true(text_is_plain(span_of(text, size)));
		for (size_t at = 0; at < size; at++) {
			for (unsigned c = 0; c < 256; c++) {
				text[at] = (char)c;
				assert_int_equal(text_is_plain(span_of(text, size)),
						 c >= ' ' && c <= '~');
			}
			text[at] = at % 2 ? ' ' : '~';
		}
	}
}

static void numbers_have_an_end(void **state)
{
	static const struct {
		const char *text;
		unsigned long long max;
		bool is_number;
		unsigned long long value;
	} rows[] = {
		{ "18446744073709551615", ULLONG_MAX, true, ULLONG_MAX },
		{ "18446744073709551616", ULLONG_MAX, false, 0 },
		{ "99999999999999999999", ULLONG_MAX, false, 0 },
		{ "9999999999999999999", ULLONG_MAX, true, 9999999999999999999u },
		{ "000000000000000000000000012", 12, true, 12 },
		{ "13", 12, false, 0 }, { "", 12, false, 0 }, { "1x", 12, false, 0 },
		{ "-1", 12, false, 0 }, { " 1", 12, false, 0 }, { "1\xff", 12, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned long long value = 0;
		assert_int_equal(text_unsigned(span_str(rows[i].text), rows[i].max, &value),
				 rows[i].is_number);
		assert_true(value == rows[i].value);
	}
}

static void nothing_dangerous_reaches_a_terminal(void **state)
{
	char text[] = "a\r\n\t\x1b[2J\x7f\xc2\x9b" "b\xe3\x81\x82\xff";

	(void)state;
	text_sanitise(text, strlen(text));
	assert_string_equal(text, "a????[2J???b\xe3\x81\x82?");
	/* Line separator, right-to-left override, isolate; and their harmless neighbours. */
	char marks[] = "a\xe2\x80\xa8" "b\xe2\x80\xae" "c\xe2\x81\xa6" "d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xaa";
	text_sanitise(marks, strlen(marks));
	assert_string_equal(marks, "a???b???c???d\xe2\x80\xa7\xe2\x80\xaf\xe2\x81\xaa");
}

static void a_pin_in_a_uri_is_hidden(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "pkcs11:object=x?pin-value=12345678", "pkcs11:object=x?pin-value=***" },
		{ "pkcs11:object=x?pin-value=1&module-name=y", "pkcs11:object=x?pin-value=*&module-name=y" },
		{ "a?pin-value=12345&pin-value=678", "a?pin-value=***&pin-value=***" },
		{ "pkcs11:?PIN-VALUE=secret", "pkcs11:?PIN-VALUE=***" },
		{ "pkcs11:object=x?pin-source=/path", NULL },
		{ "/etc/ssl/key.pem", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[100];
		snprintf(text, sizeof(text), "%s", rows[i].text);
		assert_int_equal(text_hide_pin(text), rows[i].shown != NULL);
		assert_string_equal(text, rows[i].shown ? rows[i].shown : rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_strict),
		cmocka_unit_test(patterns_match_as_in_a_shell),
		cmocka_unit_test(distance_counts_edits),
		cmocka_unit_test(base64_there_and_back),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(plain_is_what_can_be_seen),
		cmocka_unit_test(numbers_have_an_end),
		cmocka_unit_test(nothing_dangerous_reaches_a_terminal),
		cmocka_unit_test(a_pin_in_a_uri_is_hidden),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
