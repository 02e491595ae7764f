/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "base/text.h"
#include "conf/account.h"
#include "conf/lists.h"
#include "conf/recipient.h"
#include "conf/route_index.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void read_conf(struct conf *c, const struct buf *text)
{
	struct err e = { 0 };

	conf_init(c);
	if (!parse_text(c, buf_span(text), "rc", NULL, &test_env, &e)) {
		fail_msg("%s", e.text);
	}
}

static void the_first_account_that_fits_is_found(void **state)
{
	static const char text[] =
		"account one\nhost h\nto joe@x.example\nto ann+list@x.example .deep.example\n"
		"account two\nto x.example *@*.y.example\n"
		"account three\nto j*@x.example .x.example *@z.example\n"
		"account four\nto y.example .example\n"
		"account five\nto *test [ab]@w.org\n"
		"account six\nto joe@x.example *@y.example b@w.org c@w.org\n";
	static const struct {
		const char *recipient, *account, *word;
	} rows[] = {
		{ "joe@x.example", "one", "joe@x.example" },
		{ "JOE@X.Example", "one", "joe@x.example" },
		{ "joe+tag@x.example", "one", "joe@x.example" },
		{ "joe+a+b@x.example", "one", "joe@x.example" },
		{ "ann+list@x.example", "one", "ann+list@x.example" },
		{ "ann@x.example", "two", "x.example" },
		{ "ann+list+x@x.example", "two", "x.example" },
		{ "jo@x.example", "two", "x.example" },
		{ "jo@a.x.example", "three", ".x.example" },
		{ "jo@a.b.x.example", "three", ".x.example" },
		{ "jo@ax.example", "four", ".example" },
		{ "jo@y.example", "four", "y.example" },
		{ "jo@a.y.example", "two", "*@*.y.example" },
		{ "jo@z.example", "three", "*@z.example" },
		{ "jo@a.z.example", "four", ".example" },
		{ "jo@a.deep.example", "one", ".deep.example" },
		{ "jo@deep.example", "four", ".example" },
		{ "jo@some.test", "five", "*test" },
		{ "b@w.org", "five", "[ab]@w.org" },
		{ "b+x@w.org", "five", "[ab]@w.org" },
		{ "c@w.org", "six", "c@w.org" },
		{ "d@w.org", NULL, NULL },
		{ "\"a@y.example\"@x.example", "two", "x.example" },
		{ "\"@x.example\"@other.org", NULL, NULL },
		{ "joe", NULL, NULL },
		{ "x.example", NULL, NULL },
		{ "a.x.example", NULL, NULL },
		{ "@", NULL, NULL },
		{ "+@x.org", NULL, NULL },
		{ "", NULL, NULL },
	};
	struct conf c;
	struct route_hit hit;

	(void)state;
	good(&c, text, "one");
	struct route_index *x = route_index_new(&c);
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool found = route_index_find(x, span_str(rows[i].recipient), &hit);
		if (found != (rows[i].account != NULL) ||
		    (found && (strcmp(c.accounts[hit.account].name, rows[i].account) != 0 ||
			       !span_equal(hit.word, span_str(rows[i].word))))) {
			fail_msg("%s: %s %.*s", rows[i].recipient,
				 found ? c.accounts[hit.account].name : "none",
				 found ? (int)hit.word.size : 0, found ? hit.word.data : "");
		}
	}
	route_index_free(x);
	conf_clear(&c);
}

static void everybody_is_the_last(void **state)
{
	struct conf c;
	struct route_hit hit;

	(void)state;
	good(&c, "account a\nto j*@x.org\naccount b\nto *\naccount c\nto y.org z*@y.org\n", "a");
	struct route_index *x = route_index_new(&c);
	assert_true(route_index_find(x, span_str("joe@x.org"), &hit));
	assert_int_equal(hit.account, 0);
	assert_true(route_index_find(x, span_str("zoe@y.org"), &hit));
	assert_int_equal(hit.account, 1);
	assert_true(route_index_find(x, span_str("root"), &hit));
	assert_true(span_equal(hit.word, span_str("*")));
	route_index_free(x);
	conf_clear(&c);
}

static void without_any_there_is_no_index(void **state)
{
	struct conf c;
	struct route_hit hit;

	(void)state;
	good(&c, "account a\nto x.org\nto\naccount b\n", "a");
	assert_null(route_index_new(&c));
	assert_false(route_index_find(NULL, span_str("a@x.org"), &hit));
	route_index_free(NULL);
	conf_clear(&c);
}

static void hidden_accounts_do_not_count(void **state)
{
	struct conf c;
	struct err e = { 0 };
	struct route_hit hit;

	(void)state;
	good(&c, "account a\nhost h\naccount b\nto y.org\n", "a");
	assert_true(parse_text(&c, span_str("account a\nto x.org y.org\n"), "etc", NULL,
			       &test_env, &e));
	struct route_index *x = route_index_new(&c);
	assert_false(route_index_find(x, span_str("a@x.org"), &hit));
	assert_true(route_index_find(x, span_str("a@y.org"), &hit));
	assert_int_equal(hit.account, 1);
	route_index_free(x);
	conf_clear(&c);
}

/* What the index must find, word for word. */
static bool find_slowly(const struct conf *c, const char *recipient, size_t *ret_account)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct conf_value *v = conf_value(&c->accounts[i], KEY_TO);
		for (; v && v->text; v = v->next) {
			struct span rest = span_str(v->text), word;
			while ((word = lists_next(&rest)).size > 0) {
				char *pattern = recipient_pattern(word);
				bool fits = account_takes(pattern, span_str(recipient));
				free(pattern);
				if (fits) {
					*ret_account = i;
					return true;
				}
			}
		}
	}
	return false;
}

/* Words and recipients of few pieces, so that many fit. */
static void it_finds_what_a_walk_through_all_finds(void **state)
{
	static const char *const locals[] = { "a", "b", "a+x", "ab", "a+x+y" };
	static const char *const domains[] = { "x.y", "y", "z.x.y", "x", "ax.y", "y.x" };
	static const char *const words[] = {
		"a@x.y", "b@y", "x.y", ".y", "*@y", "*@*.x.y", "*.y", "*x", "a*@*", "?@x.y",
		"a+x@y.x", "[ab]@x", "*y.x", "x", "*+*@x", "a+*@ax.y",
	};
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct buf text BUF_AUTO;
		struct conf c;
		buf_init(&text, 10000);
		for (int i = 0; i < 5; i++) {
			assert_true(buf_printf(&text, "account a%d\n", i));
			for (int k = 0; k < 2; k++) {
				seed = seed * 1103515245 + 12345;
				assert_true(buf_printf(&text, "to %s\n",
						       words[(seed >> 16) % COUNT(words)]));
			}
		}
		read_conf(&c, &text);
		struct route_index *x = route_index_new(&c);
		for (size_t i = 0; i < COUNT(locals) * COUNT(domains); i++) {
			char recipient[64];
			struct route_hit hit = { .account = SIZE_MAX };
			size_t want = SIZE_MAX;
			snprintf(recipient, sizeof(recipient), "%s@%s", locals[i % COUNT(locals)],
				 domains[i / COUNT(locals)]);
			bool found = route_index_find(x, span_str(recipient), &hit);
			if (found != find_slowly(&c, recipient, &want) || hit.account != want) {
				fail_msg("%s: %zu, not %zu\n%s", recipient, hit.account, want,
					 text.data);
			}
		}
		route_index_free(x);
		conf_clear(&c);
	}
}

/* Comparing all with all would take minutes here. */
static void many_patterns_meet_many_recipients(void **state)
{
	enum { MANY = 10000 };
	struct buf text BUF_AUTO;
	struct conf c;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < MANY / 4; i++) {
		assert_true(buf_printf(&text, "account a%d\nto u%d@x.org .c%d.org *@d%d.org\n"
					      "to e%d.org\n", i, i, i, i, i));
	}
	read_conf(&c, &text);
	struct route_index *x = route_index_new(&c);
	for (size_t i = 0; i < MANY; i++) {
		struct route_hit hit;
		char recipient[64];
		snprintf(recipient, sizeof(recipient), "u%s%zu%s.org",
			 i % 4 == 0   ? ""
			 : i % 4 == 1 ? "@a.b.c"
			 : i % 4 == 2 ? "@D"
				      : "@e",
			 i / 4, i % 4 == 0 ? "+y@x" : "");
		assert_true(route_index_find(x, span_str(recipient), &hit));
		assert_int_equal(hit.account, i / 4);
	}
	route_index_free(x);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_account_that_fits_is_found),
		cmocka_unit_test(everybody_is_the_last),
		cmocka_unit_test(without_any_there_is_no_index),
		cmocka_unit_test(hidden_accounts_do_not_count),
		cmocka_unit_test(it_finds_what_a_walk_through_all_finds),
		cmocka_unit_test(many_patterns_meet_many_recipients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
