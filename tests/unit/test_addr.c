/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/addr.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* The addresses of a list with '|' between them, in memory the caller frees. */
static char *joined(const struct addr_list *list)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	for (size_t i = 0; i < list->count; i++) {
		assert_true(buf_printf(&b, "%s%s", i ? "|" : "", list->at[i].spec));
	}
	return buf_take(&b);
}

static const struct {
	const char *text, *specs;
} good[] = {
	{ "", "" },
	{ " \t", "" },
	{ ",, ,", "" },
	{ "root", "root" },
	{ "a@x,b@y,root", "a@x|b@y|root" },
	{ "a@x, ,b@y,", "a@x|b@y" },
	{ "<a@x>", "a@x" },
	{ "< a @ x >", "a@x" },
	{ "<>", "" },
	{ "MAILER-DAEMON <>", "" },
	{ "root (Cron Daemon)", "root" },
	{ "\"root\" <root>", "root" },
	{ "\"root\" <root@h.example> (x)", "root@h.example" },
	{ "(a)a(b)@(c)x(d).(e)y(f)", "a@x.y" },
	{ "a (one (two (three) \\) \\( ) ) @x", "a@x" },
	{ "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
	  "pete@silly.test" },
	{ "John Q. Public <jqp@x.example>", "jqp@x.example" },
	{ "O'Neil, <o'neil@x>", "O'Neil|o'neil@x" },
	{ "O'Neil <o'neil@x>", "o'neil@x" },
	{ "a@x <a@x>", "a@x" },
	{ "'a@x' <a@x>", "a@x" },
	{ "a@x b@y <c@z>", NULL },
	{ "[list] name <l@x>", "l@x" },
	{ "DOMAIN\\user <u@x>", "u@x" },
	{ "\xe5\xb1\xb1\xe7\x94\xb0 <y@x.example>", "y@x.example" },
	{ "\x8e\x52\x93\x63 <y@x.example>", "y@x.example" },
	{ "=?UTF-8?B?5bGx55Sw?= <y@x>", "y@x" },
	{ "=?UTF-8?Q?Doe,_J_<d>?= <j@x>, k@x", "j@x|k@x" },
	{ "=?x@y", "=?x@y" },
	{ "\"a b\"@x", "\"a b\"@x" },
	{ "\"ab\"@x", "ab@x" },
	{ "\"a\\\"b\\\\c\"@x", "\"a\\\"b\\\\c\"@x" },
	{ "\"a\\b\"@x", "ab@x" },
	{ "\"a@b\"@x", "\"a@b\"@x" },
	{ "\"a@b\"", "\"a@b\"" },
	{ "\"a,b\" <\"c,d;<>\"@x>", "\"c,d;<>\"@x" },
	{ "\"\"@x", "\"\"@x" },
	{ "\"a\".b.\"c d\"@x", "\"a.b.c d\"@x" },
	{ "a . b@x . y", "a.b@x.y" },
	{ "a..b@docomo.test", "\"a..b\"@docomo.test" },
	{ "a.@docomo.test", "\"a.\"@docomo.test" },
	{ ".a@x", "\".a\"@x" },
	{ "a@x.", "a@x" },
	{ "A.B@X.Example", "A.B@X.Example" },
	{ "a@my_host", "a@my_host" },
	{ "a@[192.0.2.1]", "a@[192.0.2.1]" },
	{ "a@[ 192.0.2.1 ]", "a@[192.0.2.1]" },
	{ "a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]" },
	{ "<a@[IPv6:::1]>, b@y", "a@[IPv6:::1]|b@y" },
	{ "a@[tag:what-ever]", "a@[tag:what-ever]" },
	{ "<@h1,@h2.example:a@x>", "a@x" },
	{ "<@h1:a@x>", "a@x" },
	{ "< @h1 , , @h2 : a@x >", "a@x" },
	{ "undisclosed-recipients:;", "" },
	{ "Undisclosed recipients: ;", "" },
	{ "g: a@x, B <b@x>;, c@x", "a@x|b@x|c@x" },
	{ "\"my group\": a@x, b@x", "a@x|b@x" },
	{ "g: h: a@x;, b@x;, c@x", "a@x|b@x|c@x" },
	{ "g:,,a@x,;", "a@x" },
	{ "a@x,\r\n b@x,\r\n\t\r\n c@x", "a@x|b@x|c@x" },
	{ "\"a\r\n b\" <a\r\n @x>", "a@x" },
	{ "a@x (folded\r\n comment)", "a@x" },
	{ "\xc3\xa9@x.example", "\xc3\xa9@x.example" },
	{ "a@\xe4\xbe\x8b.test", "a@\xe4\xbe\x8b.test" },
	{ "!#$%&'*+-/=?^_`{|}~@x", "!#$%&'*+-/=?^_`{|}~@x" },
};

static void lists_give_what_the_envelope_needs(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct err e = { 0 };
		addr_list_init(&list);
		bool done = addr_list_parse(&list, span_str(good[i].text), &e);
		if (!good[i].specs) {
			assert_false(done);
			continue;
		}
		if (!done) {
			fail_msg("%s: %s", good[i].text, e.text);
		}
		char *specs = joined(&list);
		assert_string_equal(specs, good[i].specs);
		free(specs);
		for (size_t k = 0; k < list.count; k++) {
			assert_true(addr_is_safe(span_str(list.at[k].spec)));
		}
	}
}

/* What is said about malformed text is in test_addr_fault.c; here that it is an error. */
static void malformed_text_is_explained(void **state)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e = { 0 };

	(void)state;
	addr_list_init(&list);
	assert_false(addr_list_parse(&list, span_str("a@x, foo <bar, b@y"), &e));
	assert_int_equal(e.cause, CAUSE_DATA);
	assert_string_equal(e.text, "column 10: address \"foo <bar\": no \">\" closes this "
				    "\"<\"; add it behind the address");
}

static void nul_is_refused_everywhere(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} rows[] = {
		{ "a\0b@x", 5 }, { "\0", 1 }, { "a@x\0", 4 }, { "\"\0\"@x", 5 },
		{ "(\0) a@x", 7 }, { "n\0 <a@x>", 8 }, { "<a@x\0>", 6 },
		{ "\"\\\0\"@x", 6 }, { "a@[\0]", 5 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct err e;
		addr_list_init(&list);
		assert_false(addr_list_parse(&list, span_of(rows[i].text, rows[i].size),
					     &e));
	}
}

static void what_came_before_an_error_is_kept(void **state)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e;

	(void)state;
	addr_list_init(&list);
	assert_false(addr_list_parse(&list, span_str("a@x, b@y c, d@z"), &e));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.at[0].spec, "a@x");
	assert_non_null(strstr(e.text, "address \"b@y c\": text behind the address"));
}

static void the_place_of_an_address_is_known(void **state)
{
	static const struct {
		const char *text, *where;
	} rows[] = {
		{ " root (Cron)", "root" },
		{ "\"root\" < root >", "root" },
		{ "R <@h:a@x>", "a@x" },
		{ "a(b)@ x.y. (c)", "a(b)@ x.y." },
		{ "\"a b\"@[192.0.2.1] ", "\"a b\"@[192.0.2.1]" },
		{ "<>", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct err e;
		addr_list_init(&list);
		assert_true(addr_list_parse(&list, span_str(rows[i].text), &e));
		struct span where = list.at[0].where;
		assert_true(span_equal(where, span_str(rows[i].where)));
		assert_true(where.data >= rows[i].text &&
			    where.data + where.size <= rows[i].text + strlen(rows[i].text));
	}
}

/* With recursion or a second look these would end in a crash or never. */
static void hostile_lists_cost_linear_time(void **state)
{
	enum { SIZE = 2000000 };
	static const char *const pieces[] = {
		"(", ")", "\"", "<", "[", "=?", "a:", ";", "\\", "@", "<@", "((a) ",
		"=?a?b?", "a@x ", "\r\n ",
	};
	char *text = malloc(SIZE);

	(void)state;
	for (size_t i = 0; i < COUNT(pieces); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct err e;
		size_t size = strlen(pieces[i]);
		for (size_t k = 0; k + size <= SIZE; k += size) {
			memcpy(text + k, pieces[i], size);
		}
		addr_list_init(&list);
		bool done = addr_list_parse(&list, span_of(text, SIZE / size * size), &e);
		assert_true(done == (strcmp(pieces[i], "a:") == 0) ||
			    i + 1 == COUNT(pieces));
	}
	free(text);
}

static void lists_and_addresses_are_bounded(void **state)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e;
	struct buf b;
	char one[ADDR_MAX + 8];

	(void)state;
	addr_list_init(&list);
	buf_init(&b, 1 << 20);
	for (size_t i = 0; i <= ADDR_LIST_MAX; i++) {
		assert_true(buf_add_str(&b, "a,"));
	}
	assert_false(addr_list_parse(&list, buf_span(&b), &e));
	assert_int_equal(list.count, ADDR_LIST_MAX);
	buf_clear(&b);
	memset(one, 'a', sizeof(one));
	one[ADDR_MAX - 3] = '@';
	assert_true(addr_list_parse(&list, span_of(one, 0), &e));
	addr_list_clear(&list);
	assert_true(addr_list_parse(&list, span_of(one, ADDR_MAX), &e));
	assert_false(addr_list_parse(&list, span_of(one, ADDR_MAX + 1), &e));
	assert_non_null(strstr(e.text, "..."));
	assert_true(addr_is_safe(span_of(one, ADDR_MAX)));
	assert_false(addr_is_safe(span_of(one, ADDR_MAX + 1)));
	one[1] = '@';
	assert_true(addr_is_safe(span_of(one, 65)));
	assert_false(addr_is_safe(span_of(one, 66)));
}

static void one_sender_is_read(void **state)
{
	static const struct {
		const char *text, *spec;
	} rows[] = {
		{ "", "" }, { " ", "" }, { "<>", "" }, { "a@b", "a@b" },
		{ "<a@b>", "a@b" }, { "Name <a@b>", "a@b" }, { "root", "root" },
		{ "root@h (fcron)", "root@h" }, { "a@b, c@d", NULL }, { "a@b,", NULL },
		{ "g: a@b;", NULL }, { "(only)", NULL }, { "a b", NULL }, { ",", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = { 0 };
		char *spec = NULL;
		bool done = addr_parse_one(&spec, span_str(rows[i].text), &e);
		assert_int_equal(done, rows[i].spec != NULL);
		if (done) {
			assert_string_equal(spec, rows[i].spec);
		} else {
			assert_null(spec);
			assert_int_equal(e.cause, CAUSE_DATA);
		}
		free(spec);
	}
}

static void only_safe_addresses_reach_a_command(void **state)
{
	static const char *const safe[] = {
		"", "a", "a@b", "a.b@c.d", "\"a b\"@c", "\"a..b\"@c", "\"\\\"\"@c",
		"\"\"@c", "\"@\"@c", "\"<>\"@c", "a@[127.0.0.1]", "a@[IPv6:::1]",
		"a@[x:y]", "a+b=c@d", "\xc3\xa9@\xc3\xa9",
	};
	static const char *const unsafe[] = {
		" ", "@", "a@", "@b", "a b", "a b@c", "a@b c", "a@b>", "<a@b>", "a@b\r",
		"a\n@b", "a@b\x01", "a..b@c", ".a@c", "a.@c", "a@.c", "a@c.", "a@c..d",
		"\"a@b", "a\"@b", "\"a\"b\"@c", "\"a\\\"@c", "\"a\"\"@c", "\"\"\"@c",
		"\"a\\\"", "a@[1.2.3]", "a@[]", "a@[x:]", "a@[:x]", "a@[x-:y]",
		"a@[x:<y]", "a@[x:\"]", "a@[1.2.3.4", "a@b]", "a@[a:b]c]", "a@b@c",
		"\"a\tb\"@c", "a@b/c", "\xff@x", "\xc2\x80@x", "a@b SIZE=1", "a,b@c",
		"a(b)@c", "a@[::1]", "a\xc2\xa0@x", "a@\xe3\x80\x80", "a\xef\xbc\xa0x",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(safe); i++) {
		if (!addr_is_safe(span_str(safe[i]))) {
			fail_msg("refused: %s", safe[i]);
		}
	}
	for (size_t i = 0; i < COUNT(unsafe); i++) {
		if (addr_is_safe(span_str(unsafe[i]))) {
			fail_msg("accepted: %s", unsafe[i]);
		}
	}
	assert_false(addr_is_safe(span_of("a\0b@c", 5)));
	assert_false(addr_is_safe(span_of("a@[1.2.3.4\0]", 12)));
}

static void parts_of_an_address(void **state)
{
	static const struct {
		const char *spec, *local, *domain;
		bool is_bare;
	} rows[] = {
		{ "", "", "", false }, { "a", "a", "", true }, { "a@b", "a", "b", false },
		{ "\"a@b\"", "\"a@b\"", "", true },
		{ "\"a\\\"@b\"@c", "\"a\\\"@b\"", "c", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span s = span_str(rows[i].spec);
		assert_true(span_equal(addr_local(s), span_str(rows[i].local)));
		assert_true(span_equal(addr_domain(s), span_str(rows[i].domain)));
		assert_int_equal(addr_is_bare(rows[i].spec), rows[i].is_bare);
	}
	static const char *const qualified[][3] = {
		{ "root", "h", "root@h" }, { "a@b", "h", "a@b" }, { "", "h", "" },
		{ "\"a@b\"", "h", "\"a@b\"@h" }, { "root", "", "root" },
	};
	for (size_t i = 0; i < COUNT(qualified); i++) {
		char *spec = addr_qualify(qualified[i][0], qualified[i][1]);
		assert_string_equal(spec, qualified[i][2]);
		free(spec);
	}
}

static void duplicates_go_and_order_stays(void **state)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e;

	(void)state;
	assert_true(addr_equal("a@X.example", "a@x.EXAMPLE"));
	assert_false(addr_equal("A@x", "a@x"));
	assert_false(addr_equal("a", "a@a"));
	addr_list_init(&list);
	addr_list_unique(&list);
	assert_true(addr_list_parse(&list, span_str("c@x, a@x, A@x, c@X, b, a@X, b, ab"),
				    &e));
	addr_list_unique(&list);
	char *specs = joined(&list);
	assert_string_equal(specs, "c@x|a@x|A@x|b|ab");
	free(specs);
}

static void names_become_phrases(void **state)
{
	static const struct {
		const char *name, *phrase;
	} rows[] = {
		{ "Jane Doe", "Jane Doe" },
		{ "root on host", "root on host" },
		{ "John Q. Public", "\"John Q. Public\"" },
		{ "a\\\"b", "\"a\\\\\\\"b\"" },
		{ " a", "\" a\"" },
		{ "a  b", "\"a  b\"" },
		{ "", "\"\"" },
		{ "=?UTF-8?Q?x?=", "=?UTF-8?Q?x?=" },
		{ "J\xc3\xbcrgen", "=?UTF-8?B?SsO8cmdlbg==?=" },
		{ "J\xfcrgen", "=?unknown-8bit?B?SvxyZ2Vu?=" },
		{ "a\tb", "=?UTF-8?B?YQli?=" },
		{ "\xe5\xb1\xb1\xe7\x94\xb0", "=?UTF-8?B?5bGx55Sw?=" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b BUF_AUTO;
		buf_init(&b, 1000);
		assert_true(addr_add_phrase(&b, span_str(rows[i].name)));
		assert_string_equal(b.data, rows[i].phrase);
	}
}

/* Every line of the phrase is short, and each encoded-word is whole characters. */
static void check_folded(const struct buf *b)
{
	const char *line = b->data;

	for (;;) {
		const char *end = strstr(line, "\r\n");
		size_t size = end ? (size_t)(end - line) : strlen(line);
		assert_in_range(size, 1, 77);
		const char *word = strstr(line, "=?UTF-8?B?");
		if (word && word < line + size) {
			size_t length = (size_t)(line + size - word);
			assert_in_range(length, 12, 75);
			struct buf plain BUF_AUTO;
			buf_init(&plain, 100);
			assert_true(text_base64_decode(&plain,
						       span_of(word + 10, length - 12)));
			assert_true(text_is_utf8(buf_span(&plain)));
		}
		if (!end) {
			return;
		}
		assert_int_equal(end[2], ' ');
		line = end + 2;
	}
}

static void long_names_are_folded(void **state)
{
	char name[301];

	(void)state;
	for (size_t column = 0; column < 76; column++) {
		for (size_t shift = 0; shift < 3; shift++) {
			struct buf b BUF_AUTO;
			buf_init(&b, 4000);
			for (size_t i = 0; i < column; i++) {
				assert_true(buf_add_byte(&b, 'x'));
			}
			/* Cuts fall on each byte of a character. */
			memset(name, 'a', shift);
			for (size_t i = 0; i < 60; i++) {
				memcpy(name + shift + i * 3, "\xe5\xb1\xb1", 3);
			}
			assert_true(addr_add_phrase(&b, span_of(name, shift + 180)));
			check_folded(&b);
		}
	}
	for (size_t i = 0; i < 300; i++) {
		name[i] = i % 11 == 3 || i % 11 == 4 ? ' ' : 'w';
	}
	struct buf b BUF_AUTO;
	buf_init(&b, 4000);
	assert_true(addr_add_phrase(&b, span_of(name, 300)));
	check_folded(&b);
	buf_clear(&b);
	memset(name, 'w', 300);
	assert_true(addr_add_phrase(&b, span_of(name, 300)));
	check_folded(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_give_what_the_envelope_needs),
		cmocka_unit_test(malformed_text_is_explained),
		cmocka_unit_test(nul_is_refused_everywhere),
		cmocka_unit_test(what_came_before_an_error_is_kept),
		cmocka_unit_test(the_place_of_an_address_is_known),
		cmocka_unit_test(hostile_lists_cost_linear_time),
		cmocka_unit_test(lists_and_addresses_are_bounded),
		cmocka_unit_test(one_sender_is_read),
		cmocka_unit_test(only_safe_addresses_reach_a_command),
		cmocka_unit_test(parts_of_an_address),
		cmocka_unit_test(duplicates_go_and_order_stays),
		cmocka_unit_test(names_become_phrases),
		cmocka_unit_test(long_names_are_folded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
