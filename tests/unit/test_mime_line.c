/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/mime_line.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Each line with its end as "|"; a part of one as "+". */
static void cut(struct span in, size_t chunk, struct buf *out)
{
	struct mime_lines l;
	struct mime_line line;
	bool want_first = true;

	mime_lines_init(&l);
	while (in.size > 0 || mime_lines_is_open(&l)) {
		struct span rest = in.size > 0 ? span_first(in, chunk) : span_str("\r\n");
		in = span_from(in, chunk);
		while (mime_lines_next(&l, &rest, &line)) {
			assert_int_equal(line.is_first, want_first);
			assert_true(line.is_last || line.text.size > 0);
			want_first = line.is_last;
			assert_true(buf_add_span(out, line.text) &&
				    (!line.is_last || buf_add_str(out, "|")));
			/* The first part shows all that a short line can have. */
			if (line.is_first && !line.is_last) {
				assert_true(line.text.size >= MIME_LINE_HOLD);
			}
		}
	}
	mime_lines_clear(&l);
}

static void lines_are_cut_the_same_way(void **state)
{
	enum { SIZE = 20000 };
	char *text = malloc(SIZE), *want = malloc(SIZE);
	static const size_t sizes[] = { 0, 1, 77, 0, 998, 1022, 1023, 1024, 1025, 1026, 1027, 1028,
					2047, 2048, 2049, 5000, 0, 3 };
	size_t size = 0, want_size = 0;

	(void)state;
	assert_non_null(text);
	assert_non_null(want);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		memset(text + size, 'a' + (int)i, sizes[i]);
		memset(want + want_size, 'a' + (int)i, sizes[i]);
		size += sizes[i];
		want_size += sizes[i];
		memcpy(text + size, "\r\n", 2);
		want[want_size++] = '|';
		size += 2;
	}
	for (size_t chunk = 1; chunk < 2100; chunk += chunk < 5 ? 1 : 13) {
		BUF_AUTO struct buf out;
		buf_init(&out, SIZE);
		cut(span_of(text, size), chunk, &out);
		assert_int_equal(out.size, want_size);
		assert_memory_equal(out.data, want, want_size);
	}
	BUF_AUTO struct buf out;
	buf_init(&out, SIZE);
	cut(span_of(text, size - 3), 1000, &out);
	assert_int_equal(out.size, want_size - 1);
	free(text);
	free(want);
}

static void a_field_is_known(void **state)
{
	static const struct {
		const char *line;
		bool is_field;
	} rows[] = {
		{ "A: b", true }, { "A:", true }, { "A :b", true }, { "A\t : b", true },
		{ "", false }, { ":", false }, { " A: b", false }, { "A b: c", false },
		{ "A", false }, { "\xc3\xbc: x", false }, { "A\x7f: x", false }, { ": x", false },
		{ "From me Thu 10:00", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(mime_line_is_field(span_str(rows[i].line)), rows[i].is_field);
	}
}

static void a_boundary_is_known(void **state)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
		{ "--b", "next" }, { "--b ", "next" }, { "--b \t ", "next" }, { "--b--", "close" },
		{ "--b-- ", "close" }, { "--bb", "" }, { "--b-", "" }, { "--b --", "" }, { "-b", "" },
		{ "--B", "" }, { "--", "" }, { "", "" }, { "---b", "" }, { " --b", "" },
		{ "--b--x", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		bool is_close = false;
		bool is = mime_line_is_boundary(span_str(rows[i].line), span_str("b"), &is_close);
		assert_string_equal(!is ? "" : is_close ? "close" : "next", rows[i].answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_cut_the_same_way),
		cmocka_unit_test(a_field_is_known),
		cmocka_unit_test(a_boundary_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
