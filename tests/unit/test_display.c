/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/addr.h"
#include "mail/display.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The display text of the nth address. */
static void check(const char *value, size_t n, const char *want)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct buf name BUF_AUTO;
	struct err e = { 0 };

	addr_list_init(&list);
	buf_init(&name, DISPLAY_MAX);
	if (!addr_list_parse(&list, span_str(value), &e)) {
		fail_msg("%s: %s", value, e.text);
	}
	assert_true(display_read(span_str(value), list.at[n].where, &name));
	assert_string_equal(name.data, want);
}

static void names_and_comments_are_read(void **state)
{
	static const struct {
		const char *value;
		size_t n;
		const char *name;
	} rows[] = {
		{ " root", 0, "" },
		{ " root (Cron Daemon)", 0, "Cron Daemon" },
		{ " Anacron <root>", 0, "Anacron" },
		{ " \"(Cron Daemon)\" <root>", 0, "(Cron Daemon)" },
		{ " \"Smith, \\\"J\\\" \\\\ B\" <joe>", 0, "Smith, \"J\" \\ B" },
		{ " John Q. Public (boss) <joe> (x)", 0, "John Q. Public" },
		{ " (a (nested) one) <joe> (two)", 0, "a (nested) one" },
		{ " () joe (two)", 0, "two" },
		{ " <joe> (a\r\n \t b)", 0, "a b" },
		{ "\r\n Cron\r\n\tDaemon\r\n <joe>", 0, "Cron Daemon" },
		{ " \"a\"b <joe>", 0, "ab" },
		{ " =?utf-8?q?J,_B?= X <joe>", 0, "=?utf-8?q?J,_B?= X" },
		{ " A <a@x>, B <b@x>, c@x (C)", 0, "A" },
		{ " A <a@x>, B <b@x>, c@x (C)", 1, "B" },
		{ " A <a@x>, B <b@x>, c@x (C)", 2, "C" },
		{ " a@x (A), b@x", 1, "" },
		{ " \"a, b\"@x, C <c@x>", 1, "C" },
		{ " a@[IPv6:::1], C <c@x>", 1, "C" },
		{ " Team: Root <root>, joe (Joe);", 0, "Root" },
		{ " Team: Root <root>, joe (Joe);", 1, "Joe" },
		{ " MAILER-DAEMON <>", 0, "MAILER-DAEMON" },
		{ " <@a,@b:c@x> (route)", 0, "route" },
		{ " \xc3\xbc <joe>", 0, "\xc3\xbc" },
		{ " \xfc <joe>", 0, "\xfc" },
		/* Nothing that changes how the rest is read. */
		{ " \"a\x1b[1m\tb\" <joe>", 0, "a?[1m b" },
		{ " \"a\xe2\x80\xae" "b\" <joe>", 0, "a???b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(rows[i].value, rows[i].n, rows[i].name);
	}
}

static void long_names_are_cut_between_words_or_characters(void **state)
{
	struct buf value BUF_AUTO, name BUF_AUTO;

	(void)state;
	buf_init(&value, 2000);
	buf_init(&name, DISPLAY_MAX);
	for (int i = 0; i < 40; i++) {
		assert_true(buf_add_str(&value, "abcde "));
	}
	size_t at = value.size + 1;
	assert_true(buf_add_str(&value, "<joe>"));
	assert_true(display_read(buf_span(&value), span_of(value.data + at, 3), &name));
	assert_int_equal(name.size, 33 * 6 - 1);
	buf_reset(&name);
	buf_reset(&value);
	for (int i = 0; i < 200; i++) {
		assert_true(buf_add_str(&value, "\xe3\x81\x82"));
	}
	assert_true(display_read_text(buf_span(&value), &name));
	assert_int_equal(name.size, 198);
}

static void any_text_becomes_one_line(void **state)
{
	static const char value[] = " Cron \r\n\t Daemon \0<x \r\n";
	struct buf name BUF_AUTO;

	(void)state;
	buf_init(&name, DISPLAY_MAX);
	assert_true(display_read_text(span_of(value, sizeof(value) - 1), &name));
	assert_string_equal(name.data, "Cron Daemon ?<x");
}

static void names_are_written_as_phrases(void **state)
{
	static const struct {
		const char *name, *phrase;
		bool is_encoded;
	} rows[] = {
		{ "", "", false },
		{ "root on box", "root on box", false },
		{ "root on box.example", "\"root on box.example\"", false },
		{ "a \"b\" \\c", "\"a \\\"b\\\" \\\\c\"", false },
		{ "J\xc3\xb6rg", "\"J\xc3\xb6rg\"", false },
		{ "=?utf-8?q?J=C3=B6?=", "=?utf-8?q?J=C3=B6?=", true },
		{ "a, b =?utf-8?q?J=C3=B6?= c d =?x?b?YQ==?=",
		  "\"a, b\" =?utf-8?q?J=C3=B6?= c d =?x?b?YQ==?=", true },
		/* Not what may stand in a phrase. */
		{ "=?utf-8?q?a,b?=", "\"=?utf-8?q?a,b?=\"", false },
		{ "=?utf-8?q?a", "=?utf-8?q?a", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf out BUF_AUTO;
		buf_init(&out, 1000);
		assert_true(display_add(&out, span_str(rows[i].name)));
		assert_string_equal(out.data, rows[i].phrase);
		assert_int_equal(display_is_encoded(span_str(rows[i].name)),
				 rows[i].is_encoded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_comments_are_read),
		cmocka_unit_test(long_names_are_cut_between_words_or_characters),
		cmocka_unit_test(any_text_becomes_one_line),
		cmocka_unit_test(names_are_written_as_phrases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
