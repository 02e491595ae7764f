/* SPDX-License-Identifier: ISC */
/* The policy: verdict → what becomes of the recipient; of all of them → exit status. */
#include "unit.h"

#include "app/settle.h"
#include "app/tell.h"

#include <sysexits.h>

static void exit_status_follows_the_verdicts(void **state)
{
	static const struct {
		struct outcome outcomes[3];
		int status;	/* nothing is kept */
		int status_kept;
	} rows[] = {
		{ { { VERDICT_ACCEPTED }, { VERDICT_ACCEPTED }, { VERDICT_ACCEPTED } }, EX_OK, EX_OK },
		{ { { VERDICT_ACCEPTED },
		    { VERDICT_PERMANENT, .cause = CAUSE_RCPT },
		    { VERDICT_PERMANENT, .cause = CAUSE_REFUSED } },
		  EX_NOUSER, EX_NOUSER },
		{ { { VERDICT_PERMANENT, .cause = CAUSE_DATA },
		    { VERDICT_ACCEPTED },
		    { VERDICT_PERMANENT, .cause = CAUSE_RCPT } },
		  EX_DATAERR, EX_DATAERR },
		{ { { VERDICT_PERMANENT, .cause = CAUSE_REFUSED },
		    { VERDICT_PERMANENT, .cause = CAUSE_REFUSED },
		    { VERDICT_PERMANENT, .cause = CAUSE_REFUSED } },
		  EX_UNAVAILABLE, EX_UNAVAILABLE },
		{ { { VERDICT_PERMANENT, .cause = CAUSE_RCPT },
		    { VERDICT_TEMPORARY, .cause = CAUSE_TEMP },
		    { VERDICT_ACCEPTED } },
		  EX_TEMPFAIL, EX_NOUSER },
		{ { { VERDICT_ACCEPTED }, { VERDICT_UNKNOWN, .cause = CAUSE_UNKNOWN }, { VERDICT_ACCEPTED } },
		  EX_TEMPFAIL, EX_OK },
		/* Trying again later does not put a file in its place. */
		{ { { VERDICT_TEMPORARY, .cause = CAUSE_CONFIG },
		    { VERDICT_TEMPORARY, .cause = CAUSE_CONFIG },
		    { VERDICT_TEMPORARY, .cause = CAUSE_CONFIG } },
		  EX_CONFIG, EX_OK },
		/* An outcome that was never filled must never look like success. */
		{ { { VERDICT_ACCEPTED }, { VERDICT_UNTRIED }, { VERDICT_ACCEPTED } },
		  EX_TEMPFAIL, EX_OK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct smtp_rcpt rcpts[3] = { 0 };
		for (size_t k = 0; k < 3; k++) {
			rcpts[k].outcome = rows[i].outcomes[k];
		}
		struct smtp_txn txn = { .rcpts = rcpts, .rcpt_count = 3 };
		assert_int_equal(tell_exit_status(&txn, false), rows[i].status);
		assert_int_equal(tell_exit_status(&txn, true), rows[i].status_kept);
	}
}

static void policy_follows_verdict_age_and_queue(void **state)
{
	static const struct {
		enum verdict verdict;
		bool is_expired, is_queue_on;
		enum policy policy;
	} rows[] = {
		{ VERDICT_ACCEPTED, false, true, POLICY_DONE },
		{ VERDICT_ACCEPTED, true, true, POLICY_DONE },
		{ VERDICT_ACCEPTED, false, false, POLICY_DONE },
		{ VERDICT_PERMANENT, false, true, POLICY_FAIL },
		{ VERDICT_PERMANENT, true, false, POLICY_FAIL },
		{ VERDICT_TEMPORARY, false, true, POLICY_KEEP },
		{ VERDICT_TEMPORARY, true, true, POLICY_FAIL },
		{ VERDICT_TEMPORARY, false, false, POLICY_FAIL },
		{ VERDICT_UNKNOWN, false, true, POLICY_KEEP },
		{ VERDICT_UNKNOWN, true, true, POLICY_FAIL },
		{ VERDICT_UNKNOWN, false, false, POLICY_FAIL },
		{ VERDICT_UNTRIED, false, true, POLICY_KEEP },
		{ VERDICT_UNTRIED, true, true, POLICY_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(settle_policy(rows[i].verdict, rows[i].is_expired,
					       rows[i].is_queue_on),
				 rows[i].policy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exit_status_follows_the_verdicts),
		cmocka_unit_test(policy_follows_verdict_age_and_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
