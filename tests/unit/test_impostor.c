/* SPDX-License-Identifier: ISC */
/* Names of other users in From and Sender. */
#include "unit.h"

#include "base/buf.h"
#include "mail/impostor.h"

static bool is_other(void *context, const char *spec)
{
	(void)context;
	return strcmp(spec, "root") == 0 || strcmp(spec, "root@localhost") == 0 ||
	       strcmp(spec, "bob") == 0;
}

static const struct impostor x = { NULL, is_other, "joe" };

static void names_of_others_become_ones_own(void **state)
{
	static const struct {
		const char *from, *to;	/* to NULL: it stays */
	} rows[] = {
		{ "From: joe\r\n", NULL },
		{ "From: root@far.test\r\n", NULL },
		{ "", NULL },
		{ "To: root\r\nReply-To: root\r\nSubject: root\r\n", NULL },
		{ "From: root\r\n", "From: joe\r\n" },
		{ "From:root (Cron Daemon)\r\n", "From:joe (Cron Daemon)\r\n" },
		{ "from: \"root\" <root@localhost>\r\n", "from: \"root\" <joe>\r\n" },
		{ "Sender: bob\r\n", "Sender: joe\r\n" },
		{ "Resent-From: a@b, bob\r\nResent-Sender: bob\r\n",
		  "Resent-From: a@b, joe\r\nResent-Sender: joe\r\n" },
		{ "From: A: root, bob;, c@d\r\n", "From: A: joe, joe;, c@d\r\n" },
		{ "From: joe\r\nFrom: root\r\n", "From: joe\r\nFrom: joe\r\n" },
		{ "From:\r\n root\r\nTo: x\r\n", "From:\r\n joe\r\nTo: x\r\n" },
		{ "From: [x] <a@b>\r\n", NULL },
		{ "From: [x] a@b\r\n", "From: \"[x] a@b\" <joe>\r\n" },
		{ "From: [x] root\r\n", "From: \"[x] root\" <joe>\r\n" },
		{ "From: x <root@localhost> y z\r\n", "From: \"x <root@localhost> y z\" <joe>\r\n" },
		{ "From: x <a@b> y root\r\n", "From: \"x <a@b> y root\" <joe>\r\n" },
		{ "From: a <\"root\"@localhost>, b c\r\n",
		  "From: \"a <\\\"root\\\"@localhost>, b c\" <joe>\r\n" },
		{ "Sender: root(c)@localhost x\r\n",
		  "Sender: \"root(c)@localhost x\" <joe>\r\n" },
		{ "From: root@localhost <joe@localhost>\r\n",
		  "From: \"root@localhost\" <joe@localhost>\r\n" },
		{ "From: (\\)root@x) \"@\" <a@b>\r\n", NULL },
		{ "From: e@f (c) <a@b>, g <root@localhost>\r\n",
		  "From: \"e@f\" <a@b>, g <joe>\r\n" },
		{ "From: <@x,@y:\"root\"@localhost>, <@x:a@b>, i: <>;\r\n",
		  "From: <joe>, <a@b>, <>\r\n" },
		{ "From: =?utf-8?q?root?=, =?utf-8?q?x=2Croot=40localhost=2C?=@far.test\r\n",
		  "From: joe, joe\r\n" },
		{ "From: =?utf-8?q?root?= <a=b?c@d>\r\n", NULL },
		{ "From: \"root\" x\r\n", "From: \"\\\"root\\\" x\" <joe>\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf out BUF_AUTO;
		struct err e;
		bool found;
		buf_init(&out, 1 << 16);
		assert_true(impostor_unmask(&x, span_str(rows[i].from), &out, &found, &e));
		assert_string_equal(out.data ? out.data : "", rows[i].to ? rows[i].to : rows[i].from);
		assert_int_equal(found, rows[i].to != NULL);
	}
}

static void a_full_buffer_is_an_error(void **state)
{
	struct buf out BUF_AUTO;
	struct err e = { 0 };
	bool found;

	(void)state;
	buf_init(&out, 10);
	assert_false(impostor_unmask(&x, span_str("From: root, root, root\r\n"), &out, &found, &e));
	assert_int_equal(e.cause, CAUSE_DATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_others_become_ones_own),
		cmocka_unit_test(a_full_buffer_is_an_error),
	};

	return cmocka_run_group_tests_name("impostor", tests, NULL, NULL);
}
