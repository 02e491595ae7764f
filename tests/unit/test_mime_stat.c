/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/text.h"
#include "mail/mime_stat.h"
#include "mail/qp.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Fed `chunk` bytes at a time; "\n" ends lines. */
static struct mime_stat count(struct span in, size_t chunk)
{
	struct mime_stat s;

	mime_stat_init(&s);
	while (in.size > 0) {
		struct span part = span_first(in, chunk);
		const char *newline = memchr(part.data, '\n', part.size);
		part = newline ? span_first(part, (size_t)(newline - part.data)) : part;
		mime_stat_feed(&s, part);
		in = span_from(in, part.size);
		if (newline) {
			mime_stat_line_end(&s);
			in = span_from(in, 1);
		}
	}
	mime_stat_end(&s);
	return s;
}

static void facts_are_found(void **state)
{
	static const struct {
		const char *text;
		size_t size, longest;
		bool is_8bit, is_broken, has_jis;
	} rows[] = {
		{ "", 0, 0, false, false, false },
		{ "a\nbcd\n\n", 10, 3, false, false, false },
		{ "abcd", 4, 4, false, false, false },
		{ "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80\n", 11, 9, true, false, false },
		{ "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xe0\xa0\x80\xf0\x90\x80\x80", 17, 17, true,
		  false, false },
		{ "\xff", 1, 1, true, true, false },
		{ "\x80", 1, 1, true, true, false },
		{ "\xc3", 1, 1, true, true, false },
		{ "\xc3x", 2, 2, true, true, false },
		{ "\xc3\n\xbc", 4, 1, true, true, false },
		{ "\xc0\x80", 2, 2, true, true, false },
		{ "\xed\xa0\x80", 3, 3, true, true, false },
		{ "\xe0\x9f\xbf", 3, 3, true, true, false },
		{ "\xf0\x8f\xbf\xbf", 4, 4, true, true, false },
		{ "\xf4\x90\x80\x80", 4, 4, true, true, false },
		{ "\xf5\x80\x80\x80", 4, 4, true, true, false },
		{ "\xe2\x82\xc3\xbc", 4, 4, true, true, false },
		{ "a\x1b$Bx\x1b(B", 8, 8, false, false, true },
		{ "\x1b[31m red $", 11, 11, false, false, false },
		{ "\x1b\n$", 4, 1, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span text = span_str(rows[i].text);
		for (size_t chunk = 1; chunk <= text.size + 1; chunk++) {
			struct mime_stat s = count(text, chunk);
			assert_int_equal(s.size, rows[i].size);
			assert_int_equal(s.longest_line, rows[i].longest);
			assert_int_equal(s.is_8bit, rows[i].is_8bit);
			assert_int_equal(s.is_broken, rows[i].is_broken);
			assert_int_equal(s.has_jis, rows[i].has_jis);
			assert_false(s.has_nul);
		}
		assert_int_equal(count(text, 9).is_broken, !text_is_utf8(text));
	}
	assert_true(count(span_of("a\0b", 3), 2).has_nul);
}

/* The estimate is that of the encoder, but for breaks that come a little earlier. */
static void the_size_is_nearly_right(void **state)
{
	char text[500];

	(void)state;
	for (size_t every = 1; every < 20; every++) {
		for (size_t size = 0; size < sizeof(text); size += 33) {
			BUF_AUTO struct buf out;
			for (size_t i = 0; i < size; i++) {
				text[i] = i % every ? 'x' : '\xff';
			}
			buf_init(&out, 5000);
			assert_true(qp_add(&out, span_of(text, size)));
			struct mime_stat s = count(span_of(text, size), 100);
			assert_true(s.qp_size <= out.size + 3 && out.size <= s.qp_size * 21 / 20 + 3);
			size_t base64 = (size + 2) / 3 * 4 + 2 * ((size + 56) / 57);
			assert_int_equal(mime_stat_wants_base64(&s), base64 < s.qp_size);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts_are_found),
		cmocka_unit_test(the_size_is_nearly_right),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
