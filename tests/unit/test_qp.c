/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/qp.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

/* However it is cut. */
static void in_pieces(const char *in, const char *want)
{
	for (size_t chunk = 1; chunk < 10; chunk++) {
		BUF_AUTO struct buf out;
		struct qp q = { 0 };
		buf_init(&out, 1000);
		for (struct span rest = span_str(in); rest.size > 0; rest = span_from(rest, chunk)) {
			assert_true(qp_feed(&q, span_first(rest, chunk), &out));
		}
		assert_true(qp_end(&q, &out));
		assert_string_equal(out.data, want);
	}
}

static void text_is_encoded(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "plain text, with ~ and !\r\n", "plain text, with ~ and !\r\n" },
		{ "a=b", "a=3Db" },
		{ "Z\xc3\xbcrich\r\n\r\nx", "Z=C3=BCrich\r\n\r\nx" },
		{ "end \r\nend\t\r\nend ", "end=20\r\nend=09\r\nend=20" },
		{ "in side\tof", "in side\tof" },
		{ "\r\n \r\n", "\r\n=20\r\n" },
		{ "bare\rbare\nbare\r", "bare=0Dbare=0Abare=0D" },
		{ "\x01\x7f\xff", "=01=7F=FF" },
		/* 76 columns are full; a soft break takes the last of them. */
		{ SEVENTY "012345\r\n", SEVENTY "012345\r\n" },
		{ SEVENTY "0123456\r\n", SEVENTY "01234=\r\n56\r\n" },
		{ SEVENTY "012\xff\r\n", SEVENTY "012=FF\r\n" },
		{ SEVENTY "0123\xff\r\n", SEVENTY "0123=\r\n=FF\r\n" },
		{ SEVENTY "012\xffx", SEVENTY "012=\r\n=FFx" },
		/* What was within a line is no boundary. */
		{ SEVENTY "01234--b\r\n", SEVENTY "01234=\r\n=2D-b\r\n" },
		{ SEVENTY "01234-", SEVENTY "01234-" },
		{ "--b\r\n", "--b\r\n" },
		{ SEVENTY "0123 x", SEVENTY "0123 x" },
		{ SEVENTY "01234 x", SEVENTY "01234=\r\n x" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf out;
		buf_init(&out, strlen(rows[i].out));
		assert_true(qp_add(&out, span_str(rows[i].in)));
		assert_string_equal(out.data, rows[i].out);
		in_pieces(rows[i].in, rows[i].out);
		/* One byte less never fits. */
		for (size_t max = 0; max < strlen(rows[i].out); max++) {
			BUF_AUTO struct buf small;
			buf_init(&small, max);
			assert_false(qp_add(&small, span_str(rows[i].in)));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_encoded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
