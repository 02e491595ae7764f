/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/header.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void fields_come_one_by_one(void **state)
{
	static const struct {
		const char *name, *value, *whole;
	} fields[] = {
		{ "Subject", " a", "Subject: a\r\n" },
		{ "X-Empty", "", "X-Empty:\r\n" },
		{ "To", " b@x,\r\n\tc@x\r\n ", "To \t: b@x,\r\n\tc@x\r\n \r\n" },
		{ "", "no field", "no field\r\n" },
		{ "", "", "\r\n" },
		{ "", ": x", ": x\r\n" },
		{ "", "d\xc3\xa9: x", "d\xc3\xa9: x\r\n" },
		{ "A", "b:c", "A:b:c\n" },
		{ "Last", " x", "Last: x" },
	};
	char header[300] = "";
	size_t size = 0, i = 0;
	struct header_field f;

	(void)state;
	for (i = 0; i < COUNT(fields); i++) {
		size_t n = strlen(fields[i].whole);
		memcpy(header + size, fields[i].whole, n + 1);
		size += n;
	}
	struct span rest = span_of(header, size);
	for (i = 0; header_next(&rest, &f); i++) {
		assert_true(span_equal(f.name, span_str(fields[i].name)));
		assert_true(span_equal(f.value, span_str(fields[i].value)));
		assert_true(span_equal(f.whole, span_str(fields[i].whole)));
	}
	assert_int_equal(i, COUNT(fields));
	assert_true(header_find(span_of(header, size), "tO", &f));
	assert_int_equal(f.whole.data[0], 'T');
	assert_false(header_find(span_of(header, size), "Cc", &f));
	assert_false(header_find(span_of(header, size), "Subjec", &f));
	assert_false(header_find(span_of(NULL, 0), "To", &f));
}

static void a_blank_first_line_is_no_field(void **state)
{
	struct span rest = span_str(" a: b\r\n c\r\nd: e\r\n");
	struct header_field f;

	(void)state;
	assert_true(header_next(&rest, &f));
	assert_int_equal(f.name.size, 0);
	assert_true(span_equal(f.whole, span_str(" a: b\r\n c\r\n")));
	assert_true(header_next(&rest, &f));
	assert_true(span_equal(f.name, span_str("d")));
	assert_false(header_next(&rest, &f));
}

static void recipients_are_what_minus_t_sends_to(void **state)
{
	static const struct {
		const char *header, *specs;	/* or what the error says, after '!' */
	} rows[] = {
		{ "", "" },
		{ "Subject: x@y\r\nFrom: f@x\r\nReply-To: r@x\r\n", "" },
		{ "To: a@x, B <b@x>\r\nCC: c@x\r\nbcc : d@x\r\n", "a@x|b@x|c@x|d@x" },
		{ "Bcc: d@x\r\nTo:a@x,\r\n b@x\r\nTo: c@x\r\nTo:\r\n",
		  "d@x|a@x|b@x|c@x" },
		{ "To: undisclosed-recipients:;\r\nBcc:\r\n d@x\r\n", "d@x" },
		{ "To: a@x\r\nResent-To: r@x\r\n", "r@x" },
		{ "Resent-Cc: r@x\r\nResent-Bcc: s@x\r\nTo: a@x\r\nResent-To: t@x\r\n",
		  "r@x|s@x|t@x" },
		{ "Resent-From: r@x\r\nTo: a@x\r\n", "a@x" },
		{ "Resent-To:\r\nTo: a@x\r\n", "" },
		{ "Resent-To: r@x\r\nTo: broken <\r\n", "r@x" },
		{ "To: root\r\n", "root" },
		{ "X-To: a@x\r\nTo-Do: b@x\r\nno field To: c@x\r\n", "" },
		{ "To: a@x\r\nCc: b <b@x\r\n",
		  "!Cc: column 7: address \"b <b@x\": no \">\" closes" },
		{ "resent-bcc: b c\r\n",
		  "!resent-bcc: column 15: address \"b c\": a second word" },
		{ "To: MAILER-DAEMON <>\r\n", "!To: column 19: address \"<>\"" },
		{ "X: y\r\nTo :\ta@x,\r\n\tb@y,\r\n \xc3\xa9 <@z>\r\n",
		  "!To: line 3, column 5: address \"\xc3\xa9 <@z>\": nothing stands before" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct buf specs BUF_AUTO;
		struct err e = { 0 };
		addr_list_init(&list);
		buf_init(&specs, 1000);
		bool done = header_recipients(span_str(rows[i].header), &list, &e);
		if (rows[i].specs[0] == '!') {
			assert_false(done);
			assert_int_equal(e.cause, CAUSE_DATA);
			if (!strstr(e.text, rows[i].specs + 1)) {
				fail_msg("%s", e.text);
			}
			continue;
		}
		assert_true(done);
		for (size_t k = 0; k < list.count; k++) {
			assert_true(buf_printf(&specs, "%s%s", k ? "|" : "",
					       list.at[k].spec));
		}
		assert_string_equal(specs.data, rows[i].specs);
	}
}

static void the_sender_is_the_first_author(void **state)
{
	static const struct {
		const char *header, *spec;
		bool fails;
	} rows[] = {
		{ "", NULL, false },
		{ "To: a@x\r\nSender: s@x\r\n", NULL, false },
		{ "From: A <a@x>, b@x\r\n", "a@x", false },
		{ "from: a@x\r\nFrom: b@x\r\n", "a@x", false },
		{ "From: a@x\r\nResent-From: r@x\r\nResent-From: s@x\r\n", "r@x", false },
		{ "From:\r\n", NULL, false },
		{ "From: g:;\r\n", NULL, false },
		{ "From: MAILER-DAEMON <>\r\n", "", false },
		{ "From: a b\r\n", NULL, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = { 0 };
		char *spec = NULL;
		assert_int_equal(header_sender(span_str(rows[i].header), &spec, &e),
				 !rows[i].fails);
		assert_int_equal(spec != NULL, rows[i].spec != NULL);
		if (spec) {
			assert_string_equal(spec, rows[i].spec);
		}
		free(spec);
	}
}

static void only_addresses_need_smtputf8(void **state)
{
	static const struct {
		const char *header;
		bool needed;
	} rows[] = {
		{ "From: \xc3\xa9 <a@x>\r\nSubject: \xc3\xa9@x\r\n", false },
		{ "To: (\xc3\xa9) a@x\r\n", false },
		{ "To: \"\xc3\xa9\" <a@x>, \xc3\xa9: b@x;\r\n", false },
		{ "To: a@x,\r\n \xc3\xa9@x\r\n", true },
		{ "Cc: a@\xc3\xa9.example\r\n", true },
		{ "Resent-Sender: <\xc3\xa9@x>\r\n", true },
		{ "reply-to: \"\xc3\xa9\"@x\r\n", true },
		{ "To: \xc3\xa9@x, broken <\r\n", true },
		{ "To: broken <\xc3\xa9\r\n", false },
		{ "X-To: \xc3\xa9@x\r\n", false },
		{ "Disposition-Notification-To: \xc3\xa9@x\r\n", true },
		{ "Return-Path: <\xc3\xa9@x>\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(header_needs_smtputf8(span_str(rows[i].header)),
				 rows[i].needed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_come_one_by_one),
		cmocka_unit_test(a_blank_first_line_is_no_field),
		cmocka_unit_test(recipients_are_what_minus_t_sends_to),
		cmocka_unit_test(the_sender_is_the_first_author),
		cmocka_unit_test(only_addresses_need_smtputf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
