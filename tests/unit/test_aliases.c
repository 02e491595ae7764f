/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/aliases.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* What was told, a line each; and the only file there is. */
struct world {
	struct buf told;
	const char *path, *text;
};

static void tell(void *context, const char *text)
{
	struct world *w = context;

	assert_true(buf_printf(&w->told, "%s\n", text));
}

static bool is_own(void *context, const char *spec)
{
	(void)context;
	return span_equal(addr_domain(span_str(spec)), span_str("localhost"));
}

static bool read_file(void *context, const char *path, struct buf *to, struct err *e)
{
	const struct world *w = context;

	if (!w->path || strcmp(path, w->path) != 0) {
		return err_set(e, CAUSE_CONFIG, "no %s here", path);
	}
	return buf_add_str(to, w->text);
}

static struct alias_env env_of(struct world *w)
{
	buf_init(&w->told, 1 << 20);
	return (struct alias_env){ w, is_own, read_file, tell };
}

/* "me@x, root@localhost": each with "<origin" behind it when `with_origins`. */
static void list_of(const struct addr_list *list, bool with_origins, struct buf *to)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *origin = with_origins ? list->at[i].origin : NULL;
		assert_true(buf_printf(to, "%s%s%s%s", i ? "|" : "", list->at[i].spec,
				       origin ? "<" : "", origin ? origin : ""));
	}
}

/* Expands `in` by the aliases in `file`; what comes out, and what was told, is expected. */
static void expect(const char *file, const char *in, bool with_origins, const char *out,
		   struct world *w, const char *told)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct buf specs BUF_AUTO;
	struct err e = { 0 };
	struct alias_env env = env_of(w);

	addr_list_init(&list);
	buf_init(&specs, 1000);
	struct aliases *a = aliases_parse(span_str(file), "f", &e);
	if (!a) {
		fail_msg("%s", e.text);
	}
	assert_true(addr_list_parse(&list, span_str(in), &e));
	assert_true(aliases_expand(a, &env, &list, &e));
	list_of(&list, with_origins, &specs);
	assert_string_equal(specs.data, out);
	assert_string_equal(w->told.data, told);
	buf_clear(&w->told);
	aliases_free(a);
}

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
		{ "root: a@x,\\\nb@x, \\\r\n # c@x\nd: e@x\\\n", "root, d", "a@x|b@x|e@x" },
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
		expect(rows[i].file, rows[i].in, false, rows[i].out, &(struct world){ 0 }, "");
	}
}

static void names_of_this_machine_are_local(void **state)
{
	static const struct {
		const char *file, *in, *out;
	} rows[] = {
		{ "root: me@x\n", "root@localhost", "me@x<root@localhost" },
		{ "root: me@x\n", "Root@localhost, root", "me@x<Root@localhost" },
		{ "root: me@x\n", "joe@localhost, joe", "joe@localhost|joe" },
		{ "root: joe@localhost\njoe: me@x, root@y\n", "root",
		  "me@x<root|root@y<root" },
		{ "default: me@x\n", "joe@localhost, a@y", "me@x<joe@localhost|a@y" },
		{ "root: \\root, b@x\n", "root@localhost", "root<root@localhost|b@x<root@localhost" },
		{ "a: root@localhost\nroot: root@localhost, c@x\n", "a", "root@localhost<a|c@x<a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].file, rows[i].in, true, rows[i].out, &(struct world){ 0 }, "");
	}
}

static void commands_and_files_get_no_mail_and_are_told(void **state)
{
	static const struct {
		const char *file, *out, *told;
	} rows[] = {
		{ "a: |/bin/x, b@x\n", "b@x",
		  "f:1: a: no mail goes to \"|/bin/x\": this is a command, and none is run\n" },
		{ "a: b@x,\n \"|/bin/x y, z\"\n", "b@x",
		  "f:2: a: no mail goes to \"|/bin/x y, z\": this is a command, and none is run\n" },
		{ "a: /var/mail/x\n", "",
		  "f:1: a: no mail goes to \"/var/mail/x\": this is a file, and mail is not "
		  "written to files\n" },
		{ "a: b, \"/var/x y\"\nb: :fail: no", "",
		  "f:2: b: no mail goes to \":fail: no\": this is not known; the only such word is "
		  ":include:\n"
		  "f:1: a: no mail goes to \"/var/x y\": this is a file, and mail is not written to "
		  "files\n" },
		/* Only of those that are asked for. */
		{ "b: |/bin/x\na: c@x\n", "c@x", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].file, "a", false, rows[i].out, &(struct world){ 0 }, rows[i].told);
	}
}

static void included_files_are_read(void **state)
{
	static const struct {
		const char *file, *text, *out, *told;
	} rows[] = {
		{ "a: :include:/l\n", "b@x\nc@x, D <d@x>,\n\n# e@x\n  f@x # g@x\r\n\th@x", 
		  "b@x|c@x|d@x|f@x|h@x", "" },
		{ "a: \":Include: /l\", z@x\n", "", "z@x", "" },
		{ "a: :include:/l\nb: c@x", "B\n\\b\n\"q r\"@x (s, t)\n", "c@x|b|\"q r\"@x", "" },
		{ "a: :include:/l\n", "a, b@x", "a|b@x", "" },
		{ "a: :include:/l, z@x\n", "b@x\n <>\n|/bin/x\n:include:/l\n/v\ne@x",
		  "b@x|e@x|z@x",
		  "/l:2: a target is empty\n"
		  "/l:3: a: no mail goes to \"|/bin/x\": this is a command, and none is run\n"
		  "/l:4: a: no mail goes to \"/l\": this is a file that an included file "
		  "includes\n"
		  "/l:5: a: no mail goes to \"/v\": this is a file, and mail is not written to "
		  "files\n" },
		{ "c: d\na: b@x,\n :include:/m\n", "", "b@x", "f:3: a: :include:: no /m here\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].file, "a", false, rows[i].out,
		       &(struct world){ .path = "/l", .text = rows[i].text }, rows[i].told);
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
		struct world w = { 0 };
		struct alias_env env = env_of(&w);
		struct aliases *a = aliases_parse(span_str(files[i]), "f", &e);
		addr_list_init(&list);
		assert_non_null(a);
		assert_true(addr_list_add(&list, "a", &e));
		assert_false(aliases_expand(a, &env, &list, &e));
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
		{ "a b: c\n", "f:1: column 3: address \"a b\": " },
		{ "a:\n", "f:1: a: no target" },
		{ "a: , # x\nb: c", "f:1: a: no target" },
		{ "a: b\nc: d,\n e,\n f g\n", "f:4: c: column " },
		{ "a: b\n c\n", "f:1: a: column " },
		{ "a: <>\n", "f:1: a: a target is empty" },
		{ "a: \\ \n", "f:1: a: a target is empty" },
		{ "a: b; c\n", "f:1: a: column " },
		{ "a: \"b\n", "f:1: a: column " },
		{ "a: b,\n :Include:x\n", "f:2: a: :include: needs the whole path of a file" },
		{ "a: :include:\n", "f:1: a: :include: needs the whole path of a file" },
		{ "a: b\\\nc: d\n", "f:1: a: column " },
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
		struct world w = { 0 };
		struct alias_env env = env_of(&w);
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
		assert_int_equal(aliases_expand(a, &env, &list, &e), depth == 99);
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
	struct world w = { 0 };
	struct alias_env env = env_of(&w);

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
	assert_true(aliases_expand(a, &env, &list, &e));
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
	assert_true(aliases_expand(NULL, NULL, &list, &e));
	assert_int_equal(list.count, 3);
	assert_int_equal(list.at[1].where.size, 3);
	assert_string_equal(list.at[2].spec, "");
}

static void the_check_tells_everything(void **state)
{
	static const struct {
		const char *file;
		size_t count, problems;
		const char *told;
	} rows[] = {
		{ "a: b, c@x\nb: \\b\nd: d, e@x\n", 3, 0, "" },
		{ "", 0, 0, "" },
		{ "a: <>,\n d@x\n\n e: f\na@x: i\nj: k@x\nl:\nm: n@x\nM: o@x\nm: p@x\nq: :include:r\n t: u\n"
		  "# v: \nw x",
		  2, 7,
		  "f:1: a: a target is empty\n"
		  "f:5: a@x: only names without \"@\" have aliases\n"
		  "f:7: l: no target\n"
		  "f:11: q: :include: needs the whole path of a file\n"
		  "f:14: no \":\" behind the name\n"
		  "f:9: M: this alias is in line 8 already\n"
		  "f:10: m: this alias is in line 8 already\n" },
		{ "a: b\nb: c, |/bin/x\nc: a\nd: a, /f\ne: :include:/l\n", 5, 5,
		  "f:1: a leads back to itself, through c\n"
		  "f:2: b: no mail goes to \"|/bin/x\": this is a command, and none is run\n"
		  "f:4: d: no mail goes to \"/f\": this is a file, and mail is not written to files\n"
		  "/l:2: e: no mail goes to \"|no\": this is a command, and none is run\n"
		  "/l:3: e: no mail goes to \"/no\": this is a file, and mail is not written to files\n" },
		{ "a: b\nb: :include:/l\n", 2, 3, NULL },
		{ "a: :include:/m\n", 1, 1, "f:1: a: :include:: no /m here\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { .path = "/l", .text = "a\n|no\n/no\n" };
		struct alias_env env = env_of(&w);
		size_t count = 99;
		size_t problems = aliases_check(span_str(rows[i].file), "f", &env, &count);
		if (rows[i].told) {
			assert_string_equal(w.told.data, rows[i].told);
		}
		assert_int_equal(problems, rows[i].problems);
		assert_int_equal(count, rows[i].count);
		buf_clear(&w.told);
	}
}

/* Longer than any way that mail goes; and far longer than the stack is deep. */
static void the_check_is_bounded(void **state)
{
	static const unsigned lengths[] = { 100, 101, 30000 };

	(void)state;
	for (size_t i = 0; i < COUNT(lengths); i++) {
		struct buf file BUF_AUTO;
		struct world w = { 0 };
		struct alias_env env = env_of(&w);
		size_t count;
		buf_init(&file, 1 << 20);
		for (unsigned k = 0; k < lengths[i]; k++) {
			assert_true(buf_printf(&file, "a%05u: a%05u, a%05u\n", k, k + 1, k + 1));
		}
		size_t problems = aliases_check(buf_span(&file), "f", &env, &count);
		assert_int_equal(count, lengths[i]);
		assert_int_equal(problems > 0, i > 0);
		buf_clear(&w.told);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(local_names_become_their_targets),
		cmocka_unit_test(names_of_this_machine_are_local),
		cmocka_unit_test(commands_and_files_get_no_mail_and_are_told),
		cmocka_unit_test(included_files_are_read),
		cmocka_unit_test(the_check_tells_everything),
		cmocka_unit_test(the_check_is_bounded),
		cmocka_unit_test(a_loop_is_an_error),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(big_files_and_lists_are_fast),
		cmocka_unit_test(without_aliases_only_duplicates_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
