/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/aliases.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void local_names_become_their_targets(void **state)
{
	static const struct {
		const char *file, *in, *out;
	} rows[] = {
		{ "", "root, a@x", "root|a@x" },
		{ "root: me@x\n", "root", "me@x" },
		{ "root: me@x", "ROOT, root@h, other", "me@x|root@h|other" },
		{ "Root : me@x\r\nb:c@x\r\n", "root, B", "me@x|c@x" },
		{ "root: a@x, \"b c\"@x,, D <d@x>\n", "root", "a@x|\"b c\"@x|d@x" },
		/* Lines that go on. */
		{ "root: a@x,\n b@x\nc: d@x", "root, c", "a@x|b@x|d@x" },
		{ "root:\n\ta@x\n\n# no\n  # no\n \n , b@x\n", "root", "a@x|b@x" },
		{ "root: a@x,\r\n b@x\r\n", "root", "a@x|b@x" },
		/* Comments and quotes. */
		{ "# root: no@x\n  # too\n\nroot: a@x # b@x\nc: d#e@x\n", "root, c",
		  "a@x|d#e@x" },
		{ "\"a b\": c@x\nd: \"e,#f: \"@x (g, h)\n", "\"a b\", d",
		  "c@x|\"e,#f: \"@x" },
		{ "a: \"b\\\"\"@x, c@x", "a", "\"b\\\"\"@x|c@x" },
		/* Aliases of aliases. */
		{ "a: b\nb: c, d@x\nc: e@x\n", "a", "e@x|d@x" },
		{ "a: b\nB: c@x\n", "a, b", "c@x" },
		{ "a: x@y, X@y, x@Y, b\nb: x@y\n", "a, x@y, z", "x@y|X@y|z" },
		/* A name that is its own target is the local name. */
		{ "root: root, me@x\n", "root", "root|me@x" },
		{ "root: \\root, me@x\na: \\root\n", "a", "root" },
		{ "root: \\root, me@x\n", "root", "root|me@x" },
		/* default */
		{ "default: me@x\nroot: r@x\n", "root, joe, jim, a@b", "r@x|me@x|a@b" },
		{ "DEFAULT: admin\nadmin: me@x\n", "joe", "me@x" },
		{ "default: admin\n", "joe, jim", "admin" },
		{ "root: joe\ndefault: me@x\n", "root", "me@x" },
		{ "root: \\joe\ndefault: me@x\n", "root", "joe" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct buf specs BUF_AUTO;
		struct err e = { 0 };
		addr_list_init(&list);
		buf_init(&specs, 1000);
		struct aliases *a = aliases_parse(span_str(rows[i].file), "aliases", &e);
		if (!a) {
			fail_msg("%s", e.text);
		}
		assert_true(addr_list_parse(&list, span_str(rows[i].in), &e));
		assert_true(aliases_expand(a, &list, &e));
		for (size_t k = 0; k < list.count; k++) {
			assert_true(buf_printf(&specs, "%s%s", k ? "|" : "",
					       list.at[k].spec));
		}
		assert_string_equal(specs.data, rows[i].out);
		aliases_free(a);
	}
}

static void a_loop_is_an_error(void **state)
{
	static const char *const files[] = {
		"a: b\nb: a\n", "a: b\nb: c@x, a\n", "a: b\nb: c\nc: d@x, A\n",
		"default: admin\nadmin: nobody\na: b\nb: a\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(files); i++) {
		struct err e = { 0 };
		struct addr_list list;
		struct aliases *a = aliases_parse(span_str(files[i]), "f", &e);
		addr_list_init(&list);
		assert_non_null(a);
		assert_true(addr_list_add(&list, "a", &e));
		assert_false(aliases_expand(a, &list, &e));
		assert_int_equal(e.cause, CAUSE_CONFIG);
		assert_non_null(strstr(e.text, "leads back to itself"));
		addr_list_clear(&list);
		aliases_free(a);
	}
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const struct {
		const char *file, *error;
	} rows[] = {
		{ "a: b\nc: d\n\nA: e\n", "f:4: A: this alias is in line 1 already" },
		{ "default: b\nDefault: c\n",
		  "f:2: Default: this alias is in line 1 already" },
		{ "a: b\n\nc d\n", "f:3: no \":\" behind the name" },
		{ " a: b\n", "f:1: this line continues nothing" },
		{ ": b\n", "f:1: no name before the \":\"" },
		{ "a@x: b\n", "f:1: a@x: only names without \"@\" have aliases" },
		{ "a b: c\n", "f:1: address \"a b\": two words" },
		{ "a:\n", "f:1: a: no target" },
		{ "a: , # x\nb: c", "f:1: a: no target" },
		{ "a: b\nc: d,\n e,\n f g\n", "f:4: c: address \"f g\": two words" },
		{ "a: b\n c\n", "f:1: a: address \"b c\": two words" },
		{ "a: <>\n", "f:1: a: a target is empty" },
		{ "a: \\\n", "f:1: a: a target is empty" },
		{ "a: b; c\n", "f:1: a: address \"b; c\": \";\" does not separate" },
		{ "a: \"b\n", "f:1: a: address \"\"b\": no closing quote" },
		{ "a: |/bin/x\n",
		  "f:1: a: commands, files and :include: are not supported" },
		{ "a: b,\n \"|/bin/x y, z\"\n", "f:2: a: commands, files" },
		{ "a: /var/mail/x\n", "f:1: a: commands, files" },
		{ "a: \"/var/x y\"\n", "f:1: a: commands, files" },
		{ "a: :Include:/etc/x\n", "f:1: a: commands, files" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = { 0 };
		struct aliases *a = aliases_parse(span_str(rows[i].file), "f", &e);
		if (a) {
			fail_msg("accepted: %s", rows[i].file);
		}
		assert_int_equal(e.cause, CAUSE_CONFIG);
		if (strncmp(e.text, rows[i].error, strlen(rows[i].error)) != 0) {
			fail_msg("%s: %s", rows[i].file, e.text);
		}
	}
	struct err e;
	assert_null(aliases_parse(span_of("a: b\0c", 6), "f", &e));
	assert_null(aliases_parse(span_of("a\0: b", 5), "f", &e));
	assert_null(aliases_parse(span_of("a: b\rc", 6), "f", &e));
}

/* Each alias names the next one twice: 2^n addresses, if each were looked up again. */
static void expansion_is_bounded(void **state)
{
	(void)state;
	for (unsigned depth = 99; depth <= 100; depth++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct buf file BUF_AUTO;
		struct err e = { 0 };
		buf_init(&file, 10000);
		for (unsigned i = 0; i <= depth; i++) {
			assert_true(buf_printf(&file, "a%u: a%u, a%u\n", i, i + 1,
					       i + 1));
		}
		struct aliases *a = aliases_parse(buf_span(&file), "f", &e);
		assert_non_null(a);
		assert_int_equal(aliases_count(a), depth + 1);
		addr_list_init(&list);
		assert_true(addr_list_add(&list, "a0", &e));
		assert_int_equal(aliases_expand(a, &list, &e), depth == 99);
		if (depth == 99) {
			assert_int_equal(list.count, 1);
			assert_string_equal(list.at[0].spec, "a100");
		} else {
			assert_int_equal(e.cause, CAUSE_CONFIG);
		}
		aliases_free(a);
	}
}

static void big_files_and_lists_are_fast(void **state)
{
	enum { COUNT_MAX = 50000 };
	struct addr_list list ADDR_LIST_AUTO;
	struct buf file BUF_AUTO;
	struct err e = { 0 };

	(void)state;
	addr_list_init(&list);
	buf_init(&file, 1 << 20);
	for (unsigned i = 0; i < COUNT_MAX; i++) {
		char name[20];
		assert_true(buf_printf(&file, "n%u:t%u@x\n", i, i));
		snprintf(name, sizeof(name), "N%u", i);
		assert_true(addr_list_add(&list, name, &e));
	}
	struct aliases *a = aliases_parse(buf_span(&file), "f", &e);
	assert_non_null(a);
	assert_true(aliases_expand(a, &list, &e));
	assert_int_equal(list.count, COUNT_MAX);
	assert_string_equal(list.at[COUNT_MAX - 1].spec, "t49999@x");
	aliases_free(a);
}

static void without_aliases_only_duplicates_go(void **state)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct err e;

	(void)state;
	addr_list_init(&list);
	assert_true(addr_list_parse(&list, span_str("root, a@x, root, a@X, <>"), &e));
	assert_true(aliases_expand(NULL, &list, &e));
	assert_int_equal(list.count, 3);
	assert_int_equal(list.at[1].where.size, 3);
	assert_string_equal(list.at[2].spec, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_names_become_their_targets),
		cmocka_unit_test(a_loop_is_an_error),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(big_files_and_lists_are_fast),
		cmocka_unit_test(without_aliases_only_duplicates_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
