/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/account.h"
#include "conf/lists.h"
#include "conf/taker_index.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void read_conf(struct conf *c, const struct buf *text)
{
	struct err e = { 0 };

	conf_init(c);
	if (!parse_text(c, buf_span(text), "rc", NULL, &test_env, &e)) {
		fail_msg("%s", e.text);
	}
}

static struct taker_index *index_of(const struct conf *c)
{
	struct taker_index *x = taker_index_new();

	for (size_t i = 0; i < c->count; i++) {
		taker_index_add_recipients(x, c, i);
	}
	return x;
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

	(void)state;
	good(&c, text, "one");
	struct taker_index *x = index_of(&c);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct taker *t = taker_index_find(x, span_str(rows[i].recipient));
		if (!t != !rows[i].account ||
		    (t && (strcmp(c.accounts[t->account].name, rows[i].account) != 0 ||
			   !span_equal(t->word, span_str(rows[i].word))))) {
			fail_msg("%s: %s %.*s", rows[i].recipient,
				 t ? c.accounts[t->account].name : "none",
				 t ? (int)t->word.size : 0, t ? t->word.data : "");
		}
	}
	taker_index_free(x);
	conf_clear(&c);
}

static void everybody_is_the_last(void **state)
{
	struct conf c;

	(void)state;
	good(&c, "account a\nto j*@x.org\naccount b\nto *\naccount c\nto y.org z*@y.org\n", "a");
	struct taker_index *x = index_of(&c);
	assert_true(taker_index_takes_all(x));
	assert_int_equal(taker_index_find(x, span_str("joe@x.org"))->account, 0);
	assert_int_equal(taker_index_find(x, span_str("zoe@y.org"))->account, 1);
	assert_true(span_equal(taker_index_find(x, span_str("root"))->word, span_str("*")));
	assert_null(taker_index_find(x, span_str("")));
	taker_index_free(x);
	taker_index_free(NULL);
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
				struct taker t = taker_of_recipients(word, i, v);
				char *pattern = taker_pattern(&t);
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
		struct taker_index *x = index_of(&c);
		for (size_t i = 0; i < COUNT(locals) * COUNT(domains); i++) {
			char recipient[64];
			size_t want = SIZE_MAX;
			snprintf(recipient, sizeof(recipient), "%s@%s", locals[i % COUNT(locals)],
				 domains[i / COUNT(locals)]);
			const struct taker *t = taker_index_find(x, span_str(recipient));
			if (find_slowly(&c, recipient, &want) ? !t || t->account != want
							      : t != NULL) {
				fail_msg("%s: not %zu\n%s", recipient, want, text.data);
			}
		}
		taker_index_free(x);
		conf_clear(&c);
	}
}

static void one_pattern_takes_all_of_another(void **state)
{
	static const struct {
		const char *outer, *inner;
		bool covers;
	} rows[] = {
		{ "x.y", "*@X.Y", true },	{ "x.y", "a@x.y", true },
		{ "a@x.y", "a+b@x.y", true },	{ "a+b@x.y", "a@x.y", false },
		{ ".y", "x.y", true },		{ ".y", "a@x.y", true },
		{ ".y", ".x.y", true },		{ ".x.y", ".y", false },
		{ ".x.y", "x.y", false },	{ "x.y", ".x.y", false },
		{ "*", ".y", true },		{ "*", "*", true },
		{ "*@*", "*", false },		{ "*@*", ".y", true },
		{ "x.y", "a*@x.y", true },	{ "x.y", "a*@*x.y", false },
		{ ".y", "a*@*x.y", true },	{ ".y", "a*@*.y", true },
		{ ".y", "a*@y", false },	{ "x.y", "[ab]@x.y", true },
		{ ".y", "a[@-z]x.y", false },	{ "a*@*", "ab*@x.y", true },
		{ "ab*@*", "a*@x.y", false },	{ "*a@*", "?a@*.y", true },
		{ "*y", ".y", true },		{ "*y", "x.y", true },
		{ "?@x.y", "a@x.y", true },	{ "?@x.y", "ab@x.y", false },
		{ "?@x.y", "a+b@x.y", true },	{ "*@*x.y", "*@*x.y", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct taker outer = taker_of_recipients(span_str(rows[i].outer), 0, NULL);
		struct taker inner = taker_of_recipients(span_str(rows[i].inner), 1, NULL);
		struct taker_index *x = taker_index_new();
		size_t work = 100000;
		taker_index_add(x, &outer);
		const struct taker *t = taker_index_cover(x, &inner, &work);
		if (rows[i].covers != (t != NULL)) {
			fail_msg("%s %s", rows[i].outer, rows[i].inner);
		}
		taker_index_free(x);
	}
}

static void without_work_only_what_is_looked_up_is_known(void **state)
{
	struct taker glob = taker_of_recipients(span_str("a*@*"), 0, NULL);
	struct taker domain = taker_of_recipients(span_str("x.y"), 1, NULL);
	struct taker inner = taker_of_recipients(span_str("ab*@x.y"), 2, NULL);
	struct taker_index *x = taker_index_new();
	size_t work = 0;

	(void)state;
	taker_index_add(x, &glob);
	taker_index_add(x, &domain);
	assert_int_equal(taker_index_cover(x, &inner, &work)->account, 1);
	work = 100000;
	assert_int_equal(taker_index_cover(x, &inner, &work)->account, 0);
	assert_true(work < 100000);
	taker_index_free(x);
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
	struct taker_index *x = index_of(&c);
	for (size_t i = 0; i < MANY; i++) {
		char recipient[64];
		snprintf(recipient, sizeof(recipient), "u%s%zu%s.org",
			 i % 4 == 0   ? ""
			 : i % 4 == 1 ? "@a.b.c"
			 : i % 4 == 2 ? "@D"
				      : "@e",
			 i / 4, i % 4 == 0 ? "+y@x" : "");
		const struct taker *t = taker_index_find(x, span_str(recipient));
		assert_non_null(t);
		assert_int_equal(t->account, i / 4);
	}
	taker_index_free(x);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_account_that_fits_is_found),
		cmocka_unit_test(everybody_is_the_last),
		cmocka_unit_test(it_finds_what_a_walk_through_all_finds),
		cmocka_unit_test(one_pattern_takes_all_of_another),
		cmocka_unit_test(without_work_only_what_is_looked_up_is_known),
		cmocka_unit_test(many_patterns_meet_many_recipients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
