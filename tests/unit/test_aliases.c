/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/aliases.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/*
 * What was told, a line each, with its kind in front: "!" a mistake, "-" refused, "0" thrown
 * away; and the files there are.
 */
struct world {
	struct buf told;
	const char *path, *text;
	const char *path2, *text2;
	char recipient[40];	/* of the last that was told */
};

static void tell(void *context, enum alias_trouble trouble, const char *recipient,
		 const char *text)
{
	static const char marks[] = {
		[ALIAS_MISTAKE] = '!', [ALIAS_REFUSED] = '-', [ALIAS_DISCARDED] = '0',
	};
	struct world *w = context;

	snprintf(w->recipient, sizeof(w->recipient), "%s", recipient ? recipient : "");
	assert_true(buf_printf(&w->told, "%c%s\n", marks[trouble], text));
}

static bool is_own(void *context, const char *spec)
{
	(void)context;
	return span_equal(addr_domain(span_str(spec)), span_str("localhost"));
}

static bool read_file(void *context, const char *path, struct buf *to, struct err *e)
{
	const struct world *w = context;

	if (w->path && strcmp(path, w->path) == 0) {
		return buf_add_str(to, w->text);
	}
	if (w->path2 && strcmp(path, w->path2) == 0) {
		return buf_add_str(to, w->text2);
	}
	return err_set(e, CAUSE_CONFIG, "no %s here", path);
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

/*
 * Expands `in` by the aliases in `file`; what comes out is expected, and what was told, or
 * NULL: anything.
 */
static void expect(const char *file, const char *in, bool with_origins, const char *out,
		   struct world *w, const char *told)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct buf specs BUF_AUTO;
	struct err e = { 0 };
	struct alias_env env = env_of(w);

	addr_list_init(&list);
	buf_init(&specs, 1000);
	struct aliases *a = aliases_parse(span_str(file), "f", &env);
	assert_true(addr_list_parse(&list, span_str(in), &e));
	assert_true(aliases_expand(a, &env, &list, &e));
	list_of(&list, with_origins, &specs);
	assert_string_equal(specs.data, out);
	if (told) {
		assert_string_equal(w->told.data, told);
	}
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
		/* As files in the wild have it. */
		{ "\xef\xbb\xbfroot: me@x\n", "root", "me@x" },
		{ "owner-list: me@x\nlist: a@x\nlist-request: \"owner-list\"\n",
		  "list, owner-list, list-request", "a@x|me@x" },
		{ "www-data:\troot\n_apt :root\nsystemd+x: root\n50mm: root\nroot:\n  me@x",
		  "www-data, _apt, systemd+x, 50mm", "me@x" },
		{ "root : me@x\n\"a.b\": root\nMAILER-DAEMON: postmaster\npostmaster: root\n",
		  "a.b, mailer-daemon", "me@x" },
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
#define INSTEAD "; put an address in its place\n"
#define EMPTY ": nobody is in what it includes; write an address there\n"
	static const struct {
		const char *file, *out, *told;
	} rows[] = {
		{ "a: |/bin/x, b@x\n", "b@x",
		  "-f:1: a: no mail goes to \"|/bin/x\": this is a command, and none is run" INSTEAD },
		{ "a: b@x,\n \"|/bin/x y, z\"\n", "b@x",
		  "-f:2: a: no mail goes to \"|/bin/x y, z\": this is a command, and none is run"
		  INSTEAD },
		{ "a: |\"/bin/x y, z\", b@x\n", "b@x",
		  "-f:1: a: no mail goes to \"|\"/bin/x y, z\"\": this is a command, and none is run"
		  INSTEAD },
		{ "a: /var/mail/x\n", "",
		  "-f:1: a: no mail goes to \"/var/mail/x\": this is a file, and mail is not "
		  "written to files" INSTEAD },
		{ "a: b, \"/var/x y\"\nb: :fail: no", "",
		  "-f:2: b: no mail goes to \":fail: no\": this is not known here; there are "
		  ":include: and :blackhole:" INSTEAD
		  "-f:1: a: no mail goes to \"/var/x y\": this is a file, and mail is not written to "
		  "files" INSTEAD },
		/* What is thrown away on purpose. */
		{ "a: /dev/null\n", "", "0f:1: a: thrown away by \"/dev/null\"\n" },
		{ "a: \"/dev/null\", b@x\n", "b@x", "0f:1: a: thrown away by \"/dev/null\"\n" },
		{ "a: :BlackHole:\n", "", "0f:1: a: thrown away by \":BlackHole:\"\n" },
		{ "a: :blackhole: we do not want it\n", "",
		  "0f:1: a: thrown away by \":blackhole: we do not want it\"\n" },
		{ "a: /dev/nullo\n", "",
		  "-f:1: a: no mail goes to \"/dev/nullo\": this is a file, and mail is not "
		  "written to files" INSTEAD },
		/* Only of those that are asked for. */
		{ "b: |/bin/x\na: c@x\n", "c@x", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { 0 };
		expect(rows[i].file, "a", false, rows[i].out, &w, rows[i].told);
		if (rows[i].told[0]) {
			assert_string_equal(w.recipient, "a");
		}
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
		/* A line that cannot be used costs its own reader the mail. */
		{ "a: :include:/l, z@x\n", "b@x\n <>\n|/bin/x\n/v\ne@x", "b@x|e@x|z@x",
		  "-/l:2: a target is empty; write an address, or /dev/null\n"
		  "-/l:3: a: no mail goes to \"|/bin/x\": this is a command, and none is run" INSTEAD
		  "-/l:4: a: no mail goes to \"/v\": this is a file, and mail is not written to "
		  "files" INSTEAD },
		{ "c: d\na: b@x,\n :include:/m\n", "", "b@x", "-f:3: a: :include:: no /m here\n" },
		/* A file that includes another, itself, or is included twice. */
		{ "a: :include:/l\n", "b@x\n:include:/k\n c@x\n", "b@x|k@x|c@x", "" },
		{ "a: :include:/l, :include:/l\n", ":include:/l\nb@x\n", "b@x", "" },
		{ "a: :include:/l, b\nb: :include:/k\n", ":include:/k\n", "k@x", "" },
		{ "a: :include:/l\n", ":include:/m\nb@x\n", "b@x",
		  "-/l:1: a: :include:: no /m here\n" },
		/* What gives nobody at all is no way to lose mail without a word. */
		{ "a: :include:/l\n", "", "", "-f:1: a: no mail goes to it" EMPTY },
		{ "a: b, :include:/l\nb: :include:/l", "# c@x\n", "",
		  "-f:2: b: no mail goes to it" EMPTY },
		{ "a: :include:/l\n", ":include:/l\n", "", "-f:1: a: no mail goes to it" EMPTY },
		{ "a: :include:/l\n", "|/x\n", "",
		  "-/l:1: a: no mail goes to \"|/x\": this is a command, and none is run" INSTEAD },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].file, "a", false, rows[i].out,
		       &(struct world){ .path = "/l", .text = rows[i].text,
					.path2 = "/k", .text2 = "k@x\n:include:/l\n" },
		       rows[i].told);
	}
}

/* The mail of what leads nowhere goes where that of a name without an alias goes. */
static void a_loop_is_told_and_loses_nothing(void **state)
{
	static const struct {
		const char *file, *out, *told;
	} rows[] = {
		{ "a: b\nb: a\n", "a", "!f:1: a leads back to itself, through b; take one of them out\n" },
		{ "a: b\nb: c@x, a\n", "c@x|a",
		  "!f:1: a leads back to itself, through b; take one of them out\n" },
		{ "a: b\nb: c\nc: d@x, A\n", "d@x|a",
		  "!f:1: a leads back to itself, through c; take one of them out\n" },
		{ "default: d@x\na: b\nb: a\n", "d@x",
		  "!f:2: a leads back to itself, through b; take one of them out\n" },
		{ "default: b\nb: nobody\n", "a",
		  "!f:1: default leads back to itself, through b; take one of them out\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].file, "a", false, rows[i].out, &(struct world){ 0 }, rows[i].told);
	}
}

/* Parses a file; what was told is expected, or its beginning. */
static void expect_told(struct span file, size_t aliases, const char *told)
{
	struct world w = { 0 };
	struct alias_env env = env_of(&w);
	struct aliases *a = aliases_parse(file, "f", &env);

	if (strncmp(w.told.data, told, strlen(told)) != 0) {
		fail_msg("%.*s\n%s\n%s", SPAN_ARG(file), w.told.data, told);
	}
	assert_int_equal(aliases_count(a), aliases);
	buf_clear(&w.told);
	aliases_free(a);
}

/* Around each of them stand two aliases that are right. */
static void mistakes_are_named_with_their_line_and_stop_nothing_else(void **state)
{
	static const struct {
		const char *file;
		bool has_name;	/* the alias is there, and its mail goes on as without it */
		const char *error;
	} rows[] = {
		{ "c d\n", false, "!f:2: no \":\" behind the name; write NAME: ADDRESS\n" },
		{ ": b\n", false, "!f:2: no name before the \":\"; write NAME: ADDRESS\n" },
		{ "a@x: b\n", false, "!f:2: a@x: only local names have aliases; leave out \"@\"" },
		{ "a b: c\n", false, "!f:2: column 3: address \"a b\": a second word" },
		{ "a:\n", true, "!f:2: a: no target; write an address, or /dev/null" },
		{ "a: , # x\n", true, "!f:2: a: no target; " },
		{ "a: d,\n e,\n f g\n", true, "!f:4: a: column 4: address \"f g\": a second word" },
		{ "a: b\n c\n", true, "!f:3: a: column 2: address \"b c\": a second word" },
		{ "a: \xc3\xa9, # x@\n  # @\n \xc3\xa9 <c,\td\n", true,
		  "!f:4: a: column 4: address \"\xc3\xa9 <c\": no" },
		{ "a: \"b,\n c\" <d\n", true, "!f:3: a: column 5: address \"\"b, c\" <d\": no" },
		{ "a: \\b c, d\n", true, "!f:2: a: column 7: address \"b c\": a second word" },
		{ "a: <>\n", true, "!f:2: a: a target is empty; write an address, or /dev/null\n" },
		{ "a: \\ \n", true, "!f:2: a: a target is empty; " },
		{ "a: b; c\n", true, "!f:2: a: column 5: address \"b; c\": \";\" does not separate" },
		{ "a: \"b\n", true, "!f:2: a: column 4: address \"\"b\": the quoted text" },
		{ "a: b (c\n", true, "!f:2: a: " },
		{ "a: b,\n :Include:x\n", true,
		  "!f:3: a: :include: needs the whole path of a file, from \"/\" on\n" },
		{ "a: :include:\n", true, "!f:2: a: :include: needs the whole path of a file" },
		{ "a: b\\\nc: d\n", true, "!f:3: a: column 2: address \"bc: d\": " },
		{ "First: e\n", false, "!f:2: First: this alias is in line 1 already, and that one "
		  "counts; join them\n" },
		{ "default: b\nDefault: c\n", true,
		  "!f:3: Default: this alias is in line 2 already, and that one counts; join them\n" },
		{ "a: b\rc\n", true, "!f:2: a: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char file[200];
		snprintf(file, sizeof(file), "first: one@x\n%slast: two@x\n", rows[i].file);
		expect_told(span_str(file), 2 + rows[i].has_name, rows[i].error);
		expect(file, "first, last", false, "one@x|two@x", &(struct world){ 0 }, NULL);
	}
	expect_told(span_str(" a: b\nlast: two@x\n"), 1,
		    "!f:1: a blank at the start continues the alias before, and there is none; "
		    "take it out\n");
	expect_told(span_of("a: b\0c\nlast: d", 15), 2, "!f:1: a: ");
	expect_told(span_of("a\0: b\nlast: d", 14), 1, "!f:1: ");
}

static void mail_of_a_mistake_goes_as_without_an_alias(void **state)
{
	static const struct {
		const char *file, *in, *out;
	} rows[] = {
		{ "a: <\n", "a", "a" },
		{ "a: <\n", "a@localhost", "a" },
		{ "a:\ndefault: d@x\n", "a", "d@x" },
		{ "a: b@x, <, c@x\n", "a", "b@x|a|c@x" },
		{ "a: b@x, <, c@x\ndefault: d@x\n", "a, z", "b@x|d@x|c@x" },
		{ "r: a\na: <\n", "r", "a" },
		{ "default: <\n", "a, b@localhost", "a|b@localhost" },
		{ "default: <, d@x\n", "a, b", "d@x" },
		{ "default: c, d@x\nc: default\n", "a, b@localhost", "a|d@x|b@localhost" },
		{ "default: c\nc: default\n", "a, c, b@localhost", "a|b@localhost" },
		{ "a b c\n", "a", "a" },
		{ "a: b@x\na: c@x\n", "a", "b@x" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect(rows[i].file, rows[i].in, false, rows[i].out, &(struct world){ 0 }, NULL);
	}
}

/* No text is too long for a line of its own, nor for what stands behind it. */
static void long_names_and_targets_are_mistakes(void **state)
{
	struct buf file BUF_AUTO;

	(void)state;
	buf_init(&file, 100000);
	assert_true(buf_add_str(&file, "a: b@x, "));
	for (int i = 0; i < 10000; i++) {
		assert_true(buf_add_byte(&file, 'x'));
	}
	assert_true(buf_add_str(&file, ", c@x\n"));
	for (int i = 0; i < 10000; i++) {
		assert_true(buf_add_byte(&file, 'y'));
	}
	assert_true(buf_add_str(&file, ": d@x\nlast: e@x\n"));
	expect_told(buf_span(&file), 2, "!f:1: a: a target is too long\n!f:2: a name is too long\n");
	expect(file.data, "a, last", false, "b@x|a|c@x|e@x", &(struct world){ 0 }, NULL);
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
		struct aliases *a = aliases_parse(buf_span(&file), "f", &env);
		assert_int_equal(aliases_count(a), depth + 1);
		addr_list_init(&list);
		assert_true(addr_list_add(&list, "a0", &e));
		assert_true(aliases_expand(a, &env, &list, &e));
		assert_int_equal(list.count, 1);
		assert_string_equal(list.at[0].spec, "a100");
		assert_int_equal(w.told.size > 0, depth > 99);
		assert_true(depth == 99 || strncmp(w.told.data, "!f:101: a100: more aliases", 26) == 0);
		buf_clear(&w.told);
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
	struct aliases *a = aliases_parse(buf_span(&file), "f", &env);
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
		struct alias_report report;
		const char *told;
	} rows[] = {
		{ "a: b, c@x\nb: \\b\nd: d, e@x\n", { 3, 0, 0 }, "" },
		{ "", { 0, 0, 0 }, "" },
		{ "a: /dev/null\n", { 1, 0, 0 }, NULL },
		{ "a: <>,\n d@x\n\n e: f\na@x: i\nj: k@x\nl:\nm: n@x\nM: o@x\nm: p@x\nq: :include:r\n t: u\n"
		  "# v: \nw x",
		  { 5, 8, 0 },
		  "!f:1: a: a target is empty; write an address, or /dev/null\n" },
		{ "a: b\nb: c, |/bin/x\nc: a\nd: a, /f\ne: :include:/l\n", { 5, 1, 4 },
		  "!f:1: a leads back to itself, through c; take one of them out\n"
		  "-f:2: b: no mail goes to \"|/bin/x\": this is a command, and none is run" INSTEAD
		  "-f:4: d: no mail goes to \"/f\": this is a file, and mail is not written to files" INSTEAD
		  "-/l:2: e: no mail goes to \"|no\": this is a command, and none is run" INSTEAD
		  "-/l:3: e: no mail goes to \"/no\": this is a file, and mail is not written to files" INSTEAD },
		{ "a: b\nb: :include:/l\n", { 2, 1, 2 }, NULL },
		{ "a: :include:/m\n", { 1, 0, 1 }, "-f:1: a: :include:: no /m here\n" },
		{ "a: :include:/k, b@x\n", { 1, 0, 1 }, "-f:1: a: nobody is in /k; write an address there\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { .path = "/l", .text = "a\n|no\n/no\n",
				   .path2 = "/k", .text2 = "# c@x\n" };
		struct alias_env env = env_of(&w);
		struct alias_report r = aliases_check(span_str(rows[i].file), "f", &env);
		if (rows[i].told && strncmp(w.told.data, rows[i].told, strlen(rows[i].told)) != 0) {
			fail_msg("%s", w.told.data);
		}
		assert_int_equal(r.aliases, rows[i].report.aliases);
		assert_int_equal(r.mistakes, rows[i].report.mistakes);
		assert_int_equal(r.refused, rows[i].report.refused);
		assert_string_equal(w.recipient, "");
		buf_clear(&w.told);
	}
}

/* Mail gets out of a ring of files; but whoever wrote it meant something else. */
static void the_check_tells_rings_of_files(void **state)
{
#define RING " leads back to itself; take it out"
	static const struct {
		const char *file, *text, *text2;
		size_t mistakes;
		const char *told;
	} rows[] = {
		{ "a: :include:/l\n", ":include:/l\n", "", 1,
		  "!/l:1: a: \":include:/l\"" RING "\n" },
		{ "a: :include:/l\n", "# 1\nb@x\n:include:/k\n", "c@x\n:include:/l\n", 1,
		  "!/k:2: a: \":include:/l\"" RING "\n" },
		{ "a: :include:/l\n", "b@x\nA, c@x\n", "", 1,
		  "!/l:2: a: \"A\"" RING ", or write \"\\a\" for the local name\n" },
		{ "a: :include:/l\n", ":include:/k\n", "a@localhost\n", 1,
		  "!/k:1: a: \"a@localhost\"" RING ", or write \"\\a\" for the local name\n" },
		{ "a: :include:/l\nb: :include:/l\n", "b\n", "", 1,
		  "!f:2: b: \":include:/l\"" RING "\n" },
		/* Twice is no ring; nor is what another file says again. */
		{ "a: :include:/l, :include:/l, :include:/k\nb: :include:/k\n", "b@x\n:include:/k\n",
		  "c@x\n\\a\n", 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct world w = { .path = "/l", .text = rows[i].text,
				   .path2 = "/k", .text2 = rows[i].text2 };
		struct alias_env env = env_of(&w);
		struct alias_report r = aliases_check(span_str(rows[i].file), "f", &env);
		assert_string_equal(w.told.data, rows[i].told);
		assert_int_equal(r.mistakes, rows[i].mistakes);
		assert_int_equal(r.refused, 0);
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
		buf_init(&file, 1 << 20);
		for (unsigned k = 0; k < lengths[i]; k++) {
			assert_true(buf_printf(&file, "a%05u: a%05u, a%05u\n", k, k + 1, k + 1));
		}
		struct alias_report r = aliases_check(buf_span(&file), "f", &env);
		assert_int_equal(r.aliases, lengths[i]);
		assert_int_equal(r.mistakes > 0, i > 0);
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
		cmocka_unit_test(the_check_tells_rings_of_files),
		cmocka_unit_test(the_check_is_bounded),
		cmocka_unit_test(a_loop_is_told_and_loses_nothing),
		cmocka_unit_test(mistakes_are_named_with_their_line_and_stop_nothing_else),
		cmocka_unit_test(mail_of_a_mistake_goes_as_without_an_alias),
		cmocka_unit_test(long_names_and_targets_are_mistakes),
		cmocka_unit_test(expansion_is_bounded),
		cmocka_unit_test(big_files_and_lists_are_fast),
		cmocka_unit_test(without_aliases_only_duplicates_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
