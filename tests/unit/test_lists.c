/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/lists.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void a_list_is_kept_with_one_blank_between(void **state)
{
	static const struct {
		enum key_type type;
		const char *text, *kept;
	} rows[] = {
		{ TYPE_HOSTS, "a.example", "a.example" },
		{ TYPE_HOSTS, "a.example,b.example", "a.example b.example" },
		{ TYPE_HOSTS, "  a\t, ,b ,", "a b" },
		{ TYPE_HOSTS, "192.0.2.1 ::1 [::1] fe80::1%eth0", "192.0.2.1 ::1 [::1] fe80::1%eth0" },
		{ TYPE_HOSTS, "SRV:Example.org 7.example", "srv:Example.org 7.example" },
		{ TYPE_RECIPIENTS, "a@x.example  B+c@x.example", "a@x.example B+c@x.example" },
		{ TYPE_RECIPIENTS, "x.example,.x.example,*", "x.example .x.example *" },
		{ TYPE_RECIPIENTS, "*@x.example a?@[x] *.example", "*@x.example a?@[x] *.example" },
		{ TYPE_RECIPIENTS, "<a@x.example>", "a@x.example" },
		{ TYPE_ACCOUNTS, "a, b c", "a b c" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf list BUF_AUTO;
		struct err e = { 0 };
		buf_init(&list, 1000);
		if (!lists_read(rows[i].type, span_str(rows[i].text), &list, &e)) {
			fail_msg("%s: %s", rows[i].text, e.text);
		}
		assert_string_equal(list.data, rows[i].kept);
	}
}

static void wrong_words_are_refused(void **state)
{
	static const char server[] = "word 2: not a host name or IP address";
	static const char domain[] = "not a domain behind srv:; DNS says the port, as in: host "
				     "srv:example.org";
	static const char kind[] = "must be an address, a domain, .domain, * or a pattern";
	static const struct {
		enum key_type type;
		const char *text, *error;
	} rows[] = {
		{ TYPE_HOSTS, "a.example b/c", server },
		{ TYPE_HOSTS, ",", "there is nothing but commas" },
		{ TYPE_HOSTS, "a 587", "word 2: not a host name; a port has its own line: port 587" },
		{ TYPE_HOSTS, "a b:25",
		  "word 2: not a host name; a port has its own line: port 25" },
		{ TYPE_HOSTS, "srv:", domain },
		{ TYPE_HOSTS, "srv:x:587", domain },
		{ TYPE_HOSTS, "srv:[192.0.2.1]", domain },
		{ TYPE_HOSTS, "srv:192.0.2.1", domain },
		{ TYPE_RECIPIENTS, "a@b@c", NULL },
		{ TYPE_RECIPIENTS, "x.example a@", NULL },
		{ TYPE_RECIPIENTS, "j*", "a pattern needs an @, as in joe*@example.org" },
		{ TYPE_RECIPIENTS, "..x", kind },
		{ TYPE_RECIPIENTS, ".", kind },
		{ TYPE_RECIPIENTS, "%F", kind },
		{ TYPE_RECIPIENTS, "x.example a_/b",
		  "word 2: must be an address, a domain, .domain, * or a pattern" },
		{ TYPE_RECIPIENTS, " , ", "there is nothing but commas" },
		{ TYPE_ACCOUNTS, "a b:c",
		  "word 2: must be names of accounts with blanks between" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf list BUF_AUTO;
		struct err e = { 0 };
		buf_init(&list, 1000);
		if (lists_read(rows[i].type, span_str(rows[i].text), &list, &e)) {
			fail_msg("accepted: %s", rows[i].text);
		}
		if (rows[i].error) {
			assert_string_equal(e.text, rows[i].error);
		}
	}
}

static void there_are_at_most_so_many_names(void **state)
{
	struct buf text BUF_AUTO, list BUF_AUTO;
	struct err e = { 0 };

	(void)state;
	buf_init(&text, 1000);
	buf_init(&list, 1000);
	for (int i = 0; i < CONF_LIST_MAX; i++) {
		assert_true(buf_add_str(&text, "h "));
	}
	assert_true(lists_read(TYPE_HOSTS, buf_span(&text), &list, &e));
	buf_clear(&list);
	assert_true(buf_add_str(&text, "h"));
	assert_false(lists_read(TYPE_HOSTS, buf_span(&text), &list, &e));
	assert_string_equal(e.text, "more than 32 servers");
	buf_clear(&list);
	assert_false(lists_read(TYPE_ACCOUNTS, buf_span(&text), &list, &e));
	assert_string_equal(e.text, "more than 32 names");
	buf_clear(&list);
	assert_true(lists_read(TYPE_RECIPIENTS, buf_span(&text), &list, &e));
}

static void a_list_that_does_not_fit_is_an_error(void **state)
{
	struct buf list BUF_AUTO;
	struct err e = { 0 };

	(void)state;
	buf_init(&list, 3);
	assert_false(lists_read(TYPE_ACCOUNTS, span_str("a b c"), &list, &e));
	assert_string_equal(e.text, "too long");
}

static void servers_come_in_order(void **state)
{
	struct conf c;
	struct account *a = good(&c, "host a.example srv:b.example [::1]\n", NULL);
	struct span rest = span_str(conf_text(a, KEY_HOST));
	struct conf_server server;
	char *first = conf_first_host(a);

	(void)state;
	assert_string_equal(first, "a.example");
	free(first);
	assert_true(conf_host_next(&rest, &server));
	assert_true(span_equal(server.name, span_str("a.example")) && !server.is_srv);
	assert_true(conf_host_next(&rest, &server));
	assert_true(span_equal(server.name, span_str("b.example")) && server.is_srv);
	assert_true(conf_host_next(&rest, &server));
	assert_true(span_equal(server.name, span_str("[::1]")) && !server.is_srv);
	assert_false(conf_host_next(&rest, &server));
	assert_false(conf_host_next(&rest, &server));
	conf_clear(&c);
	a = good(&c, "host srv:b.example\n", NULL);
	first = conf_first_host(a);
	assert_string_equal(first, "b.example");
	free(first);
	conf_clear(&c);
	assert_null(conf_first_host(good(&c, "socket /s\n", NULL)));
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_list_is_kept_with_one_blank_between),
		cmocka_unit_test(wrong_words_are_refused),
		cmocka_unit_test(there_are_at_most_so_many_names),
		cmocka_unit_test(a_list_that_does_not_fit_is_an_error),
		cmocka_unit_test(servers_come_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
