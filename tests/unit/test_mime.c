/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/mime.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define HUNDRED "0123456789012345678901234567890123456789012345678901234567890123456789" \
		"012345678901234567890123456789"
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
#define UTF8 "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"
#define B64 "Content-Transfer-Encoding: base64\r\n"

/* Both passes; what was asked for says the first. */
static bool repair(struct span message, bool is_7bit, size_t chunk, enum repair_need *ret_need,
		   struct buf *out, struct err *e)
{
	struct mime m;
	bool ok = true;

	mime_init(&m, is_7bit);
	for (struct span in = message; ok && in.size > 0; in = span_from(in, chunk)) {
		ok = mime_scan(&m, span_first(in, chunk), e);
	}
	ok = ok && mime_scan_end(&m, e);
	*ret_need = m.need;
	for (struct span in = message; ok && in.size > 0; in = span_from(in, chunk)) {
		ok = mime_convert(&m, span_first(in, chunk), out, e);
	}
	ok = ok && mime_convert_end(&m, out, e);
	if (ok) {
		assert_int_equal(m.is_8bit, !text_is_ascii(buf_span(out)));
	}
	mime_clear(&m);
	return ok;
}

static void check_span(struct span in, bool is_7bit, enum repair_need need, const char *want)
{
	for (size_t chunk = 1; chunk < 5000; chunk += 1 + chunk * 3) {
		struct buf out BUF_AUTO;
		struct err e = { 0 };
		enum repair_need found = REPAIR_NOTHING;
		buf_init(&out, strlen(want));
		bool ok = repair(in, is_7bit, chunk, &found, &out, &e);
		assert_string_equal(ok ? out.data : e.text, want);
		assert_int_equal(found, need);
	}
	for (size_t max = 0; max < strlen(want); max += 1 + max / 10) {
		struct buf small BUF_AUTO;
		struct err e;
		enum repair_need found;
		buf_init(&small, max);
		assert_false(repair(in, is_7bit, 100, &found, &small, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
}

static void check(const char *in, bool is_7bit, enum repair_need need, const char *want)
{
	check_span(span_str(in), is_7bit, need, want);
}

static void stays(const char *in, bool is_7bit)
{
	check(in, is_7bit, REPAIR_NOTHING, in);
}

static void what_is_right_keeps_its_bytes(void **state)
{
	static const char *const rows[] = {
		"\r\n",
		"A: b\r\n\r\n",
		"A: b\r\n\r\nbody\r\n\r\n",
		"\r\n--b\r\nContent-Type: x\r\n",
		"A: b\r\n\r\n" HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED
		"01234567890123456789012345678901234567890123456789012345678901234567890123456789"
		"012345678901234567\r\n",
		"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B%F\x1b(B\r\n",
		("Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\nx\r\n--b \r\n"
		"Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\ny\r\n\r\n--b--\t\r\npost\r\n"),
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n--b\r\nA: b\r\n--b\r\n\r\n--b--\r\n",
		"Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nA: b\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno field\r\n--b--\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		stays(rows[i], false);
		stays(rows[i], true);
	}
	stays("Content-Type: text/plain; charset=shift_jis\r\nContent-Transfer-Encoding: 8bit\r\n"
	      "\r\n\x83\x5c\r\n", false);
	stays("Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n\xff\r\n--b--\r\n", false);
	stays("DKIM-Signature: x\r\n\r\n\xff\r\n", false);
	stays("Content-Type: message/rfc822\r\n\r\nA: \xc3\xbc\r\n\r\n\xff\r\n", false);
}

static void a_message_that_says_nothing_is_labelled(void **state)
{
	(void)state;
	for (int is_7bit = 0; is_7bit < 2; is_7bit++) {
		check("A: b\r\n\r\nZ\xc3\xbcrich\r\n", is_7bit, REPAIR_BODY,
		      "A: b\r\n" UTF8 QP "\r\nZ=C3=BCrich\r\n");
		check("\r\n\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\r\n", is_7bit, REPAIR_BODY,
		      UTF8 B64 "\r\nw7zDvMO8w7wNCg==\r\n");
		check("\r\nlong enough \xff\r\n", is_7bit, REPAIR_BODY,
		      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=unknown-8bit\r\n" QP
		      "\r\nlong enough =FF\r\n");
		check("mime-version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\nA: b\r\n\r\nabcdefgh \xc3\xbc\r\n",
		      is_7bit, REPAIR_BODY,
		      "mime-version: 1.0\r\n" QP "A: b\r\nContent-Type: text/plain; charset=UTF-8\r\n"
		      "\r\nabcdefgh =C3=BC\r\n");
		check_span(span_of("\r\nabcdefghij\0\r\n", 15), is_7bit, REPAIR_BODY,
			   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n" QP
			   "\r\nabcdefghij=00\r\n");
		check_span(span_of("\r\n\x1b$B%F\x1b(B\0abcdefghijklmnopq\r\n", 30), is_7bit, REPAIR_BODY,
			   "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=ISO-2022-JP\r\n" QP
			   "\r\n=1B$B%F=1B(B=00abcdefghijklmnopq\r\n");
	}
}

static void long_lines_are_encoded(void **state)
{
	struct buf out BUF_AUTO;
	struct err e;
	enum repair_need need;
	static const char *const rows[] = {
		"\r\n" THOUSAND "\r\n",
		"DKIM-Signature: x\r\n\r\n" THOUSAND "\r\n",
		"Content-Type: text/html\r\n\r\n" THOUSAND "\r\n",
		"Content-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" THOUSAND
		"\r\n",
		"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n" THOUSAND "\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" THOUSAND "\r\n--b--\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n" THOUSAND "\r\n--b--\r\n" THOUSAND "\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nA: " THOUSAND "\r\n\r\nx\r\n--b--\r\n",
		"Content-Type: message/rfc822\r\n\r\nA: " THOUSAND "\r\n\r\n" THOUSAND "\r\n",
		"Content-Type: message/rfc822\r\n\r\nFrom a" THOUSAND "\r\nA: b\r\n\r\nx\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t column = 0;
		buf_init(&out, 10000);
		assert_true(repair(span_str(rows[i]), false, 1 + i * 300, &need, &out, &e));
		assert_int_equal(need, REPAIR_BODY);
		for (size_t k = 0; k < out.size; k++) {
			column = out.data[k] == '\n' ? 0 : column + 1;
			assert_true(column <= 999);
		}
		assert_true(out.size > 2 && memcmp(out.data + out.size - 2, "\r\n", 2) == 0);
		buf_clear(&out);
	}
}

#define MIXED "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n"

static void parts_are_encoded_for_a_7bit_server(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\nabcdef \xc3\xbc\r\n",
		  "Content-Type: text/html\r\n" QP "MIME-Version: 1.0\r\n\r\nabcdef =C3=BC\r\n" },
		{ MIXED "Content-Transfer-Encoding: 8bit\r\n\r\np\xc3\xbc\r\n--b\r\n"
		  "Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\nabcdef \xc3\xbc\r\n--b\r\n"
		  "Content-Type: image/png\r\nContent-transfer-encoding: binary\r\n\r\n\xff\xfe\xfd\xfc\r\n\r\n--b\r\n"
		  "Content-Type: text/plain\r\nContent-Transfer-Encoding: 8bit\r\n\r\nplain\r\n"
		  "--b\r\n\r\nabcdef \xc3\xbc\r\n--b--\r\n\xc3\xbc\r\n",
		  MIXED "Content-Transfer-Encoding: 7bit\r\n\r\np??\r\n--b\r\n"
		  "Content-Type: text/html\r\n" QP "\r\nabcdef =C3=BC\r\n--b\r\n"
		  "Content-Type: image/png\r\n" B64 "\r\n//79/A0K\r\n--b\r\n"
		  "Content-Type: text/plain\r\nContent-Transfer-Encoding: 7bit\r\n\r\nplain\r\n"
		  "--b\r\nContent-Type: text/plain; charset=UTF-8\r\n" QP "\r\nabcdef =C3=BC\r\n--b--\r\n??\r\n" },
		/* The header of a part, and of a message in a message. */
		{ MIXED "\r\n--b\r\nContent-Description: \xc3\xbc\r\n\r\nx\r\n--b\r\n"
		  "Content-Type: message/rfc822\r\n\r\n>From x \xc3\xbc:\r\nA: \xc3\xbc\r\n\r\nabcdef \xc3\xbc\r\n\r\n--b--\r\n",
		  MIXED "\r\n--b\r\nContent-Description: =?UTF-8?B?w7w=?=\r\n\r\nx\r\n--b\r\n"
		  "Content-Type: message/rfc822\r\n\r\n>From x ??:\r\nA: =?UTF-8?B?w7w=?=\r\n" UTF8 QP
		  "\r\nabcdef =C3=BC\r\n\r\n--b--\r\n" },
		/* A multipart in one, which is never closed. */
		{ MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n"
		  "abcdef \xc3\xbc\r\n--b\r\n\r\n--bb\r\n",
		  MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n"
		  "Content-Type: text/plain; charset=UTF-8\r\n" QP
		  "\r\nabcdef =C3=BC\r\n--b\r\n\r\n--bb\r\n" },
		/* Text without a blank line above it gets one. */
		{ MIXED "\r\n--b\r\nA: b\r\nabcdefgh \xc3\xbc\r\n--b--\r\n",
		  MIXED "\r\n--b\r\nA: b\r\nContent-Type: text/plain; charset=UTF-8\r\n" QP
		  "\r\nabcdefgh =C3=BC\r\n--b--\r\n" },
		/* Encoded already, but not all of it. */
		{ "MIME-Version: 1.0\r\nContent-Type: text/html\r\n" QP "\r\n=C3=BC\xc3\xbc\r\n",
		  "MIME-Version: 1.0\r\nContent-Type: text/html\r\n" QP "\r\n=C3=BC=C3=BC\r\n" },
		{ MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\nsigned\r\n--c--\r\n"
		  "--b\r\nContent-Type: text/html\r\n\r\nabcdef \xc3\xbc\r\n--b--\r\n",
		  MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=c\r\n\r\n--c\r\nsigned\r\n--c--\r\n"
		  "--b\r\nContent-Type: text/html\r\n" QP "\r\nabcdef =C3=BC\r\n--b--\r\n" },
		{ "DKIM-Signature: x\r\nSubject: \xc3\xbc\r\n\r\nabcdefg\r\n",
		  "DKIM-Signature: x\r\nSubject: =?UTF-8?B?w7w=?=\r\n\r\nabcdefg\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i].in, true, REPAIR_BODY, rows[i].out);
	}
}

static void a_label_is_added(void **state)
{
	(void)state;
	check("MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n\xc3\xbc\r\n", false, REPAIR_LABEL,
	      "MIME-Version: 1.0\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n"
	      "\r\n\xc3\xbc\r\n");
	stays("DKIM-Signature: x\r\nContent-Type: text/html\r\n\r\n\xc3\xbc\r\n", false);
}

/* What cron and mailx write where no locale is set. */
static void a_wrong_charset_is_corrected(void **state)
{
#define LIE "Content-Type: text/plain; charset=\"ANSI_X3.4-1968\"\r\n"
#define BITS "Content-Transfer-Encoding: 8bit\r\n"
#define TYPE(charset) "Content-Type: text/plain; charset=" charset "\r\n"

	(void)state;
	check("MIME-Version: 1.0\r\n" LIE BITS "A: b\r\n\r\n\xc3\xbc\r\n", false, REPAIR_LABEL,
	      "MIME-Version: 1.0\r\n" TYPE("UTF-8") BITS "A: b\r\n\r\n\xc3\xbc\r\n");
	check(LIE "\r\n\xfc\r\n", false, REPAIR_LABEL,
	      TYPE("unknown-8bit") "MIME-Version: 1.0\r\n" BITS "\r\n\xfc\r\n");
	check("MIME-Version: 1.0\r\n" LIE BITS "\r\nabcdef \xc3\xbc\r\n", true, REPAIR_BODY,
	      "MIME-Version: 1.0\r\n" TYPE("UTF-8") QP "\r\nabcdef =C3=BC\r\n");
	/* Nothing is wrong; signed; not the message itself. */
	stays("MIME-Version: 1.0\r\n" LIE "\r\nabc\r\n", false);
	stays("DKIM-Signature: x\r\nMIME-Version: 1.0\r\n" LIE BITS "\r\n\xc3\xbc\r\n", false);
	stays(MIXED "\r\n--b\r\n" LIE BITS "\r\n\xc3\xbc\r\n--b--\r\n", false);
#undef LIE
#undef BITS
#undef TYPE
}

static void what_is_sealed_is_refused(void **state)
{
	static const struct {
		const char *header, *why;
	} rows[] = {
		{ "Content-Type: multipart/signed; boundary=b\r\n", "a part that is signed" },
		{ "Content-Type: multipart/encrypted; boundary=b\r\n", "a part that is encrypted" },
		{ "Content-Type: multipart/mixed\r\n", "a multipart without a usable boundary" },
		{ "Content-Type: message/partial\r\n", "a part of type message/partial" },
		{ "Content-Transfer-Encoding: x-uuencode\r\n", "a part with an unknown transfer encoding" },
	};
	static const struct {
		struct span body;
		const char *what;
		bool only_7bit;
		int line;
	} bodies[] = {
		{ { "\r\n--b\r\n\xc3\xbc\r\n", 11 }, "8-bit text, which the server does not take", true,
		  2 },
		{ { "\r\n--b\r\n\0\r\n", 10 }, "a NUL", false, 2 },
		{ { "\r\n" THOUSAND "\r\n", 1004 }, "a line of more than 998 octets", false, 1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t k = 0; k < COUNT(bodies) * 2; k++) {
			struct buf in BUF_AUTO, out BUF_AUTO;
			struct err e = { 0 };
			enum repair_need need;
			char want[300];
			bool is_7bit = k % 2;
			buf_init(&in, 2000);
			buf_init(&out, 5000);
			assert_true(buf_add_str(&in, rows[i].header) &&
				    buf_add_span(&in, bodies[k / 2].body));
			bool ok = repair(buf_span(&in), is_7bit, 1000, &need, &out, &e);
			assert_int_equal(ok, bodies[k / 2].only_7bit && !is_7bit);
			if (!ok) {
				snprintf(want, sizeof(want), "%s has %s, in line %d of its body: "
					 "the program that made it must encode that "
					 "(quoted-printable or base64)", rows[i].why,
					 bodies[k / 2].what, bodies[k / 2].line);
				assert_string_equal(e.text, want);
				assert_int_equal(e.cause, CAUSE_DATA);
			}
		}
	}
}

static void depth_and_number_have_bounds(void **state)
{
	struct buf in BUF_AUTO, out BUF_AUTO;
	struct err e = { 0 };
	enum repair_need need;

	(void)state;
	buf_init(&in, 16 << 20);
	buf_init(&out, 32 << 20);
	for (int i = 0; i <= MIME_DEPTH_MAX; i++) {
		assert_true(buf_printf(&in, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n",
				       i, i));
	}
	assert_true(buf_add_str(&in, "\r\nx\r\n"));
	assert_true(repair(buf_span(&in), true, 1000, &need, &out, &e));
	assert_int_equal(need, REPAIR_NOTHING);
	assert_true(span_equal(buf_span(&in), buf_span(&out)));
	assert_true(buf_add_str(&in, "\xff\r\n"));
	assert_false(repair(buf_span(&in), true, 1000, &need, &out, &e));
	assert_non_null(strstr(e.text, "too many others"));
	buf_reset(&in);
	assert_true(buf_add_str(&in, "Content-Type: multipart/mixed; boundary=b\r\n\r\n"));
	for (int i = 0; i <= MIME_ENTITIES_MAX; i++) {
		assert_true(buf_add_str(&in, "--b\r\n\r\n"));
	}
	assert_false(repair(buf_span(&in), true, 100000, &need, &out, &e));
	assert_non_null(strstr(e.text, "too many parts"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_right_keeps_its_bytes),
		cmocka_unit_test(a_message_that_says_nothing_is_labelled),
		cmocka_unit_test(long_lines_are_encoded),
		cmocka_unit_test(parts_are_encoded_for_a_7bit_server),
		cmocka_unit_test(a_label_is_added),
		cmocka_unit_test(a_wrong_charset_is_corrected),
		cmocka_unit_test(what_is_sealed_is_refused),
		cmocka_unit_test(depth_and_number_have_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
