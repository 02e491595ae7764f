/* SPDX-License-Identifier: ISC */
/* To whose limits a user ID of a container counts. */
#include "unit.h"

#include "app/payer.h"
#include "base/mem.h"

static const char table[] = "# of this machine\n"
			    "alice:100000:65536\n"
			    "bob : 200000 : 10 \r\n"
			    "1003:300000:1\n"
			    "\n:400000:10\nx:400000\nx:400000:0\nx:-1:9\nx:400000:4294967296\n"
			    "x:400000:1x\nx:400000:1:2\nx:99999999999999999999:1\nx\n:::\n"
			    "alice:500000:2\n"
			    "carol:500001:2\n"
			    "dave:4294967295:4294967295\n"
			    "last:600000:1";

static void the_first_range_that_fits_says_who_it_is(void **state)
{
	static const struct {
		int64_t uid;
		const char *owner;
	} rows[] = {
		{ 99999, "" },	     { 100000, "alice" }, { 165535, "alice" }, { 165536, "" },
		{ 200000, "bob" },   { 200009, "bob" },	  { 200010, "" },      { 300000, "1003" },
		{ 300001, "" },	     { 400000, "" },	  { 500000, "alice" }, { 500001, "alice" },
		{ 500002, "carol" }, { 600000, "last" },  { 600001, "" },      { 0, "" },
		{ -1, "" },	     { 4294967294, "" },  { 4294967295, "dave" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span owner = payer_in(span_str(table), rows[i].uid);
		char *text MEM_AUTO = mem_copy(owner.data, owner.size);
		assert_string_equal(text, rows[i].owner);
	}
}

static void nothing_is_in_an_empty_table(void **state)
{
	(void)state;
	assert_int_equal(payer_in(span_str(""), 100000).size, 0);
	assert_int_equal(payer_in(span_of(NULL, 0), 100000).size, 0);
	assert_int_equal(payer_in(span_str("\n\n"), 100000).size, 0);
	assert_int_equal(payer_in(span_str("alice:100000:65536"), 100000).size, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_range_that_fits_says_who_it_is),
		cmocka_unit_test(nothing_is_in_an_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
