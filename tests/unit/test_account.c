/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/account.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void has_value(const struct account *a, enum key key, const char *text)
{
	assert_non_null(conf_text(a, key));
	assert_string_equal(conf_text(a, key), text);
}

static void the_number_of_accounts_is_bounded(void **state)
{
	struct buf text;
	struct conf c;
	struct err e = { 0 };

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < ACCOUNTS_MAX + 1; i++) {
		assert_true(buf_printf(&text, "account a%d\n", i));
	}
	conf_init(&c);
	assert_false(parse_text(&c, buf_span(&text), "rc", NULL, &test_env, &e));
	assert_string_equal(e.text, "rc:12001: account: too many accounts");
	conf_clear(&c);
	buf_clear(&text);
}

static void what_is_inherited_is_shared(void **state)
{
	struct conf c;
	struct account *a = good(&c, "defaults\nfrom d@x\naccount a\nuser u\naccount b : a\n"
				     "account c : b\nuser w\naccount d : a\nuser\n"
				     "account default : c\n", "a");
	struct err e = { 0 };
	struct account *b = conf_choose(&c, "b", NULL, &e);

	(void)state;
	assert_ptr_equal(conf_text(a, KEY_USER), conf_text(b, KEY_USER));
	assert_ptr_equal(conf_text(a, KEY_FROM), conf_text(b, KEY_FROM));
	has_value(conf_choose(&c, "c", NULL, &e), KEY_USER, "w");
	has_value(conf_choose(&c, "default", NULL, &e), KEY_USER, "w");
	assert_null(conf_text(conf_choose(&c, "d", NULL, &e), KEY_USER));
	has_value(a, KEY_USER, "u");
	assert_int_equal(c.bytes, strlen("d@x") + strlen("u") + strlen("w"));
	/* What one account gets now is not the others'. */
	assert_true(conf_set(b, KEY_USER, span_str("v"), "x", &test_env, &e));
	has_value(a, KEY_USER, "u");
	has_value(b, KEY_USER, "v");
	conf_clear(&c);
}

static bool give_much(const char *command, struct buf *line, struct err *e)
{
	(void)command;
	(void)e;
	assert_true(buf_add_str(line, "user "));
	for (int i = 0; i < 60000; i++) {
		assert_true(buf_add_byte(line, 'x'));
	}
	return true;
}

static void commands_cannot_fill_the_memory(void **state)
{
	const struct conf_env env = { .run = give_much };
	struct buf text;
	struct conf c;
	struct err e = { 0 };

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < 300; i++) {
		assert_true(buf_printf(&text, "account a%d\neval x\n", i));
	}
	conf_init(&c);
	assert_false(parse_text(&c, buf_span(&text), "rc", NULL, &env, &e));
	assert_non_null(strstr(e.text, "too much text in the accounts"));
	conf_clear(&c);
	buf_clear(&text);
}

/* The lines of `to`: "PATTERNS@LINE", with a comma after each. */
static void lines_of_one_account_add_up(void **state)
{
	static const struct {
		const char *text, *account, *lines;
	} rows[] = {
		{ "to a.x\nhost h\nto b.x, c.x\n", NULL, "a.x@1,b.x c.x@3," },
		{ "to a.x\nto\n", NULL, "" },
		{ "to a.x\nto\nto b.x\nto c.x\n", NULL, "b.x@3,c.x@4," },
		{ "account a\nto a.x\nto b.x\naccount default : a\n", NULL, "a.x@2,b.x@3," },
		{ "account a\nto a.x\nto b.x\naccount default : a\nto c.x\nto d.x\n", NULL,
		  "c.x@5,d.x@6," },
		{ "account a\nto a.x\naccount b : a\nto b.x\n", "a", "a.x@2," },
		{ "account a\nto a.x\naccount b : a\nto\naccount c : b\n", "c", "" },
		{ "defaults\nto a.x\nto b.x\naccount a\naccount b\nto c.x\ndefaults\nto d.x\n"
		  "account default\n", "a", "a.x@2,b.x@3," },
		{ "defaults\nto a.x\nto b.x\naccount a\naccount b\nto c.x\ndefaults\nto d.x\n"
		  "account default\n", "b", "c.x@6," },
		{ "defaults\nto a.x\nto b.x\naccount a\naccount b\nto c.x\ndefaults\nto d.x\n"
		  "account default\n", "default", "d.x@8," },
		{ "account a\nto a.x\naccount b\nto b.x\naccount c : a, b\n", "c", "b.x@4," },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		const struct account *a = good(&c, rows[i].text, rows[i].account);
		struct buf lines BUF_AUTO;
		buf_init(&lines, 1000);
		for (const struct conf_value *v = conf_value(a, KEY_TO); v && v->text;
		     v = v->next) {
			assert_true(buf_printf(&lines, "%s@%u,", v->text, v->line));
		}
		assert_string_equal(lines.data, rows[i].lines);
		conf_clear(&c);
	}
}

static void every_key_can_be_set_and_unset(void **state)
{
	struct conf c;
	struct account *a;
	struct err e = { 0 };
	enum key got;

	(void)state;
	conf_init(&c);
	a = conf_add_account(&c, "a");
	/* From both ends, so that the values in between move. */
	for (size_t i = 0; i < KEY_COUNT; i++) {
		enum key key = (enum key)(i % 2 ? KEY_COUNT - 1 - i / 2 : i / 2);
		if (conf_key_row(key)->type == TYPE_STRING) {
			assert_true(account_set(a, key, span_str(conf_key_row(key)->name),
						&test_env, "x", &got, &e));
		}
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key_row *row = conf_key_row((enum key)i);
		assert_int_equal(conf_value(a, (enum key)i)->is_set, row->type == TYPE_STRING);
		if (row->type == TYPE_STRING) {
			has_value(a, (enum key)i, row->name);
		}
	}
	assert_true(account_set(a, KEY_PORT, span_str("25"), &test_env, "x", &got, &e));
	assert_int_equal(conf_port(a), 25);
	assert_true(account_set(a, KEY_PORT, span_str(""), &test_env, "x", &got, &e));
	assert_false(conf_value(a, KEY_PORT)->is_set);
	assert_int_equal(conf_port(a), 465);
	has_value(a, KEY_USER, "user");
	conf_clear(&c);
}

static void accounts_are_found_by_name(void **state)
{
	enum { MANY = 3000 };
	struct conf c;
	char name[32];

	(void)state;
	conf_init(&c);
	assert_null(account_find(&c, 0, span_str("a0")));
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "a%d", i % (MANY / 2));
		conf_add_account(&c, name);
	}
	for (int i = 0; i < MANY / 2; i++) {
		snprintf(name, sizeof(name), "a%d", i);
		struct account *first = account_find(&c, 0, span_str(name));
		assert_ptr_equal(first, &c.accounts[i]);
		assert_false(conf_is_hidden(&c, first));
		assert_ptr_equal(account_find(&c, (size_t)i, span_str(name)), first);
		assert_ptr_equal(account_find(&c, (size_t)i + 1, span_str(name)),
				 &c.accounts[i + MANY / 2]);
		assert_true(conf_is_hidden(&c, &c.accounts[i + MANY / 2]));
		assert_null(account_find(&c, (size_t)(i + MANY / 2 + 1), span_str(name)));
	}
	assert_null(account_find(&c, 0, span_str("a")));
	assert_null(account_find(&c, 0, span_str("")));
	conf_clear(&c);
}

static void own_is_what_stands_in_the_section(void **state)
{
	static const char text[] = "defaults\nfrom d@x\naccount a\nuser u\nfrom a@x\n"
				   "account b : a\nfrom b@x\naccount default\nuser v\n";
	static const struct {
		const char *account;
		enum key key;
		bool is_own;
	} rows[] = {
		{ "a", KEY_USER, true },    { "a", KEY_FROM, true },	    { "b", KEY_USER, false },
		{ "b", KEY_FROM, true },    { "default", KEY_FROM, false }, { "default", KEY_USER, true },
		{ "default", KEY_PORT, false },
	};
	struct conf c;
	struct err e = { 0 };

	(void)state;
	good(&c, text, NULL);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct account *a = conf_choose(&c, rows[i].account, NULL, &e);
		assert_int_equal(account_is_own(a, rows[i].key), rows[i].is_own);
	}
	struct account *a = conf_choose(&c, "b", NULL, &e);
	assert_true(conf_set(a, KEY_USER, span_str("w"), "command line", &test_env, &e));
	assert_true(account_is_own(a, KEY_USER));
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_number_of_accounts_is_bounded),
		cmocka_unit_test(what_is_inherited_is_shared),
		cmocka_unit_test(commands_cannot_fill_the_memory),
		cmocka_unit_test(lines_of_one_account_add_up),
		cmocka_unit_test(every_key_can_be_set_and_unset),
		cmocka_unit_test(accounts_are_found_by_name),
		cmocka_unit_test(own_is_what_stands_in_the_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
