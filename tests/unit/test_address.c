/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/mem.h"
#include "conf/address.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* NULL: refused with that reason. */
static const struct {
	const char *in, *from, *full, *reason;
} rows[] = {
	{ "me@example.org", "me@example.org", "me@example.org", "" },
	{ "Me <me@example.org>", "me@example.org", "me@example.org", "" },
	{ "me@[192.0.2.1]", "me@[192.0.2.1]", "me@[192.0.2.1]", "" },
	{ "root", "root", NULL, "the address needs a domain, as in me@example.org" },
	{ "%F", "%F", NULL, "the address needs a domain, as in me@example.org" },
	{ "*@example.org", "*@example.org", "*@example.org", "" },
	{ "a b@c", NULL, NULL,
	  "not a mail address: in the value: column 3: a second word; put \",\" between two "
	  "addresses, or \"<\" and \">\" around the one behind a name" },
	{ "a@b, c@d", NULL, NULL,
	  "not a mail address: in the value: column 6: a second address; exactly one is "
	  "needed" },
	{ "<>", NULL, NULL, "not a mail address" },
	{ "a@", NULL, NULL,
	  "not a mail address: in the value: column 2: nothing stands behind the \"@\"; "
	  "write it as in name@example.org" },
	{ "a@b!c", NULL, NULL,
	  "not a mail address: in the value: column 4: the character cannot stand in a "
	  "domain; it has letters, digits, \"-\" and \".\"" },
};

static void check(size_t i, bool (*question)(char **text, struct err *e),
		  const char *expected)
{
	struct err e = { 0 };
	char *text MEM_AUTO = mem_str(rows[i].in);

	assert_int_equal(question(&text, &e), expected != NULL);
	assert_string_equal(text, expected ? expected : rows[i].reason[0] ? text : "");
	if (!expected) {
		assert_string_equal(e.text, rows[i].reason);
		assert_int_equal(e.cause, CAUSE_CONFIG);
	}
}

static void a_sender_may_be_a_name_or_a_pattern(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(i, address_check_from, rows[i].from);
	}
}

static void a_full_address_has_a_domain(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		check(i, address_check_full, rows[i].full);
	}
}

static void patterns_are_known_by_their_bytes(void **state)
{
	(void)state;
	assert_true(address_is_pattern("*@b"));
	assert_true(address_is_pattern("a?@b"));
	assert_true(address_is_pattern("[ab]@b"));
	assert_false(address_is_pattern("a+b@c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sender_may_be_a_name_or_a_pattern),
		cmocka_unit_test(a_full_address_has_a_domain),
		cmocka_unit_test(patterns_are_known_by_their_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
