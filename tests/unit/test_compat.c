/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/compat.h"

#include <unistd.h>

static void the_last_byte_is_found(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		int byte;
		long want;
	} rows[] = {
		{ "a.b.c", 5, '.', 3 }, { "a.b.c", 3, '.', 1 },	 { "a.b.c", 1, '.', -1 },
		{ "a", 1, 'a', 0 },	{ "", 0, 'a', -1 },	 { "\xff\0\xff", 3, 0xff, 2 },
		{ "x\0y", 3, '\0', 1 }, { "abc", 3, 'a' + 256, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = compat_memrchr(rows[i].text, rows[i].byte, rows[i].size);
		assert_int_equal(found ? found - rows[i].text : -1, rows[i].want);
	}
}

static void a_part_is_found(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *part;
		size_t part_size;
		long want;
	} rows[] = {
		{ "header\r\n\r\nbody", 14, "\r\n\r\n", 4, 6 },
		{ "aaab", 4, "ab", 2, 2 },
		{ "aaab", 3, "ab", 2, -1 },
		{ "ab", 2, "abc", 3, -1 },
		{ "abc", 3, "abc", 3, 0 },
		{ "abc", 3, "", 0, 0 },
		{ "", 0, "", 0, 0 },
		{ "", 0, "a", 1, -1 },
		{ "a\0b", 3, "\0b", 2, 1 },
		{ "abac", 4, "ac", 2, 2 },
		{ "xa", 2, "a", 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = compat_memmem(rows[i].text, rows[i].size, rows[i].part,
						  rows[i].part_size);
		assert_int_equal(found ? found - rows[i].text : -1, rows[i].want);
	}
}

static void case_does_not_count(void **state)
{
	static const struct {
		const char *text, *part;
		long want;
	} rows[] = {
		{ "Me@Example.ORG", "example.org", 3 }, { "me@x", "ME@", 0 },
		{ "aab", "AB", 1 },			{ "a", "ab", -1 },
		{ "a", "", 0 },				{ "", "", 0 },
		{ "", "a", -1 },			{ "[x", "{X", -1 },
		{ "@x", "`x", -1 },			{ "K\xc3\x84", "k\xc3\xa4", -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = compat_strcasestr(rows[i].text, rows[i].part);
		assert_int_equal(found ? found - rows[i].text : -1, rows[i].want);
	}
}

static void memory_is_wiped(void **state)
{
	char secret[] = "hunter2";

	(void)state;
	compat_explicit_bzero(secret, 4);
	assert_memory_equal(secret, "\0\0\0\0er2", sizeof(secret));
}

/* No test runs set-id: what can be seen is that nothing is hidden from the others. */
static void the_environment_is_ours(void **state)
{
	(void)state;
	assert_int_equal(setenv("RELAY_TEST_COMPAT", "here", 1), 0);
	assert_false(compat_is_privileged());
	assert_string_equal(compat_secure_getenv("RELAY_TEST_COMPAT"), "here");
	assert_int_equal(unsetenv("RELAY_TEST_COMPAT"), 0);
	assert_null(compat_secure_getenv("RELAY_TEST_COMPAT"));
	/* Another effective user, as in a set-id program; only root can become one. */
	if (getuid() == 0) {
		assert_int_equal(seteuid(65534), 0);
		bool is_privileged = compat_is_privileged();
		const char *path = compat_secure_getenv("PATH");
		assert_int_equal(seteuid(0), 0);
		assert_true(is_privileged);
		assert_null(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_byte_is_found),
		cmocka_unit_test(a_part_is_found),
		cmocka_unit_test(case_does_not_count),
		cmocka_unit_test(memory_is_wiped),
		cmocka_unit_test(the_environment_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
