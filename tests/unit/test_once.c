/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/once.h"
#include "mail/rewrite.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void check(const struct rewrite *r, const char *in, const char *want)
{
	struct buf out BUF_AUTO, again BUF_AUTO;
	struct err e;

	buf_init(&out, 1000);
	buf_init(&again, 1000);
	assert_true(rewrite_header(r, span_str(in), &out, &e));
	assert_string_equal(out.data, want);
	assert_true(rewrite_header(r, buf_span(&out), &again, &e));
	assert_string_equal(again.data, want);
}

static void the_first_stays(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Subject: a\r\nX: y\r\nSUBJECT :b,\r\n c\r\nsubject: d\r\n",
		  "Subject: a\r\nX: y\r\nX-Original-SUBJECT :b,\r\n c\r\nX-Original-subject: d\r\n" },
		{ "Date: a\r\nDate: a\r\n", "Date: a\r\nX-Original-Date: a\r\n" },
		{ "Message-ID: <a@b>\r\nMessage-Id: <c@d>\r\n",
		  "Message-ID: <a@b>\r\nX-Original-Message-Id: <c@d>\r\n" },
		{ "Sender: a@b\r\nSender: c@d\r\n", "Sender: a@b\r\nX-Original-Sender: c@d\r\n" },
		{ "In-Reply-To: <a@b>\r\nReferences: <a@b>\r\nIn-Reply-To: <c@d>\r\nReferences: <e@f>\r\n",
		  "In-Reply-To: <a@b>\r\nReferences: <a@b>\r\nX-Original-In-Reply-To: <c@d>\r\n"
		  "X-Original-References: <e@f>\r\n" },
		{ "MIME-Version: 1.0\r\nContent-Type: a/b\r\nMIME-Version: 1.0\r\nContent-Type: c/d\r\n",
		  "MIME-Version: 1.0\r\nContent-Type: a/b\r\nX-Original-MIME-Version: 1.0\r\n"
		  "X-Original-Content-Type: c/d\r\n" },
		{ "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 8bit\r\n",
		  "Content-Transfer-Encoding: 7bit\r\nX-Original-Content-Transfer-Encoding: 8bit\r\n" },
		/* An empty one has nothing to keep. */
		{ "Subject:\r\nSubject: a\r\nSubject: \r\n", "Subject:\r\nX-Original-Subject: a\r\n" },
	};
	const struct rewrite none = { .author = { .address = "" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(&none, rows[i].in, rows[i].out);
	}
}

static void others_stay_as_they_are(void **state)
{
	static const char *const rows[] = {
		"X: a\r\nX: a\r\nReceived: a\r\nReceived: b\r\nComments: a\r\nComments: b\r\n",
		"DKIM-Signature: x\r\nSubject: a\r\nSubject: b\r\nSender: a@b\r\nSender: c@d\r\n",
		"Resent-From: a@b\r\nResent-Date: x\r\nResent-Date: y\r\nSubject: a\r\nSubject: b\r\n",
		"Subject: a\r\nX-Original-Subject: b\r\nX-Original-Subject: c\r\n",
	};
	const struct rewrite none = { .author = { .address = "" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(&none, rows[i], rows[i]);
	}
}

static void a_full_buffer_is_an_answer(void **state)
{
	struct span rest = span_str("Date: x\r\n");
	struct header_field field;
	size_t want = strlen("X-Original-Date: x\r\n");

	(void)state;
	assert_true(header_next(&rest, &field));
	for (size_t max = 0; max <= want; max++) {
		struct buf out BUF_AUTO;
		buf_init(&out, max);
		assert_int_equal(once_keep(&field, &out), max == want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_stays),
		cmocka_unit_test(others_stay_as_they_are),
		cmocka_unit_test(a_full_buffer_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
