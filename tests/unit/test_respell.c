/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "app/respell.h"
#include "base/mem.h"

static void both_forms_of_a_domain(void **state)
{
	static const struct {
		const char *address, *ascii, *letters;	/* NULL: there is no other way */
	} rows[] = {
		{ "me@bücher.test", "me@xn--bcher-kva.test", "me@bücher.test" },
		{ "\"a@ü\"@xn--bcher-kva.test", "\"a@ü\"@xn--bcher-kva.test", "\"a@ü\"@bücher.test" },
		{ "me@mail.xn--BCHER-kva.test", "me@mail.xn--BCHER-kva.test", "me@mail.BüCHER.test" },
		{ "me@mail.test", NULL, NULL },
		{ "jörg@mail.test", NULL, NULL },
		{ "xn--bcher-kva@mail.test", NULL, NULL },
		{ "me@axn--bcher-kva.test", NULL, NULL },
		{ "me@-ü.test", NULL, NULL },
		{ "me@xn--.test", NULL, NULL },
		{ "me@[192.0.2.1]", NULL, NULL },
		{ "xn--bcher-kva", NULL, NULL },
		{ "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *want[] = { rows[i].ascii, rows[i].letters, NULL };
		for (unsigned n = 0; n < 3; n++) {
			char *got MEM_AUTO = respell_address(rows[i].address, n);
			if ((got == NULL) != (want[n] == NULL)) {
				fail_msg("%s: %s", rows[i].address, got ? got : "nothing");
			}
			if (got) {
				assert_string_equal(got, want[n]);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_a_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
