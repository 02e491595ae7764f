/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/mime_code.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static bool encode(enum mime_coding coding, struct span in, size_t chunk, struct buf *out,
		   bool *ret_is_open)
{
	struct mime_code c;

	mime_code_init(&c, coding);
	for (; in.size > 0; in = span_from(in, chunk)) {
		if (!mime_code_feed(&c, span_first(in, chunk), out)) {
			return false;
		}
	}
	bool ok = mime_code_end(&c, out);
	*ret_is_open = mime_code_is_open(&c);
	return ok;
}

static void bodies_are_encoded(void **state)
{
	static const struct {
		enum mime_coding coding;
		const char *in, *out;
		bool is_open;
	} rows[] = {
		{ MIME_AS_IS, "a\xff \r\n", "a\xff \r\n", false },
		{ MIME_TO_QUOTED, "a\xff=\r\n", "a=FF=3D\r\n", false },
		{ MIME_TO_QUOTED, "a ", "a=20", true },
		{ MIME_TO_QUOTED, "", "", false },
		{ MIME_TO_BASE64, "", "", false },
		{ MIME_TO_BASE64, "a\r\n", "YQ0K", true },
		{ MIME_TO_BASE64, "abcd", "YWJjZA==", true },
		{ MIME_TO_BASE64, SEVENTY, "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0"
		  "NTY3ODkwMTIzNDU2\r\nNzg5MDEyMzQ1Njc4OQ==", true },
		{ MIME_AGAIN_BASE64, "", "", false },
		{ MIME_AGAIN_BASE64, "YQ\r\n0K\r\n", "YQ0K", true },
		{ MIME_AGAIN_BASE64, SEVENTY "abcdefghi=", SEVENTY "abcdef\r\nghi=", true },
		{ MIME_AGAIN_BASE64, "Y\xff\x01Q 0K", "YQ0K", true },
		/* What was within a line is no boundary. */
		{ MIME_AGAIN_BASE64, SEVENTY "012345--b--", SEVENTY "012345\r\nb", true },
		{ MIME_AGAIN_QUOTED, SEVENTY "01234--b\r\n--c\r\n",
		  SEVENTY "01234=\r\n=2D-b\r\n--c\r\n", false },
		{ MIME_AGAIN_QUOTED, "", "", false },
		/* What is right stays. */
		{ MIME_AGAIN_QUOTED, "a=3Db=3dc =\r\nd \r\n", "a=3Db=3dc =\r\nd \r\n", false },
		{ MIME_AGAIN_QUOTED, SEVENTY "01234=\r\n\r\n", SEVENTY "01234=\r\n\r\n", false },
		/* A reader that is less patient must find the same in what was never right. */
		{ MIME_AGAIN_QUOTED, "=zz=\r\n= =A\r\n=", "=3Dzz=\r\n= =3DA\r\n=", true },
		{ MIME_AGAIN_QUOTED, "=\xff==41=4\xff", "=3D=FF=3D=41=3D4=FF", true },
		{ MIME_AGAIN_QUOTED, "=C3=BC\xc3\xbc\r\n", "=C3=BC=C3=BC\r\n", false },
		{ MIME_UNREAD, "a\xc3\xbc\r\nb", "a\xc3\xbc\r\nb", true },
		{ MIME_UNREAD_7BIT, "a\xc3\xbc\r\nb\r\n", "a??\r\nb\r\n", false },
		/* Breaks come where a code is not cut. */
		{ MIME_AGAIN_QUOTED, SEVENTY "012345678\r\n", SEVENTY "01234=\r\n5678\r\n", false },
		{ MIME_AGAIN_QUOTED, SEVENTY "0123=C3=BC\r\n", SEVENTY "0123=\r\n=C3=BC\r\n", false },
		{ MIME_AGAIN_QUOTED, SEVENTY "012=C3=BC\r\n", SEVENTY "012=\r\n=C3=BC\r\n", false },
		{ MIME_AGAIN_QUOTED, SEVENTY "01=C3=BC\r\n", SEVENTY "01=C3=\r\n=BC\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span in = span_str(rows[i].in);
		for (size_t chunk = 1; chunk < 100; chunk += 7) {
			BUF_AUTO struct buf out;
			bool is_open = false;
			buf_init(&out, strlen(rows[i].out));
			assert_true(encode(rows[i].coding, in, chunk, &out, &is_open));
			assert_string_equal(out.data, rows[i].out);
			assert_int_equal(is_open, rows[i].is_open);
		}
		for (size_t max = 0; max < strlen(rows[i].out); max++) {
			BUF_AUTO struct buf small;
			bool is_open = false;
			buf_init(&small, max);
			assert_false(encode(rows[i].coding, in, 5, &small, &is_open));
		}
	}
}

/* A long line is cut, and what was within it does not begin a part. */
static void unread_text_is_no_boundary(void **state)
{
	enum { LINE = 998 };
	BUF_AUTO struct buf in, out, want;
	bool is_open = false;

	(void)state;
	buf_init(&in, 2 * LINE);
	buf_init(&out, 2 * LINE);
	buf_init(&want, 2 * LINE);
	for (int i = 0; i < LINE; i++) {
		assert_true(buf_add_byte(&in, 'x'));
	}
	assert_true(buf_add_span(&want, buf_span(&in)));
	assert_true(buf_add_str(&in, "--b\r\n--c\r\n"));
	assert_true(buf_add_str(&want, "\r\n --b\r\n--c\r\n"));
	assert_true(encode(MIME_UNREAD, buf_span(&in), 100, &out, &is_open));
	assert_string_equal(out.data, want.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bodies_are_encoded),
		cmocka_unit_test(unread_text_is_no_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
