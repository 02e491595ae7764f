/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "import/main_cf.h"

static unsigned odd_line;

static void keep_odd(void *context, unsigned line)
{
	(void)context;
	odd_line = line;
}

static void make(struct main_cf *m, const char *text)
{
	struct buf b;

	buf_init(&b, 1 << 20);
	assert_true(buf_add_str(&b, text));
	main_cf_init(m, &b, "pi", "/etc/postfix", keep_odd, NULL);
}

static void values_are_replaced(void **state)
{
	static const char text[] = "empty =\nset = x\nlist = $set, ${set},$(set)\nset = y\n"
				   "digits = 5\ncompatibility_level = 3.6\nhost = [$myhostname]\n";
	static const struct {
		const char *value, *wanted;
	} rows[] = {
		{ "plain", "plain" },
		{ "$set", "y" },
		{ "$list", "y, y,y" },
		{ "a${set}b", "ayb" },
		{ "$$set", "$set" },
		{ "$absent|${absent}", "|" },
		{ "${set?yes}${empty?no}", "yes" },
		{ "${set:no}${empty:yes}", "yes" },
		{ "${set?{a}:{b}}${empty?{a}:{b}}", "ab" },
		{ "${set ? {a b} : {c}}", "a b" },
		{ "${empty?{}:{${set?$set}}}", "y" },
		{ "${{$set} == {y} ? {1} : {2}}", "1" },
		{ "${{$set} != {y} ? {1} : {2}}", "2" },
		{ "${{$digits} < {10} ? {1} : {2}}", "1" },
		{ "${{abc} < {abd}?{1}:{2}}", "1" },
		{ "${{$compatibility_level} <level {3.10} ? {1} : {2}}", "1" },
		{ "$host $mydomain", "[pi.localdomain] localdomain" },
		{ "$config_directory/x", "/etc/postfix/x" },
		{ "$mydestination", "pi.localdomain, localhost.localdomain, localhost" },
	};
	struct main_cf m;

	(void)state;
	make(&m, text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf to;
		struct err e = { 0 };
		buf_init(&to, 1000);
		if (!main_cf_expand(&m, span_str(rows[i].value), &to, &e)) {
			fail_msg("%s: %s", rows[i].value, e.text);
		}
		assert_string_equal(to.data, rows[i].wanted);
		buf_clear(&to);
	}
	main_cf_clear(&m);
}

static void bad_values_have_an_error(void **state)
{
	static const char text[] = "a = $b\nb = x${c}\nc = ${a?y}\nself = $self\n"
				   "d1=$d2$d2\nd2=$d3$d3\nd3=$d4$d4\nd4=$d5$d5\nd5=$d6$d6\n"
				   "d6=$d7$d7\nd7=$d8$d8\nd8=$d9$d9\nd9=$d10$d10\nd10=$e1$e1\n"
				   "e1=$e2$e2\ne2=$e3$e3\ne3=$e4$e4\ne4=$e5$e5\ne5=$e6$e6\ne6=\n"
				   "long = 0123456789\n";
	static const struct {
		const char *value, *error;
	} rows[] = {
		{ "$a", "$a stands for itself, in a circle" },
		{ "$self", "$self stands for itself, in a circle" },
		{ "$d1", "too many names in it to replace them all" },
		{ "${x", "a brace is not closed" },
		{ "${x?{${y}", "a brace is not closed" },
		{ "a $ b", "a $ without a name behind it" },
		{ "${}", "${…} without a name in it" },
		{ "${x!y}", "${…} without a name in it" },
		{ "${{a} ~ {b} ? {c}}", "a comparison that is not understood" },
		{ "$long$long$long$long$long$long$long$long$long$long$long",
		  "the value is too long" },
	};
	struct main_cf m;

	(void)state;
	make(&m, text);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf to;
		struct err e = { 0 };
		buf_init(&to, 100);
		assert_false(main_cf_expand(&m, span_str(rows[i].value), &to, &e));
		assert_string_equal(e.text, rows[i].error);
		assert_int_equal(e.cause, CAUSE_CONFIG);
		buf_clear(&to);
	}
	main_cf_clear(&m);
}

static void deep_nesting_is_bounded(void **state)
{
	struct main_cf m;
	struct buf value, to;
	struct err e = { 0 };

	(void)state;
	make(&m, "a = x\n");
	buf_init(&value, 1 << 20);
	buf_init(&to, 1000);
	for (int i = 0; i < 20000; i++) {
		assert_true(buf_add_str(&value, "${a?"));
	}
	for (int i = 0; i < 20000; i++) {
		assert_true(buf_add_str(&value, "}"));
	}
	assert_false(main_cf_expand(&m, buf_span(&value), &to, &e));
	assert_string_equal(e.text, "too many names in it to replace them all");
	buf_clear(&value);
	buf_clear(&to);
	main_cf_clear(&m);
}

/* Thousands of lines, each with as much in it as one value may have. */
static void the_work_for_one_file_is_bounded(void **state)
{
	struct main_cf m;
	struct buf value, to;
	struct err e = { 0 };
	size_t count = 0;

	(void)state;
	make(&m, "e =\n");
	buf_init(&value, 1 << 20);
	buf_init(&to, 1000);
	for (int i = 0; i < 15000; i++) {
		assert_true(buf_add_str(&value, "$e"));
	}
	while (count < 2000 && main_cf_expand(&m, buf_span(&value), &to, &e)) {
		count++;
	}
	assert_in_range(count, 100, 1999);
	assert_string_equal(e.text, "too many names in it to replace them all");
	buf_clear(&value);
	buf_clear(&to);
	main_cf_clear(&m);
}

static void the_last_line_of_a_name_counts(void **state)
{
	struct main_cf m;

	(void)state;
	odd_line = 0;
	make(&m, "a = 1\nA = 2\nno equals sign\na\n = 3\n");
	assert_int_equal(odd_line, 3);
	assert_int_equal(m.count, 3);
	assert_true(span_equal(main_cf_find(&m, span_str("a"))->value, span_str("3")));
	assert_true(span_equal(main_cf_find(&m, span_str("A"))->value, span_str("2")));
	assert_null(main_cf_find(&m, span_str("b")));
	main_cf_clear(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_replaced),
		cmocka_unit_test(bad_values_have_an_error),
		cmocka_unit_test(deep_nesting_is_bounded),
		cmocka_unit_test(the_work_for_one_file_is_bounded),
		cmocka_unit_test(the_last_line_of_a_name_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
