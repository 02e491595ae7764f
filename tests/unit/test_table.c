/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

#include "import/table.h"

static const struct file files[] = {
	{ "/a", "# c\nKey  value one \nkey second\n[h]:587\n  user:pa:ss\n\"two words\" v\nalone\n"
		"@example.org at\nme@example.org me\n" },
	{ "/b", "key other\nonly here\n" },
	{ "/re", "/^a.*$/ x\nif /b/\n!/c/ y\n/d\\/e/i  z z\n" },
	{ "/closed", NULL },
	{ NULL, NULL },
};

static void read_list(struct table *t, struct import *im, const char *list, bool patterns)
{
	union {
		const struct file *files;
		void *context;
	} u = { .files = files };
	const struct import_env env = { .context = u.context, .read = unit_read };

	import_init(im);
	table_read(t, im, &env, span_str(list), (struct import_place){ "main.cf", 7 }, "x_maps",
		   patterns);
}

static void keys_have_values(void **state)
{
	static const struct {
		const char *list, *key, *value;
	} rows[] = {
		{ "hash:/a", "KEY", "value one" },
		{ "hash:/a", "[h]:587", "user:pa:ss" },
		{ "hash:/a", "two words", "v" },
		{ "hash:/a", "alone", NULL },
		{ "proxy:btree:/b, lmdb:/a", "key", "other" },
		{ "proxy:btree:/b, lmdb:/a", "[h]:587", "user:pa:ss" },
		{ "/b", "only", "here" },
		{ "texthash:/b static:{all of it}", "nothing", "all of it" },
		{ "static:{all of it} texthash:/b", "only", "all of it" },
		{ "inline:{a=1,{b = 2 3} c=}", "b", "2 3" },
		{ "inline:{a=1,{b = 2 3} c=}", "A", "1" },
		{ "{inline:{ {[h]:25 = u:p} }}", "[h]:25", "u:p" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct table t;
		struct import im;
		read_list(&t, &im, rows[i].list, false);
		const struct table_entry *entry = table_find(&t, span_str(rows[i].key));
		if (!entry != !rows[i].value ||
		    (entry && !span_equal(entry->value, span_str(rows[i].value)))) {
			fail_msg("%s: %s: %.*s", rows[i].list, rows[i].key,
				 entry ? (int)entry->value.size : 0, entry ? entry->value.data : "");
		}
		table_clear(&t);
		import_clear(&im);
	}
}

static void addresses_are_found_by_domain_too(void **state)
{
	static const struct {
		const char *address, *value;
	} rows[] = {
		{ "me@example.org", "me" }, { "ME+x@Example.org", "me" },
		{ "you@example.org", "at" }, { "me@example.com", NULL }, { "me", NULL },
	};
	struct table t;
	struct import im;

	(void)state;
	read_list(&t, &im, "hash:/a", false);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct table_entry *entry =
			table_find_address(&t, span_str(rows[i].address));
		assert_true(!entry == !rows[i].value);
		assert_true(!entry || span_equal(entry->value, span_str(rows[i].value)));
	}
	table_clear(&t);
	import_clear(&im);
}

static void what_cannot_be_read_is_told(void **state)
{
	static const struct {
		const char *list, *note;
		bool patterns;
	} rows[] = {
		{ "ldap:/etc/x", "main.cf:7: x_maps: not carried over: ldap: relay has no such tables",
		  false },
		{ "regexp:/re",
		  "main.cf:7: x_maps: not carried over: regexp: relay has no such tables", false },
		{ "hash:/closed", "main.cf:7: x_maps: not carried over: /closed: Permission denied",
		  false },
		/* Not the word itself, which can be the rest of a password. */
		{ "word", "main.cf:7: x_maps: not carried over: a table without its type "
			  "(type:name is wanted)", false },
		{ "pcre:/re", "/re:2: x_maps: not carried over: a line that is not /pattern/ and a "
			      "result", true },
		{ "hash:/a", "/a:7: x_maps: not carried over: a line without a value, which Postfix "
			     "passes over", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct table t;
		struct import im;
		struct buf line;
		read_list(&t, &im, rows[i].list, rows[i].patterns);
		buf_init(&line, 1000);
		assert_true(im.note_count > 0 && import_print_note(&im.notes[0], &line));
		assert_string_equal(line.data, rows[i].note);
		assert_int_equal(t.has_unread, t.count == 0);
		buf_clear(&line);
		table_clear(&t);
		import_clear(&im);
	}
}

static void patterns_are_kept_whole(void **state)
{
	struct table t;
	struct import im;

	(void)state;
	read_list(&t, &im, "regexp:/re", true);
	assert_int_equal(t.count, 2);
	assert_true(span_equal(t.at[0].key, span_str("/^a.*$/")));
	assert_true(span_equal(t.at[1].key, span_str("/d\\/e/")));
	assert_true(span_equal(t.at[1].value, span_str("z z")));
	assert_null(table_find(&t, span_str("/^a.*$/")));
	table_clear(&t);
	import_clear(&im);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_have_values),
		cmocka_unit_test(addresses_are_found_by_domain_too),
		cmocka_unit_test(what_cannot_be_read_is_told),
		cmocka_unit_test(patterns_are_kept_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
