/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/repair.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void check(const char *in, bool is_7bit, const char *want)
{
	struct buf out BUF_AUTO, again BUF_AUTO;
	struct err e = { 0 };

	buf_init(&out, strlen(in) * REPAIR_GROWTH + REPAIR_SLACK);
	buf_init(&again, strlen(want));
	assert_true(repair_header(span_str(in), is_7bit, &out, &e));
	assert_string_equal(out.data, want);
	/* It needs that only once. */
	assert_true(repair_header(buf_span(&out), is_7bit, &again, &e));
	assert_string_equal(again.data, want);
}

/* How a field of that name comes out. */
struct row {
	const char *in, *out;
};

static void check_rows(const char *name, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char in[400], out[400];
		snprintf(in, sizeof(in), "MIME-Version: 1.0\r\n%s:%s\r\n", name, rows[i].in);
		snprintf(out, sizeof(out), "MIME-Version: 1.0\r\n%s:%s\r\n", name, rows[i].out);
		check(in, i % 2, out);
	}
}

/* Nobody asks for SMTPUTF8 because of words that are no address. */
static void a_malformed_list_is_ascii(void **state)
{
	static const struct row rows[] = {
		{ " a@b <c@d> \xc3\xbc", " a@b <c@d> =?UTF-8?B?w7w=?=" },
		{ " Z\xc3\xbc (x <\xc3\xbc@b>", " =?UTF-8?B?WsO8?= (x =?UTF-8?B?PMO8QGI+?=" },
		{ " a <\xc3\xbc@b", " a =?UTF-8?B?PMO8QGI=?=" },
		{ " \xe4@b", " =?unknown-8bit?B?5EBi?=" },
	};

	(void)state;
	check_rows("From", rows, COUNT(rows));
	check_rows("Resent-To", rows, COUNT(rows));
	check_rows("Errors-To", rows, COUNT(rows));
	check("Errors-To: \xc3\xbc@b\r\n", false, "Errors-To: \xc3\xbc@b\r\n");
	check("Return-Path: <\xc3\xbc@b>\r\n", false, "Return-Path: =?UTF-8?B?PMO8QGI+?=\r\n");
}

static void what_can_be_no_encoded_word_is_hex(void **state)
{
	static const struct row tokens[] = {
		{ " <\xc3\xbc@b> \xc3\xbc (Z\xc3\xbc)", " <=C3=BC@b> =C3=BC (=?UTF-8?B?WsO8?=)" },
		{ " from a (\xc3\xbc); 1 Jan 2026 10:00", " from a (=?UTF-8?B?w7w=?=); 1 Jan 2026 10:00" },
		{ " \"\xc3\xbc\" <a@b>", " \"=C3=BC\" <a@b>" },
		{ " M\xf6n, 1 Jan", " M=F6n, 1 Jan" },
		/* Not closed. */
		{ " (\xc3\xbc <\xc3\xbc@b> <c@d>", " =?UTF-8?B?KMO8?= <=C3=BC@b> <c@d>" },
	};
	static const char *const names[] = { "Received", "Message-ID", "In-Reply-To", "References",
					     "Resent-Date", "Authentication-Results" };
	static const struct row uris[] = {
		{ " <mailto:\xc3\xbc@x>, <http://x/%20> (\xc3\xbc)",
		  " <mailto:%C3%BC@x>, <http://x/%20> (=?UTF-8?B?w7w=?=)" },
	};
	static const struct row list[] = { { " Z\xc3\xbc <\xc3\xbc.x>", " =?UTF-8?B?WsO8?= <=C3=BC.x>" } };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		check_rows(names[i], tokens, COUNT(tokens));
	}
	check_rows("List-Unsubscribe", uris, COUNT(uris));
	check_rows("Content-ID", uris, COUNT(uris));
	check_rows("List-Id", list, COUNT(list));
}

static void keywords_keep_their_commas(void **state)
{
	static const struct row rows[] = {
		{ " \xc3\xbc, b c,\xc3\xbc", " =?UTF-8?B?w7w=?= , b c, =?UTF-8?B?w7w=?=" },
		{ " \"\xc3\xbc, x\" y, z", " =?UTF-8?B?w7wsIHg=?= y, z" },
	};

	(void)state;
	check_rows("Keywords", rows, COUNT(rows));
}

static void a_type_that_cannot_be_read_is_one_that_is_shown(void **state)
{
#define WAS "x-original-type*=UTF-8''"
	static const struct row rows[] = {
		{ " t\xc3\xa4xt/html; charset=utf-8",
		  " text/plain; " WAS "t%C3%A4xt%2Fhtml;\r\n charset=utf-8" },
		{ " text/html (\xc3\xa4)", " text/html; " WAS "text%2Fhtml%20%28%C3%A4%29" },
		{ "multipart/\xc3\xa4;boundary=b", "multipart/mixed; " WAS "multipart%2F%C3%A4;\r\n boundary=b" },
		{ " image/\xc3\xa4", " application/octet-stream;\r\n " WAS "image%2F%C3%A4" },
		{ " \xc3\xa4", " text/plain; " WAS "%C3%A4" },
	};

	(void)state;
	check_rows("Content-Type", rows, COUNT(rows));
}

static void a_signed_one_stays_while_the_server_takes_it(void **state)
{
#define SIGNED "DKIM-Signature: x\r\nMIME-Version: 1.0\r\nContent-Type: \xc3\xa4\r\nDate: "

	(void)state;
	check(SIGNED "\xc3\xa4\r\n", false, SIGNED "\xc3\xa4\r\n");
	check("DKIM-Signature: x\r\nDate: \xc3\xa4\r\n", true,
	      "DKIM-Signature: x\r\nDate: =C3=A4\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_malformed_list_is_ascii),
		cmocka_unit_test(what_can_be_no_encoded_word_is_hex),
		cmocka_unit_test(keywords_keep_their_commas),
		cmocka_unit_test(a_type_that_cannot_be_read_is_one_that_is_shown),
		cmocka_unit_test(a_signed_one_stays_while_the_server_takes_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
