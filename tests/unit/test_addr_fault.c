/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "addr_faults.h"
#include "base/text.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *const sentences[ADDR_WRONG_COUNT] = {
#define FAULT(name, what, sentence) [ADDR_##name] = sentence,
#include "mail/addr_fault.def"
#undef FAULT
};

static void check_line(const struct malformed *row, const struct addr_fault *f)
{
	struct span text = span_of(row->text, row->size);
	struct err e = {0};

	assert_false(addr_fault_set(&e, f, text, 1));
	assert_int_equal(e.cause, CAUSE_DATA);
	if (f->wrong != row->wrong ||
	    strncmp(e.text, row->line, strlen(row->line)) != 0) {
		fail_msg("%s\nis not\n%s", e.text, row->line);
	}
	const char *advice = strchr(sentences[f->wrong], ';');
	size_t size = strlen(e.text), rest = strlen(advice);
	assert_true(size > rest && strstr(e.text, sentences[f->wrong]));
}

static void every_malformed_text_has_its_column_and_its_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(malformed_lists); i++) {
		const struct malformed *row = &malformed_lists[i];
		struct span text = span_of(row->text, row->size);
		struct addr_list list ADDR_LIST_AUTO;
		struct addr_fault f = {0};
		addr_list_init(&list);
		bool done = addr_list_read(&list, text, &f);
		/* Only this is an address elsewhere. */
		assert_int_equal(done, row->wrong == ADDR_NULL_RECIPIENT);
		assert_true(!done || addr_list_has_null(&list, 0, text, &f));
		check_line(row, &f);
	}
}

static void one_address_is_not_none_and_not_two(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(malformed_ones); i++) {
		const struct malformed *row = &malformed_ones[i];
		struct addr_fault f = {0};
		char *spec = NULL;
		assert_false(addr_read_one(&spec, span_of(row->text, row->size), &f));
		assert_null(spec);
		check_line(row, &f);
	}
}

/* The lengths are tested below. */
static void every_row_of_the_table_is_reached(void **state)
{
	bool is_seen[ADDR_WRONG_COUNT] = {
		[ADDR_FINE] = true, [ADDR_LABEL_LONG] = true, [ADDR_DOMAIN_LONG] = true,
		[ADDR_LONG] = true, [ADDR_LIST_LONG] = true,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(malformed_lists); i++) {
		is_seen[malformed_lists[i].wrong] = true;
	}
	for (size_t i = 0; i < COUNT(malformed_ones); i++) {
		is_seen[malformed_ones[i].wrong] = true;
	}
	for (size_t i = 0; i < ADDR_WRONG_COUNT; i++) {
		if (!is_seen[i]) {
			fail_msg("no text is like this: %s", sentences[i]);
		}
	}
}

static void every_sentence_is_another_and_says_what_to_do(void **state)
{
	(void)state;
	for (size_t i = 1; i < ADDR_WRONG_COUNT; i++) {
		assert_non_null(strstr(sentences[i], "; "));
		assert_true(strlen(sentences[i]) < 150);
		for (size_t k = 1; k < i; k++) {
			assert_string_not_equal(sentences[i], sentences[k]);
		}
	}
}

/* What is read from prefix, `count` times the unit, and suffix. */
static enum addr_wrong read_repeated(const char *prefix, const char *unit, size_t count,
				     const char *suffix)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct addr_fault f = {0};
	struct buf b BUF_AUTO;
	struct err e;

	buf_init(&b, 1 << 20);
	assert_true(buf_add_str(&b, prefix));
	for (size_t i = 0; i < count; i++) {
		assert_true(buf_add_str(&b, unit));
	}
	assert_true(buf_add_str(&b, suffix));
	addr_list_init(&list);
	bool done = addr_list_read(&list, buf_span(&b), &f);
	assert_int_equal(done, f.wrong == ADDR_FINE);
	if (!done) {
		addr_fault_set(&e, &f, buf_span(&b), 1);
		assert_true(strlen(e.text) < 300);
	}
	return f.wrong;
}

static void lengths_are_those_that_can_exist(void **state)
{
	(void)state;
	assert_int_equal(read_repeated("a@", "x", 63, ".y"), ADDR_FINE);
	assert_int_equal(read_repeated("a@", "x", 64, ".y"), ADDR_LABEL_LONG);
	assert_int_equal(read_repeated("<a@y.", "x", 64, ">"), ADDR_LABEL_LONG);
	/* Characters are counted, not bytes. */
	assert_int_equal(read_repeated("a@", "\xe5\xb1\xb1", 63, ""), ADDR_FINE);
	assert_int_equal(read_repeated("a@", "\xe5\xb1\xb1", 64, ""), ADDR_LABEL_LONG);
	assert_int_equal(read_repeated("a@", "x.", 126, "y"), ADDR_FINE);
	assert_int_equal(read_repeated("a@", "x.", 126, "yz"), ADDR_DOMAIN_LONG);
	assert_int_equal(read_repeated("a@", "x.", 127, ""), ADDR_FINE);
	assert_int_equal(read_repeated("a@", "x.", 600, "y"), ADDR_LONG);
	/* RFC 5321 §4.5.3.1: 64 at least; reply addresses of web sites have more. */
	assert_int_equal(read_repeated("", "a", 65, "@x"), ADDR_FINE);
	assert_int_equal(read_repeated("", "a", ADDR_MAX - 2, "@x"), ADDR_FINE);
	assert_int_equal(read_repeated("", "a", ADDR_MAX - 1, "@x"), ADDR_LONG);
	assert_int_equal(read_repeated("\"", "a", ADDR_MAX + 1, "\"@x"), ADDR_LONG);
	assert_int_equal(read_repeated("\"", "\\\"", ADDR_MAX - 10, "\"@x"), ADDR_LONG);
	assert_int_equal(read_repeated("a@[x:", "a", ADDR_MAX, "]"), ADDR_LONG);
	assert_int_equal(read_repeated("a@[x:", "a", 400, "]"), ADDR_LITERAL_TAG);
	assert_int_equal(read_repeated("", "a,", ADDR_LIST_MAX, ""), ADDR_FINE);
	assert_int_equal(read_repeated("", "a,", ADDR_LIST_MAX, "a"), ADDR_LIST_LONG);
}

static void the_first_column_is_given_and_later_lines_are_counted(void **state)
{
	static const struct {
		const char *text;
		size_t column;
		const char *start;
	} rows[] = {
		{" a@", 4, "column 6: address \"a@\": "},
		{"a@", 0, "column 2: "},
		{"\xc3\xa9 <\xc3\xa9@", 4, "column 8: address \"\xc3\xa9 <\xc3\xa9@\": "},
		{"\xff <\xff", 1, "column 4: address \"\\xff <\\xff\": "},
		{"a@x,\r\n b@", 4, "line 2, column 3: address \"b@\": "},
		{"a@x,\r\n\t\r\n b@", 4, "line 3, column 3: address \"b@\": "},
		{"a@x, \"B\r\n C\" <b@", 4,
		 "line 2, column 7: address \"\"B C\" <b@\": "},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr_list list ADDR_LIST_AUTO;
		struct addr_fault f;
		struct err e;
		addr_list_init(&list);
		assert_false(addr_list_read(&list, span_str(rows[i].text), &f));
		addr_fault_set(&e, &f, span_str(rows[i].text), rows[i].column);
		if (strncmp(e.text, rows[i].start, strlen(rows[i].start)) != 0) {
			fail_msg("%s\nis not\n%s", e.text, rows[i].start);
		}
	}
}

static void a_secret_is_not_quoted(void **state)
{
	static const char *const secrets[] = {
		"!cret@x!y", "s\x01-cret", "a@s[cret", "cret\xff", "cret\xc2\xa0",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(secrets); i++) {
		struct addr_fault f;
		struct err e;
		char *spec = NULL;
		assert_false(addr_read_one(&spec, span_str(secrets[i]), &f));
		addr_fault_set_unquoted(&e, &f, span_str(secrets[i]));
		assert_null(strstr(e.text, "cret"));
		assert_null(strchr(e.text, '!'));
		assert_non_null(strstr(e.text, "column "));
		assert_non_null(strstr(e.text, sentences[f.wrong]));
	}
}

static void long_addresses_are_shown_around_the_column(void **state)
{
	enum { SIZE = 100000 };
	static const struct {
		char before, behind;
		const char *shown;
	} rows[] = {
		{'a', 'b', "aaa@xx!bb"}, {'\x80', '\x80', "\\x80"},
		{'"', ' ', "\""},	 {'(', ')', "("},
		{' ', ' ', "@xx!"},	 {'\xe5', '\x01', "\\xe5"},
	};
	char *text = malloc(SIZE);

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct addr_fault f = {ADDR_DOMAIN_CHARACTER, SIZE / 2, 0};
		struct err e;
		memset(text, rows[i].before, SIZE);
		memcpy(text + SIZE / 2 - 3, "@xx!", 4);
		memset(text + SIZE / 2 + 1, rows[i].behind, SIZE / 2 - 1);
		addr_fault_set(&e, &f, span_of(text, SIZE), 1);
		assert_non_null(strstr(e.text, sentences[ADDR_DOMAIN_CHARACTER]));
		if (!strstr(e.text, rows[i].shown)) {
			fail_msg("%s is not in %s", rows[i].shown, e.text);
		}
		for (const char *p = e.text; *p; p++) {
			assert_in_range(*p, ' ', '~');
		}
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_malformed_text_has_its_column_and_its_line),
		cmocka_unit_test(one_address_is_not_none_and_not_two),
		cmocka_unit_test(every_row_of_the_table_is_reached),
		cmocka_unit_test(every_sentence_is_another_and_says_what_to_do),
		cmocka_unit_test(lengths_are_those_that_can_exist),
		cmocka_unit_test(the_first_column_is_given_and_later_lines_are_counted),
		cmocka_unit_test(a_secret_is_not_quoted),
		cmocka_unit_test(long_addresses_are_shown_around_the_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
