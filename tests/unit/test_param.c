/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/param.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void parameters_are_found(void **state)
{
	static const struct {
		const char *field, *want;	/* of the parameter "b" */
	} rows[] = {
		{ "text/plain; b=c", "c" },
		{ "text/plain;b=c;a=d", "c" },
		{ " text/plain ; a = d ; B = c ", "c" },
		{ "x; b=\"c d\"", "c d" },
		{ "x; b=\"c\\\"d\\\\\"", "c\"d\\" },
		{ "x; b=\"c;b=d\"; b=e", "c;b=d" },
		{ "x;\r\n\tb=\"c\r\n d\"", "c d" },
		{ "x; b=c (comment)", "c" },
		{ "x; b=c(no comment)", "c(no comment)" },
		{ "x; b=c d", "c d" },
		{ "x; b=", "" },
		{ "x; b=\"\"", "" },
		{ "x; b=c=d", "c=d" },
		{ "x; a=\"b=c\"; b=d", "d" },
		/* Quotes that are never closed. */
		{ "x; b=\"c; d", "c; d" },
		{ "x; b=\"c\\", "c\\" },
		{ "", NULL }, { "x", NULL }, { "b=c", NULL }, { "x; b", NULL }, { "x; ab=c", NULL },
		{ "x; =c", NULL }, { "x;;;", NULL }, { "x; b*=c", NULL }, { "x; b\xff=c", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf value;
		buf_init(&value, 100);
		bool found = param_find(span_str(rows[i].field), "b", &value);
		assert_int_equal(found, rows[i].want != NULL);
		assert_string_equal(value.data, rows[i].want ? rows[i].want : "");
		for (size_t max = 0; max < value.size; max++) {
			BUF_AUTO struct buf small;
			buf_init(&small, max);
			assert_false(param_find(span_str(rows[i].field), "b", &small));
		}
	}
}

/* All bytes come out again, in their order. */
static void nothing_is_lost(void **state)
{
	static const char *const rows[] = { "a/b", "a/b;", "a/b; c=d; e; \"f;g\"; h=\"i;j\" k;;=", ";" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		BUF_AUTO struct buf all;
		struct span rest, first = param_first(span_str(rows[i]), &rest);
		struct param p;
		buf_init(&all, 100);
		assert_true(buf_add_span(&all, first));
		while (param_next(&rest, &p)) {
			assert_true(buf_add_str(&all, ";") && buf_add_span(&all, p.whole));
		}
		assert_string_equal(all.data, rows[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_are_found),
		cmocka_unit_test(nothing_is_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
