/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/gather.h"
#include "mail/rewrite.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void check(const char *in, const char *want)
{
	struct buf out BUF_AUTO;
	struct span rest = span_str(in);
	struct header_field first;

	buf_init(&out, 10000);
	assert_true(header_next(&rest, &first));
	assert_true(gather_field(&first, rest, &out));
	assert_string_equal(out.data, want);
}

static void fields_of_one_name_become_one(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "To: a@x\r\nTo: b@y\r\n", "To: a@x,\r\n b@y\r\n" },
		{ "To: a@x\r\nX: y\r\ntO :b@y\r\nTO:c@z", "To: a@x,\r\n b@y,\r\n c@z\r\n" },
		{ "To: A <a@x>,\r\n\tb@y,\r\nTo: , \"c,\" <c@z> (d,)\r\n",
		  "To: A <a@x>,\r\n\tb@y,\r\n , \"c,\" <c@z> (d,)\r\n" },
		{ "To: g: a@x;\r\nTo: undisclosed-recipients:;\r\n",
		  "To: g: a@x;,\r\n undisclosed-recipients:;\r\n" },
		{ "To:\r\nTo: b@y\r\nTo: ,\r\n", "To: b@y\r\n" },
		{ "To:\r\nTo: \r\n", "To:\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i].in, rows[i].out);
	}
}

static void others_are_left_alone(void **state)
{
	static const char *const rows[] = {
		"To: a@x\r\n",
		"To: a@x\r\nCc: b@y\r\nTos: c@z\r\nResent-To: d@z\r\n",
		/* What cannot be parsed would swallow, or lose, what stands beside it. */
		"To: (a@x\r\nTo: b@y\r\n",
		"To: a@x\r\nTo: \"b@y\r\n",
		"To: a@x\r\nTo: b@y\r\nTo: <c@z\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i], "");
	}
}

static void a_full_buffer_is_an_answer(void **state)
{
	static const char in[] = "To: a@x\r\nTo: b@y\r\n";
	static const size_t whole = sizeof("To: a@x,\r\n b@y\r\n") - 1;
	struct header_field first;

	(void)state;
	for (size_t max = 0; max <= whole; max++) {
		struct buf out BUF_AUTO;
		struct span rest = span_str(in);
		buf_init(&out, max);
		assert_true(header_next(&rest, &first));
		assert_int_equal(gather_field(&first, rest, &out), max == whole);
	}
}

static const char *domain(void *context)
{
	(void)context;
	return "dom.test";
}

static bool is_own(void *context, const char *spec)
{
	(void)context;
	(void)spec;
	return false;
}

/* Where rewrite_header() asks for it: not in what somebody else made, or signed. */
static void a_message_of_ones_own_has_one_of_each(void **state)
{
	static const struct author_env env = {
		.domain = domain, .is_local = is_own, .is_own = is_own,
	};
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "To: root\r\nCc: c@x\r\nX: y\r\nTo: b@y\r\nCc: d\r\n",
		  "To: root@dom.test,\r\n b@y\r\nCc: c@x,\r\n d@dom.test\r\nX: y\r\n" },
		{ "To: a@x\r\nTo: (b@y\r\nTo: c@z\r\n", NULL },
		{ "Resent-From: a@x\r\nTo: a@x\r\nTo: b@y\r\n", NULL },
		{ "DKIM-Signature: x\r\nTo: a@x\r\nTo: b@y\r\n", NULL },
	};
	const struct rewrite r = { .author = { .address = "", .env = &env } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out BUF_AUTO;
		struct err e;
		buf_init(&out, 10000);
		assert_true(rewrite_header(&r, span_str(rows[i].in), &out, &e));
		assert_string_equal(out.data, rows[i].out ? rows[i].out : rows[i].in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_of_one_name_become_one),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(a_full_buffer_is_an_answer),
		cmocka_unit_test(a_message_of_ones_own_has_one_of_each),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
