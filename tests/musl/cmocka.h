/* SPDX-License-Identifier: ISC */
/*
 * cmocka: the part of cmocka's interface that the unit tests use, for C libraries whose
 * distribution has no cmocka: with musl on a glibc system (tests/musl/setup).  No mocks, no
 * filters, no memory checks; a test that crashes ends its program.
 */
#ifndef TESTS_MUSL_CMOCKA_H
#define TESTS_MUSL_CMOCKA_H

#include <inttypes.h>
#include <stdbool.h>

typedef void (*CMUnitTestFunction)(void **state);
typedef int (*CMFixtureFunction)(void **state);

struct CMUnitTest {
	const char *name;
	CMUnitTestFunction test_func;
	CMFixtureFunction setup_func, teardown_func;
	void *initial_state;
};

#define cmocka_unit_test(f) { #f, f, NULL, NULL, NULL }
#define cmocka_unit_test_setup(f, setup) { #f, f, setup, NULL, NULL }
#define cmocka_unit_test_teardown(f, teardown) { #f, f, NULL, teardown, NULL }
#define cmocka_unit_test_setup_teardown(f, setup, teardown) { #f, f, setup, teardown, NULL }

enum { MINI_FAILED = 1, MINI_SKIPPED };

/* One in a program, whichever file fails. */
__attribute__((weak)) jmp_buf mini_back;

__attribute__((noreturn, format(printf, 3, 4), unused))
static void mini_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	longjmp(mini_back, MINI_FAILED);
}

#define MINI_CHECK(ok, ...) \
	((ok) ? (void)0 : mini_fail(__FILE__, __LINE__, __VA_ARGS__))

__attribute__((unused))
static void mini_numbers(uint64_t a, uint64_t b, bool wanted, const char *what, const char *file,
			 int line)
{
	if ((a == b) != wanted) {
		mini_fail(file, line, "%s: %#" PRIx64 ", %#" PRIx64, what, a, b);
	}
}

__attribute__((unused))
static void mini_strings(const char *a, const char *b, bool wanted, const char *file, int line)
{
	if ((strcmp(a, b) == 0) != wanted) {
		mini_fail(file, line, "\"%s\", \"%s\"", a, b);
	}
}

__attribute__((unused))
static void mini_memory(const void *a, const void *b, size_t size, const char *file, int line)
{
	if (size > 0 && memcmp(a, b, size) != 0) {
		mini_fail(file, line, "%zu bytes differ", size);
	}
}

__attribute__((unused))
static void mini_range(uint64_t value, uint64_t least, uint64_t most, const char *file, int line)
{
	if (value < least || value > most) {
		mini_fail(file, line, "%" PRIu64 " is not in %" PRIu64 " to %" PRIu64, value, least,
			  most);
	}
}

#define mini_number(x) ((uint64_t)(uintptr_t)(x))

#define assert_true(x)	       MINI_CHECK((x), "is false: %s", #x)
#define assert_false(x)	       MINI_CHECK(!(x), "is true: %s", #x)
#define assert_null(x)	       MINI_CHECK((x) == NULL, "is not NULL: %s", #x)
#define assert_non_null(x)     MINI_CHECK((x) != NULL, "is NULL: %s", #x)
#define assert_ptr_equal(a, b) MINI_CHECK((a) == (b), "differ: %s, %s", #a, #b)
#define assert_int_equal(a, b) \
	mini_numbers(mini_number(a), mini_number(b), true, #a ", " #b, __FILE__, __LINE__)
#define assert_int_not_equal(a, b) \
	mini_numbers(mini_number(a), mini_number(b), false, #a ", " #b, __FILE__, __LINE__)
#define assert_string_equal(a, b)     mini_strings(a, b, true, __FILE__, __LINE__)
#define assert_string_not_equal(a, b) mini_strings(a, b, false, __FILE__, __LINE__)
#define assert_memory_equal(a, b, n)  mini_memory(a, b, n, __FILE__, __LINE__)
#define assert_in_range(x, least, most) \
	mini_range(mini_number(x), mini_number(least), mini_number(most), __FILE__, __LINE__)
#define fail_msg(...) mini_fail(__FILE__, __LINE__, __VA_ARGS__)
#define fail()	      mini_fail(__FILE__, __LINE__, "failed")
#define skip()	      longjmp(mini_back, MINI_SKIPPED)

static int mini_run(const struct CMUnitTest *test, void *group_state)
{
	void *state = test->initial_state ? test->initial_state : group_state;
	/* volatile: longjmp must find it as it was. */
	volatile int how = setjmp(mini_back);

	if (how == 0) {
		if (test->setup_func && test->setup_func(&state) != 0) {
			mini_fail(__FILE__, __LINE__, "its setup failed");
		}
		test->test_func(&state);
	}
	volatile int ended = how;
	if (setjmp(mini_back) == 0) {
		if (test->teardown_func && test->teardown_func(&state) != 0) {
			ended = MINI_FAILED;
		}
	} else {
		ended = MINI_FAILED;
	}
	printf("[%s] %s\n", ended == MINI_FAILED ? "FAILED" : ended == MINI_SKIPPED ? "SKIPPED" : "OK",
	       test->name);
	return ended == MINI_FAILED;
}

/* Returns how many failed, as cmocka does. */
__attribute__((unused))
static int _cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
				   CMFixtureFunction setup, CMFixtureFunction teardown)
{
	void *state = NULL;
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (setup && setup(&state) != 0) {
		fprintf(stderr, "%s: the setup of all tests failed\n", name);
		return (int)count;
	}
	for (size_t i = 0; i < count; i++) {
		failed += mini_run(&tests[i], state);
	}
	if (teardown && teardown(&state) != 0) {
		fprintf(stderr, "%s: the teardown of all tests failed\n", name);
		failed++;
	}
	return failed;
}

#define cmocka_run_group_tests_name(name, tests, setup, teardown) \
	_cmocka_run_group_tests(name, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown) \
	cmocka_run_group_tests_name(#tests, tests, setup, teardown)

#endif
