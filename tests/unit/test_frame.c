/* SPDX-License-Identifier: ISC */
/* What a command of the queue prints, on its way. */
#include "unit.h"

#include "app/frame.h"
#include "base/clock.h"
#include "base/fs.h"

#include <sys/socket.h>

static void a_line_is_a_kind_and_a_number(void **state)
{
	static const struct {
		const char *line;
		char kind;
		unsigned number;
	} rows[] = {
		{ "O 12", 'O', 12 },   { "E 0", 'E', 0 },	{ "K 0", 'K', 0 },
		{ "X 75", 'X', 75 },   { "O 16384", 'O', 16384 },
		{ "O 16385", '\0', 0 }, { "O -1", '\0', 0 },	{ "O", '\0', 0 },
		{ "O ", '\0', 0 },	{ "Q 1", '\0', 0 },	{ "", '\0', 0 },
		{ "O 1 ", '\0', 0 },	{ "OO1", '\0', 0 },	{ "O 99999999999999999999", '\0', 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		unsigned number = 7;
		assert_int_equal(frame_parse(span_str(rows[i].line), &number), rows[i].kind);
		assert_int_equal(number, rows[i].number);
	}
}

static void frames_are_written_as_documented(void **state)
{
	static const char want[] = "O 3\na\nbK 0\nE 1\n!X 75\n";
	int ends[2];
	char got[64] = "";

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	int64_t deadline = clock_deadline(5);
	assert_true(frame_write(ends[0], 'O', span_str("a\nb"), deadline));
	assert_true(frame_write(ends[0], 'K', span_of(NULL, 0), deadline));
	assert_true(frame_write(ends[0], 'E', span_str("!"), deadline));
	assert_true(frame_write_end(ends[0], 75, deadline));
	fs_close(&ends[0]);
	assert_int_equal(fs_read(ends[1], got, sizeof(got) - 1), strlen(want));
	assert_string_equal(got, want);
	fs_close(&ends[1]);
}

/* One that does not read, and one that has gone, end it. */
static void nobody_is_waited_for_without_end(void **state)
{
	static const char bytes[FRAME_MAX];
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	int64_t began = clock_ms();
	while (frame_write(ends[0], 'O', span_of(bytes, sizeof(bytes)), clock_ms() + 50)) {
		assert_true(clock_ms() - began < 20000);
	}
	fs_close(&ends[1]);
	assert_false(frame_write(ends[0], 'O', span_str("x"), clock_deadline(5)));
	fs_close(&ends[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_is_a_kind_and_a_number),
		cmocka_unit_test(frames_are_written_as_documented),
		cmocka_unit_test(nobody_is_waited_for_without_end),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
