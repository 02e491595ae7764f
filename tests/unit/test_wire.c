/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "mail/wire.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Input → output, offsets of the header's end and the body's start. */
static const struct row {
	const char *in;
	bool ends_at_dot;
	const char *out;
	size_t header_end, body_start;
} rows[] = {
	{ "", false, "", 0, 0 },
	{ "\n", false, "\r\n", 0, 2 },
	{ "\r", false, "\r\n", 0, 2 },
	{ "a: b\n\nc\n", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\r\n\r\nc\r\n", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\r\r\n\r\r\nc\r\r\n", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\n\nc", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\n\nc\r", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\n\nc\n\r", false, "a: b\r\n\r\nc\r\n\r\n", 6, 8 },
	{ "a: b\n\r", false, "a: b\r\n\r\n", 6, 8 },
	/* The input ends in the header. */
	{ "a: b\n", false, "a: b\r\n", 6, 6 },
	{ "a: b", false, "a: b\r\n", 6, 6 },
	{ "a: b\n c", false, "a: b\r\n c\r\n", 10, 10 },
	{ "a: b\n\n", false, "a: b\r\n\r\n", 6, 8 },
	/* The body starts with a line that is no field. */
	{ "text", false, "text\r\n", 0, 0 },
	{ "two words\nx: y\n", false, "two words\r\nx: y\r\n", 0, 0 },
	{ "a: b\ntext\n\nmore\n", false, "a: b\r\ntext\r\n\r\nmore\r\n", 6, 6 },
	{ "a: b\ntext", false, "a: b\r\ntext\r\n", 6, 6 },
	{ "a: b\ntext ", false, "a: b\r\ntext \r\n", 6, 6 },
	{ ": b\n", false, ": b\r\n", 0, 0 },
	{ " a: b\n", false, " a: b\r\n", 0, 0 },
	{ "a: b\n: c\n", false, "a: b\r\n: c\r\n", 6, 6 },
	{ "\xc3\xa9: b\n", false, "\xc3\xa9: b\r\n", 0, 0 },
	{ "a\xc3\xa9: b\n", false, "a\xc3\xa9: b\r\n", 0, 0 },
	{ "a\x7f: b\n", false, "a\x7f: b\r\n", 0, 0 },
	{ "http://x\n", false, "http://x\r\n", 10, 10 },
	/* Fields. */
	{ "a:\n\nb", false, "a:\r\n\r\nb\r\n", 4, 6 },
	{ "a \t: b\n\nb", false, "a \t: b\r\n\r\nb\r\n", 8, 10 },
	{ "a b: c\n\nb", false, "a b: c\r\n\r\nb\r\n", 0, 0 },
	{ "a: b\n\tc\n \nd: e\n\nf", false, "a: b\r\n\tc\r\n \r\nd: e\r\n\r\nf\r\n", 19,
	  21 },
	{ "a: b\n \ntext", false, "a: b\r\n \r\ntext\r\n", 9, 9 },
	/* Bare CR. */
	{ "a: b\rc\n\nd", false, "a: b c\r\n\r\nd\r\n", 8, 10 },
	{ "a: b\r\r\rc\n\nd", false, "a: b c\r\n\r\nd\r\n", 8, 10 },
	{ "a: b\n\rBcc: c\n\nd", false, "a: b\r\n Bcc: c\r\n\r\nd\r\n", 15, 17 },
	{ "\ra: b\n", false, " a: b\r\n", 0, 0 },
	{ "a\r: b\n", false, "a : b\r\n", 7, 7 },
	{ "\n10%\r20%\r\n\r.\r\n", false, "\r\n10% 20%\r\n .\r\n", 0, 2 },
	{ "\n10%\r20%\r\n\r.\r\n", true, "\r\n10% 20%\r\n .\r\n", 0, 2 },
	/* The line of an mbox. */
	{ "From me@x Sat\na: b\n\nc", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ ">From me@x Sat\r\na: b\n\nc", false, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "From ", false, "", 0, 0 },
	{ ">From ", false, "", 0, 0 },
	{ ">From", false, ">From\r\n", 0, 0 },
	{ "From \n", false, "", 0, 0 },
	{ "From \n\nx", false, "\r\nx\r\n", 0, 2 },
	{ "From a\nFrom b\n", false, "From b\r\n", 0, 0 },
	{ "From a\n b\n", false, " b\r\n", 0, 0 },
	{ "From : a\n", false, "From : a\r\n", 10, 10 },
	{ ">From :\nx", false, ">From :\r\nx\r\n", 9, 9 },
	{ "From  : a\nx", false, "x\r\n", 0, 0 },
	{ "From: a\n", false, "From: a\r\n", 9, 9 },
	{ "From", false, "From\r\n", 0, 0 },
	{ "From\n\nx", false, "From\r\n\r\nx\r\n", 0, 0 },
	{ "From\r \n", false, "From  \r\n", 0, 0 },
	{ ">From: a\n", false, ">From: a\r\n", 10, 10 },
	{ ">", false, ">\r\n", 0, 0 },
	{ "a: b\nFrom x\n", false, "a: b\r\nFrom x\r\n", 6, 6 },
	{ "a: b\n>From x\n", false, "a: b\r\n>From x\r\n", 6, 6 },
	{ "\nFrom x\n", false, "\r\nFrom x\r\n", 0, 2 },
	{ "F\n", false, "F\r\n", 0, 0 },
	{ "Fro.m", true, "Fro.m\r\n", 0, 0 },
	/* The lone dot. */
	{ "a: b\n\nc\n.\nd", true, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\n\nc\n.\nd", false, "a: b\r\n\r\nc\r\n.\r\nd\r\n", 6, 8 },
	{ "a: b\n\nc\r\n.\r\nd", true, "a: b\r\n\r\nc\r\n", 6, 8 },
	{ "a: b\n\n.\r\r\nd", true, "a: b\r\n\r\n", 6, 8 },
	{ "a: b\n\n.", true, "a: b\r\n\r\n", 6, 8 },
	{ "a: b\n\n.\r", true, "a: b\r\n\r\n", 6, 8 },
	{ "a: b\n\n.", false, "a: b\r\n\r\n.\r\n", 6, 8 },
	{ "a: b\n\n..\n.c\n. \n.\rd\n.", true, "a: b\r\n\r\n..\r\n.c\r\n. \r\n. d\r\n", 6,
	  8 },
	{ "a: b\n\n.\xc3\xa9\n\n.\n", true, "a: b\r\n\r\n.\xc3\xa9\r\n\r\n", 6, 8 },
	{ ".\na: b\n", true, "", 0, 0 },
	{ ".", true, "", 0, 0 },
	{ ".\n", false, ".\r\n", 0, 0 },
	{ "a: b\n.\n", true, "a: b\r\n", 6, 6 },
	{ ".a: b\n\nc", true, ".a: b\r\n\r\nc\r\n", 7, 9 },
	{ "From x\n.\nx", true, "", 0, 0 },
	/* Longer than a machine word. */
	{ "Subject: 0123456789 0123456789\nX:\n\n01234567\r89012345\n0123456\n\n", false,
	  "Subject: 0123456789 0123456789\r\nX:\r\n\r\n01234567 89012345\r\n0123456\r\n\r\n",
	  36, 38 },
};

/* Feeds the input cut at two places; returns the output. */
static char *run(const struct row *row, struct wire *w, size_t cut1, size_t cut2,
		 size_t max)
{
	struct span in = span_str(row->in);
	struct buf out;

	buf_init(&out, max);
	wire_init(w, row->ends_at_dot);
	assert_true(wire_feed(w, span_first(in, cut1), &out));
	assert_int_equal(w->size, out.size);
	assert_true(wire_feed(w, span_first(span_from(in, cut1), cut2 - cut1), &out));
	assert_int_equal(w->size, out.size);
	assert_true(wire_feed(w, span_from(in, cut2), &out));
	assert_true(wire_end(w, &out));
	assert_int_equal(w->size, out.size);
	return buf_take(&out);
}

static void every_cut_gives_the_same(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t size = strlen(rows[i].in);
		for (size_t cut1 = 0; cut1 <= size; cut1++) {
			for (size_t cut2 = cut1; cut2 <= size; cut2++) {
				struct wire w;
				/* The second time in a buffer without a byte to spare. */
				size_t max = cut1 == cut2 ? 1000 : strlen(rows[i].out);
				char *out = run(&rows[i], &w, cut1, cut2, max);
				assert_string_equal(out, rows[i].out);
				if (w.header_end != rows[i].header_end ||
				    w.body_start != rows[i].body_start) {
					fail_msg("%zu: %zu %zu: %s", i, w.header_end,
						 w.body_start,
						 out);
				}
				free(out);
			}
		}
	}
}

static void a_full_buffer_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t size = strlen(rows[i].out);
		if (size > 0) {
			struct wire w;
			struct buf out BUF_AUTO;
			buf_init(&out, size - 1);
			wire_init(&w, rows[i].ends_at_dot);
			assert_false(wire_feed(&w, span_str(rows[i].in), &out) &&
				     wire_end(&w, &out));
		}
	}
}

static void facts_are_counted_from_the_output(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		bool is_8bit, has_nul;
		size_t longest;
	} facts[] = {
		{ "", 0, false, false, 0 },
		{ "a: b\n\nccccccc\nd\n", 16, false, false, 7 },
		{ "a: b\n\nccccccc", 13, false, false, 7 },
		{ "\n0123456789\x80\n", 13, true, false, 11 },
		{ "\n\x80", 2, true, false, 1 },
		{ "\n0123456\0" "9\n", 11, false, true, 9 },
		{ "\n\0\n", 3, false, true, 1 },
		{ "From \xff\0\nabc\n", 12, false, false, 3 },
		{ "\nabc\n.\n\xff\0zzzzzzzzzzzzz", 21, false, false, 3 },
		{ "\nab\n\xff", 5, true, false, 2 },
		{ "\n1\n.\x80\x01", 6, true, false, 3 },
		{ "\n0123456\n\x01\x01\x01\x01\x01\x01\x01", 16, false, false, 7 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(facts); i++) {
		for (size_t cut = 0; cut <= facts[i].size; cut++) {
			struct wire w;
			struct buf out BUF_AUTO;
			struct span in = span_of(facts[i].in, facts[i].size);
			buf_init(&out, 1000);
			wire_init(&w, true);
			assert_true(wire_feed(&w, span_first(in, cut), &out));
			assert_true(wire_feed(&w, span_from(in, cut), &out));
			assert_int_equal(w.longest_line, facts[i].longest);
			assert_true(wire_end(&w, &out));
			assert_int_equal(w.size, out.size);
			assert_int_equal(w.is_8bit, facts[i].is_8bit);
			assert_int_equal(w.has_nul, facts[i].has_nul);
			assert_int_equal(w.longest_line, facts[i].longest);
		}
	}
}

static void facts_are_of_the_body_alone_when_asked(void **state)
{
	static const struct {
		const char *in;
		size_t size;
		bool is_8bit, has_nul;
		size_t longest;		/* 0: nobody asks */
	} facts[] = {
		{ "a: b\n\nccccccc\n", 14, false, false, 0 },
		{ "a: \xff\n\nccccccc\nd\n", 16, false, false, 7 },
		{ "a: \xff\0" "bcd\n\nc\0\n", 13, false, true, 2 },
		{ "a: \0\n\n\xc3\xbc\n", 9, true, false, 2 },
		{ "a: \xff\n\nc\xff", 8, true, false, 2 },
		{ "a: \xff\nno field\n", 14, false, false, 8 },
		{ "\xff no field\n", 11, true, false, 10 },
		{ "a: \xff\n", 5, false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(facts); i++) {
		for (size_t cut = 0; cut <= facts[i].size; cut++) {
			struct wire w;
			struct buf out BUF_AUTO;
			struct span in = span_of(facts[i].in, facts[i].size);
			bool is_done = false;
			buf_init(&out, 1000);
			wire_init(&w, true);
			for (size_t at = 0; at <= facts[i].size; at += cut + 1) {
				assert_true(wire_feed(&w, span_first(span_from(in, at), cut + 1), &out));
				if (!is_done && w.body_start != WIRE_UNKNOWN) {
					wire_forget_header(&w, span_from(buf_span(&out), w.body_start));
					is_done = true;
				}
			}
			assert_true(wire_end(&w, &out));
			if (!is_done) {
				wire_forget_header(&w, span_from(buf_span(&out), w.body_start));
			}
			assert_int_equal(w.is_8bit, facts[i].is_8bit);
			assert_int_equal(w.has_nul, facts[i].has_nul);
			if (facts[i].longest > 0) {
				assert_int_equal(w.longest_line, facts[i].longest);
			}
		}
	}
}

static void the_dot_ends_reading(void **state)
{
	struct wire w;
	struct buf out BUF_AUTO;

	(void)state;
	buf_init(&out, 1000);
	wire_init(&w, true);
	assert_true(wire_feed(&w, span_str("a: b\n\nc\n.\nd\n"), &out));
	assert_true(w.ended);
	assert_true(wire_feed(&w, span_str("e\n"), &out));
	assert_string_equal(out.data, "a: b\r\n\r\nc\r\n");
	assert_true(wire_end(&w, &out));
}

/* A gigabyte of base64 without a header must not be held as one. */
static void the_header_ends_at_a_name_without_end(void **state)
{
	enum { NAME = 997 };
	char text[NAME + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	/* A name that has no room for its colon in a line is text. */
	for (size_t extra = 0; extra < 3; extra++) {
		struct wire w;
		struct buf out BUF_AUTO;
		buf_init(&out, 3000);
		wire_init(&w, true);
		assert_true(wire_feed(&w, span_str("a: b\n"), &out));
		assert_true(wire_feed(&w, span_of(text, NAME + extra), &out));
		assert_true((w.body_start == WIRE_UNKNOWN) == (extra < 2));
		assert_true(wire_feed(&w, span_str(":\n"), &out));
		assert_true(wire_end(&w, &out));
		assert_int_equal(w.body_start, extra == 0 ? out.size : 6);
	}
}

static void big_bodies_come_through_whole(void **state)
{
	enum { SIZE = 300000 };
	char *in = malloc(SIZE), *want = malloc(SIZE * 2);
	size_t wanted = 0;
	uint32_t seed = 1;

	(void)state;
	for (size_t i = 0; i < SIZE; i++) {
		seed = seed * 1103515245 + 12345;
		unsigned pick = seed >> 16 & 63;
		in[i] = i == 0 ||
		i + 1 == SIZE ? 'a' : pick == 0 ? '\n' : (char)(pick + 100);
		if (in[i] == '\n') {
			want[wanted++] = '\r';
		}
		want[wanted++] = in[i];
	}
	want[wanted++] = '\r';
	want[wanted++] = '\n';
	for (size_t chunk = 1; chunk < SIZE * 3; chunk = chunk * 3 + 1) {
		struct wire w;
		struct buf out BUF_AUTO;
		buf_init(&out, SIZE * 2);
		wire_init(&w, true);
		for (size_t at = 0; at < SIZE; at += chunk) {
			struct span part = span_first(span_from(span_of(in, SIZE), at),
						      chunk);
			assert_true(wire_feed(&w, part, &out));
		}
		assert_true(wire_end(&w, &out));
		assert_int_equal(out.size, wanted);
		assert_memory_equal(out.data, want, wanted);
	}
	free(in);
	free(want);
}

static void dots_are_doubled_at_line_starts(void **state)
{
	static const char in[] = ".\r\n..a\r\nb.\r\n\r\n.\r\n.";
	static const char want[] = "..\r\n...a\r\nb.\r\n\r\n..\r\n..";
	size_t size = strlen(in);

	(void)state;
	for (size_t cut1 = 0; cut1 <= size; cut1++) {
		for (size_t cut2 = cut1; cut2 <= size; cut2++) {
			struct buf out BUF_AUTO;
			bool at_start = true;
			buf_init(&out, strlen(want));
			assert_true(wire_stuff(&at_start, span_of(in, cut1), &out));
			assert_true(wire_stuff(&at_start, span_of(in + cut1, cut2 - cut1),
					       &out));
			assert_true(wire_stuff(&at_start, span_of(in + cut2, size - cut2),
					       &out));
			assert_string_equal(out.data, want);
			assert_false(at_start);
		}
	}
	for (size_t max = 0; max < strlen(want); max++) {
		struct buf out BUF_AUTO;
		bool at_start = true;
		buf_init(&out, max);
		assert_false(wire_stuff(&at_start, span_str(in), &out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_gives_the_same),
		cmocka_unit_test(a_full_buffer_is_told),
		cmocka_unit_test(facts_are_counted_from_the_output),
		cmocka_unit_test(facts_are_of_the_body_alone_when_asked),
		cmocka_unit_test(the_dot_ends_reading),
		cmocka_unit_test(the_header_ends_at_a_name_without_end),
		cmocka_unit_test(big_bodies_come_through_whole),
		cmocka_unit_test(dots_are_doubled_at_line_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
