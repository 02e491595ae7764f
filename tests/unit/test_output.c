/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "app/output.h"

#include <fcntl.h>
#include <unistd.h>

/* What was put out so far; nothing was written yet. */
static void assert_out(struct output *o, const char *text)
{
	assert_string_equal(o->text.data, text);
	buf_reset(&o->text);
}

static void numbers_and_blanks(void **state)
{
	struct output o;

	(void)state;
	output_init(&o);
	output_number(&o, 0, 3);
	output_number(&o, 18446744073709551615ull, 3);
	output_number(&o, 42, 0);
	assert_out(&o, "  01844674407370955161542");
	output_blanks(&o, 70);
	assert_int_equal(o.text.size, 70);
	buf_reset(&o.text);
	output_blanks(&o, -3);
	assert_out(&o, "");
	assert_true(output_end(&o));
}

static void shown_text_cannot_command_a_terminal(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "plain <a@b>", "plain <a@b>" },
		{ "\x1b[31m\r\n\t", "?[31m???" },
		{ "h\xc3\xa9", "h\xc3\xa9" },
		{ "\x9b\xff", "??" },
		{ "", "" },
	};
	struct output o;

	(void)state;
	output_init(&o);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		output_shown(&o, rows[i].in);
		assert_out(&o, rows[i].out);
	}
	assert_true(output_end(&o));
}

static void json_strings(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "\"\"" },
		{ "a\"b\\c/", "\"a\\\"b\\\\c/\"" },
		{ "\x01\x1b\n\x7f", "\"\\u0001\\u001b\\u000a\\u007f\"" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		{ "\xc2\x9b", "\"\\u009b\"" },
		{ "\xe2\x80\xae", "\"\\u202e\"" },
		{ "\xff", "\"\\ufffd\"" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xc0\x80x", "\"\\ufffd\\ufffdx\"" },
	};
	struct output o;

	(void)state;
	output_init(&o);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		output_json(&o, rows[i].in);
		assert_out(&o, rows[i].out);
	}
	assert_true(output_end(&o));
}

/* Runs with another standard output; true when all was written. */
static bool write_much(int out, size_t count)
{
	static const char line[] = "0123456789abcdef0123456789abcdef\n";
	struct output o;
	int saved = dup(STDOUT_FILENO);

	assert_true(saved >= 0 && dup2(out, STDOUT_FILENO) >= 0);
	output_init(&o);
	for (size_t i = 0; i < count; i++) {
		output_text(&o, line);
	}
	char *big = calloc(1, 200001);
	assert_non_null(big);
	memset(big, 'x', 200000);
	output_text(&o, big);
	free(big);
	bool ok = output_end(&o);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	close(saved);
	return ok;
}

static void all_is_written_in_order(void **state)
{
	enum { LINES = 10000, LINE = 33 };
	char name[] = "/tmp/relay-output.XXXXXX";
	int fd = mkostemp(name, O_CLOEXEC);
	char end[10];

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unlink(name), 0);
	assert_true(write_much(fd, LINES));
	assert_int_equal(lseek(fd, 0, SEEK_END), LINES * LINE + 200000);
	assert_int_equal(pread(fd, end, 2, LINES * LINE - 1), 2);
	assert_memory_equal(end, "\nx", 2);
	close(fd);
}

static void a_full_disk_is_noticed(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_false(write_much(fd, 1));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_and_blanks),
		cmocka_unit_test(shown_text_cannot_command_a_terminal),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(all_is_written_in_order),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
