/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "sys/pin.h"

#define SHA256_HEX "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

static void reads_what_tools_print(void **state)
{
	static const struct {
		const char *text;
		size_t size;	/* 0: refused */
	} cases[] = {
		{ SHA256_HEX, 32 },
		{ "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff", 16 },
		{ "00112233445566778899aabbccddeeff00:112233", 20 },
		{ "", 0 },
		{ "00", 0 },
		{ SHA256_HEX "00", 0 },
		{ "0g112233445566778899aabbccddeeff", 0 },
		{ "00112233445566778899aabbccddeef", 0 },
		{ "00::112233445566778899aabbccddeeff", 0 },
		{ ":00112233445566778899aabbccddeeff", 0 },
		{ "00112233445566778899aabbccddeeff:", 0 },
		{ " 00112233445566778899aabbccddeeff", 0 },
		{ "0:0112233445566778899aabbccddeeff", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pin pin;
		assert_int_equal(pin_parse(&pin, span_str(cases[i].text)), cases[i].size > 0);
		if (cases[i].size > 0) {
			assert_int_equal(pin.size, cases[i].size);
			assert_int_equal(pin.bytes[15], 0xff);
		}
	}
}

static void equal_means_every_byte_and_the_size(void **state)
{
	struct pin a, b;

	(void)state;
	assert_true(pin_parse(&a, span_str(SHA256_HEX)));
	assert_true(pin_parse(&b, span_str(SHA256_HEX)));
	assert_true(pin_equal(&a, &b));
	for (size_t i = 0; i < 32; i++) {
		b.bytes[i] ^= 1;
		assert_false(pin_equal(&a, &b));
		b.bytes[i] ^= 1;
	}
	b.size = 20;
	assert_false(pin_equal(&a, &b));
	a.size = b.size = 0;
	assert_false(pin_equal(&a, &b));
}

static void format_is_read_back(void **state)
{
	struct pin a, b;
	char text[PIN_TEXT_MAX];

	(void)state;
	assert_true(pin_parse(&a, span_str(SHA256_HEX)));
	pin_format(&a, text);
	assert_int_equal(strlen(text), 32 * 3 - 1);
	assert_int_equal(strncmp(text, "00:11:22:", 9), 0);
	assert_string_equal(text + 87, "DD:EE:FF");
	assert_true(pin_parse(&b, span_str(text)));
	assert_true(pin_equal(&a, &b));
	a.size = 0;
	pin_format(&a, text);
	assert_string_equal(text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_tools_print),
		cmocka_unit_test(equal_means_every_byte_and_the_size),
		cmocka_unit_test(format_is_read_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
