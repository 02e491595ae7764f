/* SPDX-License-Identifier: ISC */
/* The one answer for all recipients. */
#include "unit.h"

#include "smtp/server.h"

/* A letter each: Accepted, Permanent, Temporary, Unknown, - untried. */
static const char letters[] = "-ATPU";

static void fill(struct smtp_rcpt *r, char letter)
{
	struct outcome *o = &r->outcome;

	r->addr = "ann@b.test";
	o->verdict = (enum verdict)(strchr(letters, letter) - letters);
	o->verb = "RCPT TO";
	if (letter == 'P') {
		o->cause = CAUSE_RCPT;
		o->code = 550;
		snprintf(o->enhanced, sizeof(o->enhanced), "5.1.1");
		snprintf(o->text, sizeof(o->text), "550 5.1.1 Unknown user");
	} else if (letter == 'T' || letter == 'U') {
		o->cause = letter == 'T' ? CAUSE_TEMP : CAUSE_UNKNOWN;
		o->code = letter == 'T' ? 421 : 0;
		snprintf(o->text, sizeof(o->text), "later");
	}
}

static void recipients_with_different_fates(void **state)
{
	static const struct {
		const char *rcpts;
		bool is_kept, is_reported;
		enum verdict verdict;
		const char *text;
	} cases[] = {
		{ "A", false, false, VERDICT_ACCEPTED, "Ok: queued as ID" },
		{ "AAA", true, true, VERDICT_ACCEPTED, "Ok: queued as ID" },
		{ "T", true, false, VERDICT_ACCEPTED, "Ok: queued as ID" },
		{ "U-T", true, false, VERDICT_ACCEPTED, "Ok: queued as ID" },
		{ "T", false, false, VERDICT_TEMPORARY, "<ann@b.test>: later" },
		{ "U", false, false, VERDICT_TEMPORARY, "<ann@b.test>: later" },
		{ "-", false, false, VERDICT_TEMPORARY, "<ann@b.test>: not tried" },
		{ "P", false, false, VERDICT_PERMANENT, "<ann@b.test>: 550 5.1.1 Unknown user" },
		/* The client hears it: no report is needed. */
		{ "P", true, true, VERDICT_PERMANENT, "<ann@b.test>: 550 5.1.1 Unknown user" },
		{ "PP", true, false, VERDICT_PERMANENT, "<ann@b.test>: 550 5.1.1 Unknown user" },
		{ "PT", false, false, VERDICT_TEMPORARY, "<ann@b.test>: later" },
		{ "PT", true, true, VERDICT_ACCEPTED,
		  "Ok: queued as ID; 1 of 2 recipients failed, a report is sent" },
		{ "PT", true, false, VERDICT_PERMANENT,
		  "<ann@b.test>: 550 5.1.1 Unknown user (1 of 2 recipients have it)" },
		{ "AP", false, true, VERDICT_ACCEPTED,
		  "Ok: queued as ID; 1 of 2 recipients failed, a report is sent" },
		{ "AP", false, false, VERDICT_PERMANENT,
		  "<ann@b.test>: 550 5.1.1 Unknown user (1 of 2 recipients have it)" },
		{ "APT", false, false, VERDICT_TEMPORARY,
		  "<ann@b.test>: later (1 of 3 recipients have it)" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_rcpt rcpts[4] = { 0 };
		struct smtp_txn txn = { .sender = "joe@a.test", .rcpts = rcpts,
					.rcpt_count = strlen(cases[i].rcpts) };
		struct smtp_fate fate = { .txn = &txn, .id = "ID", .is_kept = cases[i].is_kept,
					  .is_reported = cases[i].is_reported };
		struct smtp_answer a;
		for (size_t k = 0; k < txn.rcpt_count; k++) {
			fill(&rcpts[k], cases[i].rcpts[k]);
		}
		smtp_server_judge(&a, &fate);
		assert_int_equal(a.verdict, cases[i].verdict);
		assert_string_equal(a.text, cases[i].text);
		assert_int_equal(a.result.some_have_it,
				 strpbrk(cases[i].rcpts, cases[i].is_kept ? "ATU-" : "A") != NULL);
		assert_int_equal(a.enhanced[0], a.verdict == VERDICT_ACCEPTED	 ? '2'
						: a.verdict == VERDICT_PERMANENT ? '5'
										 : '4');
	}
}

/* RFC 3461: who asked not to hear of it, for this recipient or all, is not told that he will. */
static void no_report_is_promised_that_is_not_made(void **state)
{
	static const struct {
		const char *sender;
		unsigned of_all, of_first;
		bool is_promised;
	} cases[] = {
		{ "joe@a.test", 0, 0, true },
		{ "joe@a.test", 0, SMTP_NOTIFY_NEVER, false },
		{ "joe@a.test", 0, SMTP_NOTIFY_SUCCESS | SMTP_NOTIFY_DELAY, false },
		{ "joe@a.test", SMTP_NOTIFY_NEVER, 0, false },
		{ "joe@a.test", SMTP_NOTIFY_NEVER, SMTP_NOTIFY_FAILURE, true },
		{ "", 0, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_rcpt rcpts[2] = { 0 };
		struct smtp_txn txn = { .sender = cases[i].sender, .rcpts = rcpts, .rcpt_count = 2,
					.notify = cases[i].of_all };
		struct smtp_fate fate = { .txn = &txn, .id = "ID", .is_reported = true };
		struct smtp_answer a;
		fill(&rcpts[0], 'P');
		fill(&rcpts[1], 'A');
		rcpts[0].notify = cases[i].of_first;
		smtp_server_judge(&a, &fate);
		assert_int_equal(a.verdict, VERDICT_ACCEPTED);
		assert_int_equal(strstr(a.text, "a report is sent") != NULL, cases[i].is_promised);
	}
}

/* Codes that speak of our session with the server are not the client's. */
static void codes_are_for_the_client(void **state)
{
	static const struct {
		enum verdict verdict;
		int code, want;
	} cases[] = {
		{ VERDICT_PERMANENT, 550, 550 }, { VERDICT_PERMANENT, 552, 552 },
		{ VERDICT_PERMANENT, 554, 554 }, { VERDICT_PERMANENT, 501, 0 },
		{ VERDICT_PERMANENT, 0, 0 },	 { VERDICT_TEMPORARY, 421, 0 },
		{ VERDICT_TEMPORARY, 451, 451 }, { VERDICT_TEMPORARY, 530, 0 },
		{ VERDICT_TEMPORARY, 454, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_rcpt r = { .addr = "ann@b.test",
				       .outcome = { .verdict = cases[i].verdict,
						    .code = cases[i].code, .verb = "" } };
		struct smtp_txn txn = { .sender = "", .rcpts = &r, .rcpt_count = 1 };
		struct smtp_fate fate = { .txn = &txn, .id = "ID" };
		struct smtp_answer a;
		smtp_server_judge(&a, &fate);
		assert_int_equal(a.code, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recipients_with_different_fates),
		cmocka_unit_test(no_report_is_promised_that_is_not_made),
		cmocka_unit_test(codes_are_for_the_client),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
