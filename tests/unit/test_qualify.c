/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/qualify.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *domain(void *context)
{
	*(int *)context += 1;
	return "dom.example";
}

static void check(const char *in, const char *want, int want_asked)
{
	struct buf out BUF_AUTO;
	struct span rest = span_str(in);
	struct header_field field;
	int asked = 0;

	buf_init(&out, 10000);
	assert_true(header_next(&rest, &field));
	assert_true(qualify_field(&field, domain, &asked, &out));
	assert_string_equal(out.data, want);
	assert_int_equal(asked, want_asked);
}

static void bare_addresses_get_the_domain(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "To: root\r\n", "To: root@dom.example\r\n" },
		{ "To:root \r\n", "To:root@dom.example \r\n" },
		{ "To: root (Cron Daemon)\r\n", "To: root@dom.example (Cron Daemon)\r\n" },
		{ "To: (x) root\r\n", "To: (x) root@dom.example\r\n" },
		{ "To: root, \"A, B\" <bob>, undisclosed-recipients:;\r\n",
		  "To: root@dom.example, \"A, B\" <bob@dom.example>, undisclosed-recipients:;\r\n" },
		{ "Cc: G: a, b@x ,<c>;, d\r\n",
		  "Cc: G: a@dom.example, b@x ,<c@dom.example>;, d@dom.example\r\n" },
		{ "To: < root >\r\n", "To: < root@dom.example >\r\n" },
		{ "To:\r\n root,\r\n\tjoe\r\n",
		  "To:\r\n root@dom.example,\r\n\tjoe@dom.example\r\n" },
		{ "To: \"two words\"\r\n", "To: \"two words\"@dom.example\r\n" },
		{ "To: \"root\"\r\n", "To: \"root\"@dom.example\r\n" },
		{ "To: J\xc3\xb6rg <joe>\r\n", "To: J\xc3\xb6rg <joe@dom.example>\r\n" },
		{ "To: =?utf-8?q?a,_b?= <joe>\r\n",
		  "To: =?utf-8?q?a,_b?= <joe@dom.example>\r\n" },
		/* What is no local part without quotes gets them. */
		{ "To: a..b\r\n", "To: \"a..b\"@dom.example\r\n" },
		{ "To: joe.\r\n", "To: \"joe.\"@dom.example\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i].in, rows[i].out, 1);
	}
}

static void the_rest_keeps_its_bytes(void **state)
{
	static const char *const rows[] = {
		"To: a@x\r\n", "To: a@localhost (root)\r\n", "To: <>\r\n", "To:\r\n",
		"To: undisclosed-recipients:;\r\n", "To: a@[192.0.2.1], \"a@b\"@x\r\n",
		"To: <@r,@s:a@x>\r\n",
		/* What cannot be parsed. */
		"To: root root\r\n", "To: \"root\r\n", "To: root, <bob\r\n", "To: root@\r\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i], rows[i], 0);
	}
	struct header_field field;
	struct span rest = span_str("To: root\r\n");
	struct buf out BUF_AUTO;
	buf_init(&out, 100);
	assert_true(header_next(&rest, &field));
	assert_true(qualify_field(&field, NULL, NULL, &out));
	assert_string_equal(out.data, "To: root\r\n");
}

static void long_lines_are_folded(void **state)
{
	(void)state;
	check("To: first, second, third, fourth, fifth, \"a, b\" <sixth>, seventh\r\n",
	      "To: first@dom.example, second@dom.example, third@dom.example,\r\n"
	      " fourth@dom.example, fifth@dom.example, \"a, b\" <sixth@dom.example>,\r\n"
	      " seventh@dom.example\r\n",
	      1);
}

static const char *bad_domain(void *context)
{
	return context;
}

static void a_domain_that_is_none_is_not_used(void **state)
{
	static char bad[][20] = { "", "a b", "x>\r\nBcc: y", "-@", "a\"b" };
	static const char in[] = "To: root, joe@x\r\n";

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct buf out BUF_AUTO;
		struct span rest = span_str(in);
		struct header_field field;
		buf_init(&out, 1000);
		assert_true(header_next(&rest, &field));
		assert_true(qualify_field(&field, bad_domain, bad[i], &out));
		assert_string_equal(out.data, in);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bare_addresses_get_the_domain),
		cmocka_unit_test(the_rest_keeps_its_bytes),
		cmocka_unit_test(long_lines_are_folded),
		cmocka_unit_test(a_domain_that_is_none_is_not_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
