/* SPDX-License-Identifier: ISC */
/* Where a message ends, and what of it the caller gets. */
#include "unit.h"

#include "mail/wire.h"
#include "served.h"

static const struct smtp_server_options on_pipe = { .host = "host.test" };
static const struct smtp_server_options on_socket = { .host = "host.test", .is_socket = true };

#define HELLO    "EHLO a.test\r\n"
#define ENVELOPE "MAIL FROM:<joe@a.test>\r\nRCPT TO:<ann@b.test>\r\n"
#define SMUGGLED "MAIL FROM:<eve@a.test>\r\nRCPT TO:<ann@b.test>\r\nDATA\r\nevil\r\n"

/* RFC 5321 §4.1.1.4, said in another way: what ends the text, and where. */
static const char *find_end(const char *text, bool is_socket, const char **ret_rest)
{
	static const char *const ends[] = { "\r\n.\r\n", "\n.\r\n", "\n.\n" };
	const char *first = NULL;

	for (int i = 0; i < (is_socket ? 1 : 3); i++) {
		const char *found = strstr(text, ends[i]);
		if (found && (!first || found < first)) {
			first = found;
			*ret_rest = found + strlen(ends[i]);
		}
	}
	return first;
}

static bool has_bare(const char *text, const char *end)
{
	for (const char *p = text; p < end; p++) {
		if ((*p == '\r' && p[1] != '\n') || (*p == '\n' && p[-1] != '\r')) {
			return true;
		}
	}
	return false;
}

/* One message with a line end, a dot and another line end in the middle of it. */
static void only_crlf_dot_crlf_ends_data(void **state)
{
	static const char *const ends[] = { "\n", "\r", "\r\n", "\n\r", "\r\r\n", "" };
	unsigned refused = 0, smuggled = 0;

	(void)state;
	for (size_t i = 0; i < 6 * 6 * 2; i++) {
		bool is_socket = i % 2;
		const char *rest = NULL;
		BUF_AUTO struct buf talk;
		struct served d;

		buf_init(&talk, 4096);
		assert_true(buf_printf(&talk, HELLO ENVELOPE "DATA\r\ngood%s.%s" SMUGGLED
					      "\r\n.\r\nQUIT\r\n", ends[i / 12], ends[i / 2 % 6]));
		const char *text = strstr(talk.data, "good");
		const char *end = find_end(text, is_socket, &rest);
		bool is_smuggled = strncmp(rest, "MAIL", 4) == 0;
		bool is_refused = is_socket && has_bare(text, end);
		refused += is_refused;
		smuggled += is_smuggled;
		for (size_t piece = 0; piece < 5; piece++) {
			served_init(&d, is_socket ? &on_socket : &on_pipe);
			served_feed(&d, buf_span(&talk), piece);
			bool has_eve = strstr(d.events.data, "=begin <eve@a.test>") != NULL;
			assert_int_equal(has_eve, is_smuggled);
			assert_int_equal(strstr(d.out.data, "554 5.6.0") != NULL, is_refused);
			assert_int_equal(d.ends, !is_refused + is_smuggled);
			/* The dialogue goes on behind the end. */
			assert_true(d.is_done && d.last.how == SERVER_QUIT);
			served_clear(&d);
		}
	}
	/* Over a socket, all but those with nothing else than CRLF around the dot. */
	assert_int_equal(refused, 36 - 4);
	/* Behind CRLF.CRLF and CR.CRLF.CRLF; on a pipe also with LF at either place. */
	assert_int_equal(smuggled, 2 + 6);
}

/* What the caller gets for the bytes behind DATA. */
static void dots_are_removed(void **state)
{
	static const struct {
		const char *text;
		const char *message;
		bool is_pipe_only;
	} cases[] = {
		{ ".\r\n", "", false },
		{ "a\r\n.\r\n", "a\r\n", false },
		{ "..\r\n.\r\n", ".\r\n", false },
		{ "..a\r\nb.\r\n...\r\n.\r\n", ".a\r\nb.\r\n..\r\n", false },
		{ ".a\r\n.\r\n", "a\r\n", false },
		{ "a\r\n\r\n.\r\n", "a\r\n\r\n", false },
		{ "a\n..b\n.\n", "a\n.b\n", true },
		{ "a\r\n..b\n.\r\n", "a\r\n.b\n", true },
		{ "a\r.\r.b\n.\n", "a\r.\r.b\n", true },
		{ ".\r\r\n.\n", "\r\r\n", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 0; piece < 6; piece++) {
			for (int is_socket = 0; is_socket <= !cases[i].is_pipe_only; is_socket++) {
				struct served d;
				served_init(&d, is_socket ? &on_socket : &on_pipe);
				served_say(&d, HELLO ENVELOPE "DATA\r\n");
				served_feed(&d, span_str(cases[i].text), piece);
				assert_int_equal(d.ends, 1);
				assert_string_equal(d.data.data, cases[i].message);
				served_clear(&d);
			}
		}
	}
}

/* A small generator, so that every run has the same messages. */
static unsigned dice(unsigned *seed, unsigned sides)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % sides;
}

static void any_message_comes_as_it_was_sent(void **state)
{
	static const char *const parts[] = { ".", "..", "\r\n", "\r\n.", "\r\n.\r\n", "a", "QUIT",
					     "some words", "\r\n\r\n", "\xff", "\t" };
	unsigned seed = 1;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		BUF_AUTO struct buf message;
		BUF_AUTO struct buf talk;
		struct served d;
		bool at_start = true, is_chunk = i % 2;

		buf_init(&message, 4096);
		buf_init(&talk, 8192);
		for (unsigned n = dice(&seed, 20); n > 0; n--) {
			assert_true(buf_add_str(&message, parts[dice(&seed, 11)]));
		}
		assert_true(is_chunk || message.size == 0 || buf_add_str(&message, "\r\n"));
		assert_true(buf_add_str(&talk, HELLO ENVELOPE));
		if (is_chunk) {
			size_t first = dice(&seed, (unsigned)message.size + 1);
			assert_true(buf_printf(&talk, "BDAT %zu\r\n", first) &&
				    buf_add(&talk, message.data, first) &&
				    buf_printf(&talk, "BDAT %zu LAST\r\n", message.size - first) &&
				    buf_add(&talk, message.data + first, message.size - first));
		} else {
			assert_true(buf_add_str(&talk, "DATA\r\n") &&
				    wire_stuff(&at_start, buf_span(&message), &talk) &&
				    buf_add_str(&talk, ".\r\n"));
		}
		assert_true(buf_add_str(&talk, "QUIT\r\n"));
		served_init(&d, i % 3 ? &on_socket : &on_pipe);
		served_feed(&d, buf_span(&talk), dice(&seed, 40));
		assert_int_equal(d.ends, 1);
		assert_int_equal(d.data.size, message.size);
		assert_memory_equal(d.data.data, message.data, message.size);
		assert_int_equal(d.last.how, SERVER_QUIT);
		served_clear(&d);
	}
}

/* Rule 4. */
static void a_chunk_is_never_read_as_commands(void **state)
{
	static const struct {
		const char *before;
		const char *reply;
	} cases[] = {
		{ "", "503 5.5.1 MAIL comes first" },
		{ "MAIL FROM:<@>\r\n", "503 5.5.1 MAIL comes first" },
		{ "MAIL FROM:<a@a.test>\r\n", "503 5.5.1 RCPT comes first" },
		{ "MAIL FROM:<a@a.test>\r\nRCPT TO:<@>\r\n", "554 5.5.1 no recipient was accepted" },
		{ ENVELOPE "BDAT 116\r\n" SMUGGLED SMUGGLED, "552 5.3.4 the message" },
	};
	static const struct smtp_server_options small = { .host = "host.test", .size_limit = 90 };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 0; piece < 5; piece++) {
			BUF_AUTO struct buf talk;
			struct served d;
			buf_init(&talk, 4096);
			assert_true(buf_printf(&talk, HELLO "%sBDAT %zu LAST\r\n" SMUGGLED
						      "QUIT\r\n",
					       cases[i].before, strlen(SMUGGLED)));
			served_init(&d, &small);
			served_feed(&d, buf_span(&talk), piece);
			assert_non_null(strstr(d.out.data, cases[i].reply));
			assert_null(strstr(d.events.data, "eve"));
			assert_int_equal(d.ends, 0);
			assert_true(d.is_done && d.last.how == SERVER_QUIT);
			served_clear(&d);
		}
	}
}

static void sizes_of_chunks_are_read_strictly(void **state)
{
	static const struct {
		const char *rest;
		bool is_good;
	} cases[] = {
		{ "0", true }, { "00", true }, { "0 LAST", true }, { "0\tlast", true },
		{ "0  last ", true }, { "", false }, { "LAST", false }, { "-1", false },
		{ "+0", false }, { "0x1", false }, { "1e3", false }, { "0LAST", false },
		{ "0 FIRST", false }, { "0 LAST LAST", false }, { "0 0", false },
		{ "18446744073709551616", false }, { "9223372036854775808 LAST", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BUF_AUTO struct buf talk;
		struct served d;
		buf_init(&talk, 4096);
		assert_true(buf_printf(&talk, ENVELOPE "BDAT %s\r\n", cases[i].rest));
		served_init(&d, &on_pipe);
		served_feed(&d, buf_span(&talk), 0);
		assert_int_equal(d.is_done, !cases[i].is_good);
		assert_int_equal(strstr(d.out.data, "521 5.5.4") != NULL, !cases[i].is_good);
		served_clear(&d);
	}
}

static void the_limit_is_exact(void **state)
{
	static const struct smtp_server_options small = { .host = "host.test", .size_limit = 10 };
	static const struct {
		const char *talk;
		bool is_taken;
	} cases[] = {
		{ "DATA\r\n12345678\r\n.\r\n", true },
		{ "DATA\r\n123456789\r\n.\r\n", false },
		{ "DATA\r\n..3456\r\n..\r\n.\r\n", true },	/* dots do not count */
		{ "BDAT 10 LAST\r\n12345678\r\n", true },
		{ "BDAT 11 LAST\r\n123456789\r\n", false },
		{ "BDAT 10\r\n1234567890BDAT 0 LAST\r\n", true },
		{ "BDAT 10\r\n1234567890BDAT 1 LAST\r\nx", false },
		{ "BDAT 4611686018427387904 LAST\r\n", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t piece = 0; piece < 12; piece++) {
			struct served d;
			served_init(&d, &small);
			served_say(&d, ENVELOPE);
			served_feed(&d, span_str(cases[i].talk), piece);
			assert_int_equal(d.ends, cases[i].is_taken);
			served_clear(&d);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_crlf_dot_crlf_ends_data),
		cmocka_unit_test(dots_are_removed),
		cmocka_unit_test(any_message_comes_as_it_was_sent),
		cmocka_unit_test(a_chunk_is_never_read_as_commands),
		cmocka_unit_test(sizes_of_chunks_are_read_strictly),
		cmocka_unit_test(the_limit_is_exact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
