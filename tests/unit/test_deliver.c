/* SPDX-License-Identifier: ISC */
/* The policy: verdicts of all recipients → exit status. */
#include "unit.h"

#include "app/deliver.h"
#include "smtp/client.h"

#include <sysexits.h>

static void exit_status_follows_the_verdicts(void **state)
{
	static const struct {
		struct outcome outcomes[3];
		int status;
	} rows[] = {
		{ { { VERDICT_ACCEPTED }, { VERDICT_ACCEPTED }, { VERDICT_ACCEPTED } }, EX_OK },
		{ { { VERDICT_ACCEPTED },
		    { VERDICT_PERMANENT, .cause = CAUSE_RCPT },
		    { VERDICT_PERMANENT, .cause = CAUSE_REFUSED } },
		  EX_NOUSER },
		{ { { VERDICT_PERMANENT, .cause = CAUSE_DATA },
		    { VERDICT_ACCEPTED },
		    { VERDICT_PERMANENT, .cause = CAUSE_RCPT } },
		  EX_DATAERR },
		{ { { VERDICT_PERMANENT, .cause = CAUSE_REFUSED },
		    { VERDICT_PERMANENT, .cause = CAUSE_REFUSED },
		    { VERDICT_PERMANENT, .cause = CAUSE_REFUSED } },
		  EX_UNAVAILABLE },
		{ { { VERDICT_PERMANENT, .cause = CAUSE_RCPT },
		    { VERDICT_TEMPORARY, .cause = CAUSE_TEMP },
		    { VERDICT_ACCEPTED } },
		  EX_TEMPFAIL },
		{ { { VERDICT_ACCEPTED }, { VERDICT_UNKNOWN, .cause = CAUSE_UNKNOWN }, { VERDICT_ACCEPTED } },
		  EX_TEMPFAIL },
		/* Trying again later does not put a file in its place. */
		{ { { VERDICT_TEMPORARY, .cause = CAUSE_CONFIG },
		    { VERDICT_TEMPORARY, .cause = CAUSE_CONFIG },
		    { VERDICT_TEMPORARY, .cause = CAUSE_CONFIG } },
		  EX_CONFIG },
		/* An outcome that was never filled must never look like success. */
		{ { { VERDICT_ACCEPTED }, { VERDICT_UNTRIED }, { VERDICT_ACCEPTED } }, EX_TEMPFAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_rcpt rcpts[3] = { 0 };
		for (size_t k = 0; k < 3; k++) {
			rcpts[k].outcome = rows[i].outcomes[k];
		}
		assert_int_equal(deliver_exit_status(rcpts, 3), rows[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_status_follows_the_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
