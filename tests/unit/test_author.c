/* SPDX-License-Identifier: ISC */
/* What becomes of a From or Sender field; rewriting a whole header is test_rewrite. */
#include "unit.h"

#include "base/mem.h"
#include "mail/author.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* A machine named box whose mail domain is dom.example; admin@x reads root's mail. */
static const char *domain(void *context)
{
	(void)context;
	return "dom.example";
}

static bool is_local(void *context, const char *spec)
{
	struct span domain = addr_domain(span_str(spec));

	(void)context;
	return domain.size == 0 || span_equal(domain, span_str("localhost"));
}

static bool is_own(void *context, const char *spec)
{
	(void)context;
	return strncmp(spec, "me+", 3) == 0;
}

static char *reader(void *context, const char *spec)
{
	(void)context;
	return strncmp(spec, "root", 4) == 0 ? mem_str("admin@x") :
	       strncmp(spec, "self", 4) == 0 ? mem_str("me@x")
					     : NULL;
}

static const struct author_env env = { NULL, domain, is_local, is_own, reader };

static struct author author(enum set_from set_from)
{
	return (struct author){ .set_from = set_from, .address = "me@x", .host = "box",
				.replaces_local = true, .env = &env };
}

/* The field, judged and rewritten. */
static void rewrite(const struct author *a, enum author_kind kind, const char *in,
		    struct buf *out)
{
	struct span rest = span_str(in);
	struct header_field field;

	assert_true(header_next(&rest, &field));
	enum author_change change = author_judge(a, kind, field.value);
	assert_true(author_rewrite(a, kind, change, &field, true, out));
}

static void check(const struct author *a, enum author_kind kind, const char *in,
		  const char *want)
{
	struct buf out BUF_AUTO, again BUF_AUTO;

	buf_init(&out, 10000);
	buf_init(&again, 10000);
	rewrite(a, kind, in, &out);
	assert_string_equal(out.data, want);
	/* The new field has nothing more to be changed. */
	struct span rest = buf_span(&out);
	struct header_field first;
	assert_true(header_next(&rest, &first));
	if (a->set_from != SET_FROM_OFF && first.whole.size < out.size) {
		assert_int_equal(author_judge(a, kind, first.value), AUTHOR_STAYS);
	}
}

struct row {
	const char *in, *out;
};

static void check_rows(const struct author *a, enum author_kind kind, const struct row *rows,
		       size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check(a, kind, rows[i].in, rows[i].out ? rows[i].out : rows[i].in);
	}
}

static void local_names_become_our_address(void **state)
{
	static const struct row rows[] = {
		{ "From: joe\r\n",
		  "From: joe on box <me@x>\r\nX-Original-From: joe@dom.example\r\n" },
		{ "From: joe (Cron Daemon)\r\n",
		  "From: \"joe on box (Cron Daemon)\" <me@x>\r\n"
		  "X-Original-From: joe@dom.example (Cron Daemon)\r\n" },
		{ "From: Anacron <joe>\r\n",
		  "From: \"joe on box (Anacron)\" <me@x>\r\n"
		  "X-Original-From: Anacron <joe@dom.example>\r\n" },
		{ "From: \"(Cron Daemon)\" <joe@localhost>\r\n",
		  "From: \"joe on box (Cron Daemon)\" <me@x>\r\n"
		  "X-Original-From: \"(Cron Daemon)\" <joe@localhost>\r\n" },
		{ "From: Joe <joe>\r\n",
		  "From: joe on box <me@x>\r\nX-Original-From: Joe <joe@dom.example>\r\n" },
		{ "From:\"J. \\\"D\\\"\" <\"two words\"@localhost>\r\n",
		  "From: \"two words on box (J. \\\"D\\\")\" <me@x>\r\n"
		  "X-Original-From:\"J. \\\"D\\\"\" <\"two words\"@localhost>\r\n" },
		/* In quotes nobody would decode it. */
		{ "From: =?utf-8?q?J=C3=B6?= <joe>\r\n",
		  "From: joe on box =?utf-8?q?J=C3=B6?= <me@x>\r\n"
		  "X-Original-From: =?utf-8?q?J=C3=B6?= <joe@dom.example>\r\n" },
		{ "From: J\xc3\xb6 <joe>\r\n",
		  "From: \"joe on box (J\xc3\xb6)\" <me@x>\r\n"
		  "X-Original-From: J\xc3\xb6 <joe@dom.example>\r\n" },
		{ "From: a@y, joe\r\n",
		  "From: a at y <me@x>\r\nReply-To: a@y, me@x\r\n"
		  "X-Original-From: a@y, joe@dom.example\r\n" },
	};
	struct author a = author(SET_FROM_AUTO);

	(void)state;
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
	/* Names that are not for this. */
	a.name = "-F";
	a.forced_name = "from_full_name";
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
}

static void replies_go_to_who_reads_them(void **state)
{
	static const struct row rows[] = {
		{ "From: root\r\n",
		  "From: root on box <me@x>\r\nReply-To: admin@x\r\n"
		  "X-Original-From: root@dom.example\r\n" },
		{ "From: root, joe, b@y, rooter\r\n",
		  "From: root on box <me@x>\r\nReply-To: admin@x, me@x, b@y\r\n"
		  "X-Original-From: root@dom.example, joe@dom.example, b@y, rooter@dom.example\r\n" },
		/* They come to us without it. */
		{ "From: self\r\n",
		  "From: self on box <me@x>\r\nX-Original-From: self@dom.example\r\n" },
	};
	struct author a = author(SET_FROM_AUTO);

	(void)state;
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
}

static void real_addresses_stay(void **state)
{
	static const struct row rows[] = {
		{ "From: a@y\r\n", NULL },
		{ "From: \"A, B\" <a@y>,\r\n b@y\r\n", NULL },
		{ "From: Team: a@y, b@y;\r\n", NULL },
		/* It has an address that may be good. */
		{ "From: \"A <a@y>\r\n", NULL },
		{ "From: A B a@y\r\n", NULL },
	};
	struct author a = author(SET_FROM_AUTO);

	(void)state;
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
	a.set_from = SET_FROM_OFF;
	check(&a, AUTHOR_FROM, "From: root\r\n", "From: root\r\n");
	check(&a, AUTHOR_FROM, "From:\r\n", "From:\r\n");
	check(&a, AUTHOR_FROM, "From: A B\r\n", "From: A B\r\n");
}

static void a_from_without_an_address_gets_ours(void **state)
{
	static const struct row rows[] = {
		{ "From:\r\n", "From: \"-F, x\" <me@x>\r\n" },
		{ "From: \r\n \t\r\n", "From: \"-F, x\" <me@x>\r\n" },
		{ "From: Cron Daemon\r\n",
		  "From: Cron Daemon <me@x>\r\nX-Original-From: Cron Daemon\r\n" },
		{ "From: (Cron\r\n",
		  "From: \"(Cron\" <me@x>\r\nX-Original-From: (Cron\r\n" },
		{ "From: MAILER-DAEMON <>\r\n",
		  "From: MAILER-DAEMON <me@x>\r\nX-Original-From: MAILER-DAEMON <>\r\n" },
		{ "From: <>\r\n", "From: me@x\r\nX-Original-From: <>\r\n" },
		{ "From: nobody:;\r\n",
		  "From: \"nobody:;\" <me@x>\r\nX-Original-From: nobody:;\r\n" },
	};
	struct author a = author(SET_FROM_AUTO);

	(void)state;
	a.name = "-F, x";
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
	a.address = "";
	check(&a, AUTHOR_FROM, "From: Cron Daemon\r\n", "From: Cron Daemon\r\n");
}

static void without_an_address_of_ours_the_name_is_qualified(void **state)
{
	static const struct row rows[] = {
		{ "From: root (Cron Daemon)\r\n", "From: root@dom.example (Cron Daemon)\r\n" },
		{ "From: root@localhost\r\n", NULL },
		{ "From: Cron Daemon\r\n", NULL },
	};
	struct author a = author(SET_FROM_AUTO);

	(void)state;
	a.replaces_local = false;
	a.address = "joe@dom.example";
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
	/* And when the domain makes it our address. */
	a.replaces_local = true;
	check(&a, AUTHOR_FROM, "From: joe (Joe)\r\n", "From: joe@dom.example (Joe)\r\n");
}

static void with_on_all_others_become_our_address(void **state)
{
	static const struct row rows[] = {
		{ "From: ME@x\r\n",
		  "From: ME at x <me@x>\r\nReply-To: ME@x\r\nX-Original-From: ME@x\r\n" },
		{ "From: Alice <a@y>\r\n",
		  "From: Alice <me@x>\r\nReply-To: Alice <a@y>\r\n"
		  "X-Original-From: Alice <a@y>\r\n" },
		{ "From: a@y (Alice),\r\n b@y\r\n",
		  "From: Alice <me@x>\r\nReply-To: a@y (Alice),\r\n b@y\r\n"
		  "X-Original-From: a@y (Alice),\r\n b@y\r\n" },
		{ "From: root (Cron Daemon)\r\n",
		  "From: \"root on box (Cron Daemon)\" <me@x>\r\nReply-To: admin@x\r\n"
		  "X-Original-From: root@dom.example (Cron Daemon)\r\n" },
		{ "From: \"A <a@y>\r\n",
		  "From: \"\\\"A <a@y>\" <me@x>\r\nX-Original-From: \"A <a@y>\r\n" },
		{ "From: Me <me@X>\r\n", NULL },
		{ "From: Me <me+tag@x>\r\n", NULL },
	};
	struct author a = author(SET_FROM_ON);

	(void)state;
	check_rows(&a, AUTHOR_FROM, rows, COUNT(rows));
}

/* from_full_name, as in msmtp. */
static void with_on_and_a_name_it_is_always_that(void **state)
{
	static const struct row rows[] = {
		{ "From: Me <me@x>\r\n", "From: \"F. N\" <me@x>\r\n" },
		{ "From: me+tag@x\r\n", "From: \"F. N\" <me+tag@x>\r\n" },
		{ "From: Alice <a@y>\r\n",
		  "From: \"F. N\" <me@x>\r\nReply-To: Alice <a@y>\r\n"
		  "X-Original-From: Alice <a@y>\r\n" },
		{ "From:\r\n", "From: \"F. N\" <me@x>\r\n" },
	};
	struct author a = author(SET_FROM_ON);

	(void)state;
	a.name = "-F";
	a.forced_name = "F. N";
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out BUF_AUTO;
		buf_init(&out, 10000);
		rewrite(&a, AUTHOR_FROM, rows[i].in, &out);
		assert_string_equal(out.data, rows[i].out);
	}
}

static void sender_and_resent_fields_go_the_same_way(void **state)
{
	static const struct row senders[] = {
		{ "Sender: root\r\n",
		  "Sender: root on box <me@x>\r\nX-Original-Sender: root@dom.example\r\n" },
		{ "Sender: a@y\r\n", NULL },
		{ "Sender: A B\r\n", NULL },
		{ "Sender:\r\n", NULL },
	};
	struct author a = author(SET_FROM_AUTO);

	(void)state;
	check_rows(&a, AUTHOR_SENDER, senders, COUNT(senders));
	check(&a, AUTHOR_FROM, "Resent-From: root (x)\r\n",
	      "Resent-From: \"root on box (x)\" <me@x>\r\n");
	check(&a, AUTHOR_SENDER, "resent-sender: root\r\n",
	      "Resent-Sender: root on box <me@x>\r\n");
	a.set_from = SET_FROM_ON;
	check(&a, AUTHOR_SENDER, "Sender: A <a@y>\r\n",
	      "Sender: A <me@x>\r\nX-Original-Sender: A <a@y>\r\n");
}

static void fields_that_are_added(void **state)
{
	struct author a = author(SET_FROM_AUTO);
	struct buf out BUF_AUTO;

	(void)state;
	buf_init(&out, 1000);
	a.name = "A (b)";
	assert_true(author_can_add(&a));
	assert_true(author_add(&a, AUTHOR_FROM, "Resent-", &out));
	assert_true(author_add(&a, AUTHOR_SENDER, "", &out));
	assert_string_equal(out.data, "Resent-From: \"A (b)\" <me@x>\r\nSender: me@x\r\n");
	a.set_from = SET_FROM_OFF;
	assert_false(author_can_add(&a));
	a = author(SET_FROM_ON);
	a.address = "";
	assert_false(author_can_add(&a));
}

static void a_full_buffer_is_said(void **state)
{
	static const char in[] = "From: A. B <root>, a@y\r\n";
	struct author a = author(SET_FROM_AUTO);
	struct buf all BUF_AUTO;

	(void)state;
	buf_init(&all, 10000);
	rewrite(&a, AUTHOR_FROM, in, &all);
	for (size_t max = 0; max < all.size; max++) {
		struct buf out BUF_AUTO;
		struct span rest = span_str(in);
		struct header_field field;
		buf_init(&out, max);
		assert_true(header_next(&rest, &field));
		assert_false(author_rewrite(&a, AUTHOR_FROM, AUTHOR_REPLACED, &field, true,
					    &out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_names_become_our_address),
		cmocka_unit_test(replies_go_to_who_reads_them),
		cmocka_unit_test(real_addresses_stay),
		cmocka_unit_test(a_from_without_an_address_gets_ours),
		cmocka_unit_test(without_an_address_of_ours_the_name_is_qualified),
		cmocka_unit_test(with_on_all_others_become_our_address),
		cmocka_unit_test(with_on_and_a_name_it_is_always_that),
		cmocka_unit_test(sender_and_resent_fields_go_the_same_way),
		cmocka_unit_test(fields_that_are_added),
		cmocka_unit_test(a_full_buffer_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
