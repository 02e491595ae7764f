/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "conf/pattern.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static bool is_literal(const char *text)
{
	return !strpbrk(text, "?*[");
}

/* With work enough. */
static bool is_covered(const struct pattern *outer, const struct pattern *inner)
{
	size_t work = 10000000;

	return pattern_covers(outer, inner, &work);
}

static bool covers(const char *outer, const char *inner)
{
	struct pattern a, b;

	assert_true(pattern_read(&a, outer, is_literal(outer)));
	assert_true(pattern_read(&b, inner, is_literal(inner)));
	return is_covered(&a, &b);
}

static void patterns_that_take_all_of_another(void **state)
{
	static const char *const rows[][2] = {
		{ "*", "*" }, { "*", "" }, { "*", "?*" }, { "?*", "*?" },
		{ "*@x.test", "me@x.test" }, { "*@X.test", "*@x.TEST" },
		{ "*@x.test", "m*@x.test" }, { "*@*", "*@x.test" },
		{ "*@*.test", "a*@mail.*.test" }, { "?e@x", "[mh]e@x" },
		{ "[a-m]@x", "[c-e]@x" }, { "[!z]@x", "a@x" }, { "*a*b*", "*xa?b*" },
		{ "??*", "?*?" }, { "*[ab]", "*a" }, { "[", "[" }, { "a[b", "a[b" },
		{ "[]]", "]" }, { "me@x", "ME@X" }, { "**", "*" }, { "*", "**?**" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!covers(rows[i][0], rows[i][1])) {
			fail_msg("%s does not cover %s", rows[i][0], rows[i][1]);
		}
	}
}

static void patterns_that_leave_something(void **state)
{
	static const char *const rows[][2] = {
		{ "?*", "*" }, { "me@x.test", "*@x.test" }, { "*@x.test", "*@y.test" },
		{ "*@x.test", "*@*.test" }, { "?", "??" }, { "??", "?" }, { "[!a]", "?" },
		{ "[a-c]", "[a-d]" }, { "a*", "*a" }, { "*ab*", "*a*b*" },
		{ "*?*?*", "?*" }, { "", "*" }, { "[ab]c", "[ab]?" }, { "*a?b*", "*a*b*" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (covers(rows[i][0], rows[i][1])) {
			fail_msg("%s covers %s", rows[i][0], rows[i][1]);
		}
	}
}

/* All texts of up to five letters are asked, whether the answer can be true. */
static void the_answer_agrees_with_text_match(void **state)
{
	static const char letters[] = "abz", pieces[] = "ab?*";
	char outer[8], inner[8], text[8];
	unsigned seed = 1;
	size_t yes = 0;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char *const patterns[] = { outer, inner };
		for (int k = 0; k < 2; k++) {
			size_t size = 0;
			for (; size < 4; size++) {
				seed = seed * 1103515245 + 12345;
				patterns[k][size] = pieces[seed >> 16 & 3];
			}
			patterns[k][size - (seed >> 20 & 1)] = '\0';
		}
		bool is_covered = true;
		for (unsigned n = 0; n < 4096 && is_covered; n++) {
			size_t size = 0;
			for (unsigned rest = n; rest > 0; rest /= 4) {
				if (rest % 4) {
					text[size++] = letters[rest % 4 - 1];
				}
			}
			struct span s = span_of(text, size);
			is_covered = !text_match(inner, s) || text_match(outer, s);
		}
		if (covers(outer, inner) != is_covered) {
			fail_msg("%s and %s: not %d", outer, inner, !is_covered);
		}
		yes += is_covered;
	}
	assert_in_range(yes, 100, 2900);
}

/* A [set] means what text_match says, and a literal nothing but itself. */
static void pieces_are_read_as_text_match_reads_them(void **state)
{
	static const char *const sets[] = { "[abc]", "[!a-c]", "[]x]", "[^]]", "[a-]", "[A-C]",
					    "[-a]", "[a-c-e]" };

	(void)state;
	for (size_t i = 0; i < COUNT(sets); i++) {
		for (unsigned c = 1; c < 256; c++) {
			char one[2] = { (char)c, '\0' };
			struct pattern set, letter;
			assert_true(pattern_read(&set, sets[i], false));
			assert_int_equal(set.count, 1);
			assert_true(pattern_read(&letter, one, true));
			assert_int_equal(is_covered(&set, &letter),
					 text_match(sets[i], span_str(one)));
		}
	}
	struct pattern star, any;
	assert_true(pattern_read(&star, "*", true));
	assert_true(pattern_read(&any, "x", true));
	assert_false(is_covered(&star, &any));
}

static void what_is_too_long_or_too_hard_has_no_answer(void **state)
{
	struct pattern p, hard;
	char text[PATTERN_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(pattern_read(&p, text, true));
	text[PATTERN_MAX] = '\0';
	assert_true(pattern_read(&p, text, true));
	assert_true(is_covered(&p, &p));
	/* One state for every way to have seen the last 40 letters: it ends all the same. */
	assert_true(pattern_read(&hard, "*a????????????????????????????????????????", false));
	assert_true(pattern_read(&p, "*a*b*????????????????????????????????????????", false));
	assert_false(is_covered(&hard, &p));
}

static void many_hard_pairs_use_up_the_work(void **state)
{
	struct pattern outer, inner;
	size_t work = 1000000, count = 0;

	(void)state;
	assert_true(pattern_read(&outer, "*[ab]????????????????????*@x", false));
	assert_true(pattern_read(&inner, "*[ac]????????????????????*@x", false));
	for (size_t before = work + 1; work > 0 && work < before; count++) {
		before = work;
		assert_false(pattern_covers(&outer, &inner, &work));
	}
	assert_int_equal(work, 0);
	assert_in_range(count, 2, 100);
	/* Nothing is left, not even for what is plain. */
	assert_true(pattern_read(&outer, "*@x", false));
	assert_false(pattern_covers(&outer, &inner, &work));
	assert_true(is_covered(&outer, &inner));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_that_take_all_of_another),
		cmocka_unit_test(patterns_that_leave_something),
		cmocka_unit_test(the_answer_agrees_with_text_match),
		cmocka_unit_test(pieces_are_read_as_text_match_reads_them),
		cmocka_unit_test(what_is_too_long_or_too_hard_has_no_answer),
		cmocka_unit_test(many_hard_pairs_use_up_the_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
