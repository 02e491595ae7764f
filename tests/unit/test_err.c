/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/err.h"

#include <errno.h>
#include <sysexits.h>

static void every_cause_has_a_row(void **state)
{
	(void)state;
	for (enum cause c = CAUSE_NONE; c < CAUSE_COUNT; c++) {
		const struct cause_row *row = cause_row(c);
		assert_non_null(row->name);
		assert_true(strlen(row->sentence) > 10);
		assert_true(c == CAUSE_NONE ? row->exit_code == 0
					    : row->exit_code >= EX__BASE && row->exit_code <= EX__MAX);
		/* What can work later is told apart by the exit status, save for a bug. */
		assert_true(row->retry == RETRY_LATER ||
			    row->exit_code != EX_TEMPFAIL);
	}
}

static void text_is_sanitised_and_context_goes_before_it(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_false(err_set(&e, CAUSE_DATA, "bad\r\nname \x1b[31m %s", "caf\xc3\xa9 \xff"));
	assert_string_equal(e.text, "bad??name ?[31m caf\xc3\xa9 ?");
	assert_false(err_ctx(&e, "account %s", "work"));
	assert_string_equal(e.text, "account work: bad??name ?[31m caf\xc3\xa9 ?");
	assert_int_equal(e.cause, CAUSE_DATA);
}

static void errno_is_named(void **state)
{
	struct err e = { 0 };

	(void)state;
	errno = ENOENT;
	assert_false(err_errno(&e, CAUSE_INPUT, "cannot open %s", "x"));
	assert_string_equal(e.text, "cannot open x: No such file or directory");
	assert_int_equal(e.os_errno, ENOENT);
	assert_false(err_is_timeout(&e));
	errno = ETIMEDOUT;
	assert_false(err_errno(&e, CAUSE_LOST, "nothing came"));
	assert_true(err_is_timeout(&e));
}

static void long_texts_are_cut(void **state)
{
	struct err e = { 0 };
	char big[3 * ERR_TEXT_MAX];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, CAUSE_BUG, "%s", big);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	err_ctx(&e, "%s", big);
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cause_has_a_row),
		cmocka_unit_test(text_is_sanitised_and_context_goes_before_it),
		cmocka_unit_test(errno_is_named),
		cmocka_unit_test(long_texts_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
