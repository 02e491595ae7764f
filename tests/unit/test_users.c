/* SPDX-License-Identifier: ISC */
/* Lists of login names. */
#include "unit.h"

#include "conf/users.h"

static void the_first_entry_that_fits_decides(void **state)
{
	static const struct {
		const char *list, *login;
		bool has;
	} rows[] = {
		{ "static:anyone", "joe", true },
		{ "static:all", NULL, true },
		{ "STATIC:ANYONE", "", true },
		{ "", "joe", false },
		{ " , ", "joe", false },
		{ "joe", "joe", true },
		{ "joe", "Joe", false },
		{ "joe", "jo", false },
		{ "joe", NULL, false },
		{ "joe", "", false },
		{ "ann,joe", "joe", true },
		{ "ann joe", "joe", true },
		{ "!joe, static:anyone", "joe", false },
		{ "!joe, static:anyone", "ann", true },
		{ "!joe static:anyone", NULL, false },
		{ "joe static:anyone", NULL, true },
		{ "static:anyone !joe", "", true },
		{ "static:anyone, !joe", "joe", true },
		{ "joe, !static:all, ann", "ann", false },
		{ "joe, !static:all, ann", "joe", true },
		{ "!", "joe", false },
		{ "/etc/users", "joe", false },
		{ "hash:joe", "joe", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (users_has(rows[i].list, rows[i].login) != rows[i].has) {
			fail_msg("\"%s\" has \"%s\"", rows[i].list,
				 rows[i].login ? rows[i].login : "(nobody)");
		}
	}
}

static void what_is_no_name_is_found(void **state)
{
	static const struct {
		const char *list, *found;
	} rows[] = {
		{ "static:anyone, !joe ann", "" },
		{ "joe, /etc/users", "/etc/users" },
		{ "joe, !hash:/etc/users, x:y", "!hash:/etc/users" },
		{ "!", "!" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(span_equal(users_unknown(rows[i].list), span_str(rows[i].found)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_entry_that_fits_decides),
		cmocka_unit_test(what_is_no_name_is_found),
	};

	return cmocka_run_group_tests_name("users", tests, NULL, NULL);
}
