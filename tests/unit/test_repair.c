/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/repair.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define HUNDRED "0123456789012345678901234567890123456789012345678901234567890123456789" \
		"012345678901234567890123456789"
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static void check(const char *in, bool is_7bit, const char *want)
{
	struct buf out BUF_AUTO, again BUF_AUTO;
	struct err e = { 0 };

	buf_init(&out, strlen(want));
	buf_init(&again, strlen(want));
	assert_true(repair_header(span_str(in), is_7bit, &out, &e));
	assert_string_equal(out.data, want);
	if (!is_7bit && strcmp(in, want) != 0) {
		assert_true(repair_header_needs(span_str(in)));
	}
	/* It needs that only once. */
	assert_true(repair_header(buf_span(&out), is_7bit, &again, &e));
	assert_string_equal(again.data, want);
	for (size_t max = 0; max < strlen(want); max += 1 + max / 20) {
		struct buf small BUF_AUTO;
		buf_init(&small, max);
		assert_false(repair_header(span_str(in), is_7bit, &small, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
	}
}

/* How a field of that name comes out. */
struct row {
	const char *in, *out;
};

static void check_rows(const char *name, const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char in[400], out[400];
		snprintf(in, sizeof(in), "%s:%s\r\n", name, rows[i].in);
		snprintf(out, sizeof(out), "%s:%s\r\n", name, rows[i].out);
		check(in, false, out);
	}
}

static void an_ordinary_header_is_not_read_twice(void **state)
{
	static const struct {
		const char *header;
		bool needs;
	} rows[] = {
		{ "", false },
		{ "Subject: x\r\n y\r\n", false },
		{ "X: " THOUSAND "\r\n", true },
		{ "X: a\r\n " THOUSAND "\r\nY: b\r\n", true },
		{ "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n", false },
		{ "content-type: text/plain\r\nmime-version: 1.0\r\n", false },
		{ "Content-Type : text/plain\r\n", true },
		{ "Subject: \xff\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(repair_header_needs(span_str(rows[i].header)), rows[i].needs);
	}
	assert_true(repair_header_needs(span_of("X: \0\r\n", 6)));
	/* 998 octets may stand in a line. */
	struct buf line BUF_AUTO;
	buf_init(&line, 2000);
	assert_true(buf_printf(&line, "X: %0995d\r\n", 1) && !repair_header_needs(buf_span(&line)));
	buf_reset(&line);
	assert_true(buf_printf(&line, "X: %0996d\r\n", 1) && repair_header_needs(buf_span(&line)));
}

static void what_is_right_keeps_its_bytes(void **state)
{
	static const char *const rows[] = {
		"",
		"Subject:  a\t b  \r\n\tc \r\n  \r\nX:\r\n",
		"From: \"a  b\" <c@d>, (e) f@g  ,\r\n h@i\r\n",
		"Subject: " HUNDRED " " HUNDRED "\r\n",
		"Subject: =?utf-8?q?x?=\r\n",
		"Subject: \x1b$B%F\x1b(B\r\n",
		"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n",
		"no field\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i], i % 2, rows[i]);
	}
}

/* From it nobody takes an address: what SMTPUTF8 would be needed for is text. */
static void a_copy_for_readers_is_ascii(void **state)
{
	(void)state;
	check("X-Original-From: \xc3\xbc <a@b>\r\n", true,
	      "X-Original-From: =?UTF-8?B?w7w=?= <a@b>\r\n");
	check("X-Original-From: a <\xc3\xbc@b>\r\n", true,
	      "X-Original-From: a =?UTF-8?B?PMO8QGI+?=\r\n");
	check("X-Original-Sender: \xc3\xbc@b\r\n", false,
	      "X-Original-Sender: =?UTF-8?B?w7xAYg==?=\r\n");
	check("From: \xc3\xbc@b\r\n", true, "From: \xc3\xbc@b\r\n");
}

static void text_is_encoded(void **state)
{
	static const struct row rows[] = {
		{ "\xc3\xbc", " =?UTF-8?B?w7w=?=" },
		{ " Z\xc3\xbcrich  and Bern ", " =?UTF-8?Q?Z=C3=BCrich?=  and Bern" },
		{ " a\r\n\t\xc3\xbc", " a\t=?UTF-8?B?w7w=?=" },
		{ " \xff", " =?unknown-8bit?Q?=FF?=" },
		{ " \xc3\xbc \xff", " =?unknown-8bit?B?w7wg/w==?=" },
		{ " (\xc3\xbc)", " =?UTF-8?B?KMO8KQ==?=" },
		{ " a\x1b\xc3\xbc", " =?UTF-8?B?YRvDvA==?=" },
		{ " a\x1b \xc3\xbc", " =?UTF-8?B?YRsgw7w=?=" },
		{ " =?UTF-8?Q?x?= \xc3\xbc", " =?UTF-8?Q?x?= =?UTF-8?B?IMO8?=" },
		/* No reader is to find the end of that behind the umlaut. */
		{ " =?x \xc3\xa4", " =?UTF-8?B?PT94IMOk?=" },
	};

	(void)state;
	check_rows("Subject", rows, COUNT(rows));
	check_rows("X-Unknown", rows, COUNT(rows));
	check_rows("content-description", rows, COUNT(rows));
}

static void names_are_encoded_and_addresses_are_not(void **state)
{
	static const struct row rows[] = {
		{ " Z\xc3\xbc <a@b>", " =?UTF-8?B?WsO8?= <a@b>" },
		{ " Z\xc3\xbc<a@b>", " =?UTF-8?B?WsO8?= <a@b>" },
		{ " \"Z\xc3\xbc, \\\"X\\\" \\\\\" <a@b>", " =?UTF-8?B?WsO8LCAiWCIgXA==?= <a@b>" },
		{ " \"a, b\" Z\xc3\xbc <a@b>", " \"a, b\" =?UTF-8?B?WsO8?= <a@b>" },
		{ " A B. Z\xc3\xbc \xc3\xbc C <a@b>", " A B. =?UTF-8?B?WsO8IMO8?= C <a@b>" },
		{ " Z\xc3\xbc <\xc3\xbc@b>, \xc3\xbc@\xc3\xbc, \xc3\xbc",
		  " =?UTF-8?B?WsO8?= <\xc3\xbc@b>, \xc3\xbc@\xc3\xbc, \xc3\xbc" },
		{ " \"\xc3\xbc \"@b, Z\xc3\xbc <\"> \xc3\xbc\"@b>",
		  " \"\xc3\xbc \"@b, =?UTF-8?B?WsO8?= <\"> \xc3\xbc\"@b>" },
		{ " a@b (Z\xc3\xbc (\xc3\xbc\\)\\\\) b)",
		  " a@b (=?UTF-8?B?WsO8?= (=?UTF-8?B?w7wpXA==?=) b)" },
		{ " Gr\xc3\xbc\xc3\xbc: a@b, Z\xc3\xbc <c@d>;, e@f",
		  " =?UTF-8?B?R3LDvMO8?= : a@b, =?UTF-8?B?WsO8?= <c@d>;, e@f" },
		{ " a@[IPv6:::1] (\xc3\xbc)", " a@[IPv6:::1] (=?UTF-8?B?w7w=?=)" },
		{ " =?UTF-8?Q?a,b?= <a@b> (\xc3\xbc)", " =?UTF-8?Q?a,b?= <a@b> (=?UTF-8?B?w7w=?=)" },
		{ " Z\xc3\xbc <@x,@y:a@b>", " =?UTF-8?B?WsO8?= <@x,@y:a@b>" },
		{ ",,\xc3\xbc <a@b>,", ",, =?UTF-8?B?w7w=?= <a@b>," },
		/* Malformed: words that can be no address. */
		{ " \"Z\xc3\xbc <a@b>", " =?UTF-8?B?IlrDvA==?= <a@b>" },
		{ " Z\xc3\xbc <a@b", " =?UTF-8?B?WsO8?= <a@b" },
	};

	(void)state;
	check_rows("From", rows, COUNT(rows));
	check_rows("Resent-Cc", rows, COUNT(rows));
	check_rows("reply-to", rows, COUNT(rows));
}

static void parameters_are_encoded(void **state)
{
	static const struct row rows[] = {
		{ " attachment; filename=\"Z\xc3\xbc x\"; a=b",
		  " attachment; filename*=UTF-8''Z%C3%BC%20x; a=b" },
		{ " attachment;filename=Z\xc3\xbc x.pdf", " attachment; filename*=UTF-8''Z%C3%BC%20x.pdf" },
		{ " x; a=\"\\\"\xff\"", " x; a*=unknown-8bit''%22%FF" },
		{ " x; a*=UTF-8''\xc3\xbc%20", " x; a*=UTF-8''%C3%BC%20" },
		{ " x; boundary=\"\xc3\xbc\"", " x; boundary*=UTF-8''%C3%BC" },
		{ " x;\r\n\ta=\"b  c\"; d=\xc3\xbc", " x;\ta=\"b  c\"; d*=UTF-8''%C3%BC" },
		{ " x; \xc3\xbc; \xc3\xbc=a;", " x; %C3%BC; %C3%BC=a;" },
		{ " \xc3\xbc; a=b", " %C3%BC; a=b" },
		{ " x; filename=\"\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5\xe6\x97\xa5"
		  "\xe6\x97\xa5\xe6\x97\xa5\"; a=b",
		  " x;\r\n filename*0*=UTF-8''%E6%97%A5%E6%97%A5%E6%97%A5%E6%97%A5%E6%97%A5;\r\n"
		  " filename*1*=%E6%97%A5%E6%97%A5%E6%97%A5; a=b" },
	};

	(void)state;
	check_rows("Content-Disposition", rows, COUNT(rows));
}

static void the_declared_charset_is_used(void **state)
{
	static const char type[] = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=\"Shift_JIS\"\r\n";
	char in[300], want[300];

	(void)state;
	snprintf(in, sizeof(in), "Subject: \x95\x5c\r\nTo: \"\x83\x5c\" <a@b>\r\n%s", type);
	snprintf(want, sizeof(want),
		 "Subject: =?Shift_JIS?B?lVw=?=\r\nTo: =?Shift_JIS?B?g1w=?= <a@b>\r\n%s", type);
	check(in, false, want);
	snprintf(in, sizeof(in), "Subject: \x95\r\nX: \xc3\xbc\r\n%s", type);
	snprintf(want, sizeof(want), "Subject: =?unknown-8bit?Q?=95?=\r\nX: =?UTF-8?B?w7w=?=\r\n%s",
		 type);
	check(in, true, want);
}

static void long_lines_are_folded(void **state)
{
	static const char folded[] = "0123456789012345678901234567890123456789012345678901234567890123";
	char in[3000], *p = in;

	(void)state;
	/* At blanks, and in address lists behind commas. */
	check("References: <" HUNDRED "> " THOUSAND "\r\n", false,
	      "References: <" HUNDRED ">\r\n " "01234567890123456789012345678901234567890123456789"
	      "01234567890123456789012345678901234567890123456789" HUNDRED HUNDRED HUNDRED HUNDRED
	      HUNDRED HUNDRED HUNDRED HUNDRED
	      "01234567890123456789012345678901234567890123456789"
	      "01234567890123456789012345678901234567890123456"
	      "\r\n 789\r\n");
	p += snprintf(p, 10, "To: ");
	for (int i = 0; i < 20; i++) {
		p += snprintf(p, 100, "%s%s", i ? "," : "", folded);
	}
	memcpy(p, "\r\n", 3);
	struct buf out BUF_AUTO;
	struct err e;
	buf_init(&out, 4000);
	assert_true(repair_header(span_str(in), false, &out, &e));
	size_t column = 0;
	for (size_t i = 0; i < out.size; i++) {
		column = out.data[i] == '\n' ? 0 : column + 1;
		assert_true(column <= 79);
	}
	assert_int_equal(out.size, strlen(in) + 19 * strlen("\r\n "));
	/* Text that nothing can break is encoded. */
	buf_reset(&out);
	assert_true(repair_header(span_str("Subject: " THOUSAND "\r\n"), false, &out, &e));
	assert_memory_equal(out.data, "Subject: =?UTF-8?Q?0123", strlen("Subject: =?UTF-8?Q?0123"));
}

static void a_nul_goes(void **state)
{
	struct buf out BUF_AUTO;
	struct err e;
	static const char in[] = "Subject: a\0b\r\nTo: a\0 <b\0@c> (\0)\r\nDKIM-Signature: x\r\n";

	(void)state;
	buf_init(&out, 400);
	assert_true(repair_header(span_of(in, sizeof(in) - 1), false, &out, &e));
	assert_string_equal(out.data, "Subject: =?UTF-8?B?YQBi?=\r\n"
			    "To: =?UTF-8?Q?a=00?= <b?@c> (=?UTF-8?Q?=00?=)\r\nDKIM-Signature: x\r\n");
	assert_int_equal(strlen(out.data), out.size);
}

static void a_signed_header_is_changed_only_when_it_must(void **state)
{
	static const char header[] = "Subject: \xc3\xbc\r\nContent-Type: text/plain\r\ndkim-signature: x\r\n";

	(void)state;
	check(header, false, header);
	check(header, true,
	      "Subject: =?UTF-8?B?w7w=?=\r\nContent-Type: text/plain\r\ndkim-signature: x\r\n");
}

static void a_type_needs_a_version(void **state)
{
	(void)state;
	check("A: b\r\nContent-Type: text/html\r\n C: d\r\nContent-Type: x\r\n", false,
	      "A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/html\r\n C: d\r\nContent-Type: x\r\n");
	check("Content-Type: text/html\r\nmime-version: 1.0\r\n", false,
	      "Content-Type: text/html\r\nmime-version: 1.0\r\n");
}

static void a_guess_is_never_too_small(void **state)
{
	static const char html[] = "MIME-Version: 1.0\r\nContent-Type: text/html\r\n";
	static const char html8[] = "Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n";
	static const char lie[] = "Content-Type: text/plain; charset=us-ascii\r\n"
				  "Content-Transfer-Encoding: 8bit\r\n";
	static const char mixed[] = "Content-Type: multipart/mixed; boundary=x\r\n";
	static const char dkim[] = "DKIM-Signature: x\r\n";
	static const struct {
		const char *header;
		struct wire facts;
		enum repair_need need, need_7bit;
	} rows[] = {
		{ "", { .longest_line = 998 }, REPAIR_NOTHING, REPAIR_NOTHING },
		{ "", { .longest_line = 999 }, REPAIR_BODY, REPAIR_BODY },
		{ dkim, { .longest_line = 999 }, REPAIR_BODY, REPAIR_BODY },
		{ dkim, { .has_nul = true }, REPAIR_BODY, REPAIR_BODY },
		{ "", { .is_8bit = true }, REPAIR_BODY, REPAIR_BODY },
		{ "MIME-Version: 1.0\r\n", { .is_8bit = true }, REPAIR_BODY, REPAIR_BODY },
		{ dkim, { .is_8bit = true }, REPAIR_NOTHING, REPAIR_BODY },
		{ html, { .is_8bit = true }, REPAIR_LABEL, REPAIR_BODY },
		{ html8, { .is_8bit = true }, REPAIR_NOTHING, REPAIR_BODY },
		{ lie, { .is_8bit = true }, REPAIR_LABEL, REPAIR_BODY },
		{ lie, { .is_8bit = false }, REPAIR_NOTHING, REPAIR_NOTHING },
		{ mixed, { .is_8bit = true }, REPAIR_NOTHING, REPAIR_BODY },
		{ mixed, { .is_8bit = false }, REPAIR_NOTHING, REPAIR_NOTHING },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span header = span_str(rows[i].header);
		assert_int_equal(repair_guess(header, false, &rows[i].facts), rows[i].need);
		assert_int_equal(repair_guess(header, true, &rows[i].facts), rows[i].need_7bit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ordinary_header_is_not_read_twice),
		cmocka_unit_test(what_is_right_keeps_its_bytes),
		cmocka_unit_test(a_copy_for_readers_is_ascii),
		cmocka_unit_test(text_is_encoded),
		cmocka_unit_test(names_are_encoded_and_addresses_are_not),
		cmocka_unit_test(parameters_are_encoded),
		cmocka_unit_test(the_declared_charset_is_used),
		cmocka_unit_test(long_lines_are_folded),
		cmocka_unit_test(a_nul_goes),
		cmocka_unit_test(a_signed_header_is_changed_only_when_it_must),
		cmocka_unit_test(a_type_needs_a_version),
		cmocka_unit_test(a_guess_is_never_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
