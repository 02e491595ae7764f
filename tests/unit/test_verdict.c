/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "smtp/reply.h"
#include "smtp/verdict.h"

static void the_status_goes_with_the_verdict(void **state)
{
	static const struct {
		struct outcome outcome;
		const char *status;
	} rows[] = {
		{ { VERDICT_ACCEPTED, .enhanced = "2.6.0" }, "2.6.0" },
		{ { VERDICT_ACCEPTED }, "2.0.0" },
		{ { VERDICT_PERMANENT, CAUSE_RCPT, .enhanced = "5.1.1" }, "5.1.1" },
		{ { VERDICT_PERMANENT, CAUSE_RCPT }, "5.0.0" },
		{ { VERDICT_TEMPORARY, CAUSE_TEMP, .enhanced = "4.2.1" }, "4.2.1" },
		{ { VERDICT_TEMPORARY, CAUSE_CONNECT }, "4.4.1" },
		{ { VERDICT_UNKNOWN, CAUSE_UNKNOWN }, "4.4.2" },
		{ { VERDICT_UNTRIED }, "4.0.0" },
		/* A refused login is final for the session, but the mail is kept. */
		{ { VERDICT_TEMPORARY, CAUSE_AUTH, .enhanced = "5.7.8" }, "4.7.8" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char status[16];
		outcome_status(&rows[i].outcome, status);
		assert_string_equal(status, rows[i].status);
	}
}

static void what_a_refusal_means(void **state)
{
	static const struct {
		enum verb verb;
		const char *reply;
		enum verdict verdict;
		enum cause cause;
	} cases[] = {
		{VERB_RCPT, "550 5.1.1 no such user", VERDICT_PERMANENT, CAUSE_RCPT},
		{VERB_RCPT, "553 no", VERDICT_PERMANENT, CAUSE_RCPT},
		{VERB_RCPT, "504 5.5.2 need a full address", VERDICT_PERMANENT,
		 CAUSE_RCPT},
		{VERB_RCPT, "450 4.2.1 later", VERDICT_TEMPORARY, CAUSE_TEMP},
		{VERB_RCPT, "530 5.7.0 login first", VERDICT_TEMPORARY, CAUSE_AUTH},
		{VERB_RCPT, "503 5.5.1 need MAIL", VERDICT_TEMPORARY, CAUSE_PROTOCOL},
		{VERB_MAIL, "550 5.7.1 not you", VERDICT_PERMANENT, CAUSE_REFUSED},
		{VERB_MAIL, "552 5.3.4 too big", VERDICT_PERMANENT, CAUSE_REFUSED},
		{VERB_MAIL, "535 5.7.8 login first", VERDICT_TEMPORARY, CAUSE_AUTH},
		{VERB_MAIL, "500 what?", VERDICT_TEMPORARY, CAUSE_PROTOCOL},
		{VERB_MAIL, "452 full", VERDICT_TEMPORARY, CAUSE_TEMP},
		{VERB_DATA, "554 5.5.1 no", VERDICT_PERMANENT, CAUSE_REFUSED},
		{VERB_END, "554 5.7.1 spam", VERDICT_PERMANENT, CAUSE_DATA},
		{VERB_END, "554 no", VERDICT_PERMANENT, CAUSE_DATA},
		{VERB_END, "550 5.6.0 malformed", VERDICT_PERMANENT, CAUSE_DATA},
		{VERB_END, "552 5.3.4 too big", VERDICT_PERMANENT, CAUSE_REFUSED},
		{VERB_END, "550 5.1.1 no such user", VERDICT_PERMANENT, CAUSE_RCPT},
		{VERB_BDAT, "552 5.2.2 mailbox full", VERDICT_PERMANENT, CAUSE_RCPT},
		{VERB_BDAT, "554 no", VERDICT_PERMANENT, CAUSE_DATA},
		{VERB_BDAT, "504 5.5.4 no", VERDICT_TEMPORARY, CAUSE_PROTOCOL},
		{VERB_BDAT, "451 4.3.0 later", VERDICT_TEMPORARY, CAUSE_TEMP},
		{VERB_GREETING, "554 no service", VERDICT_TEMPORARY, CAUSE_TEMP},
		{VERB_EHLO, "550 no", VERDICT_TEMPORARY, CAUSE_PROTOCOL},
		{VERB_STARTTLS, "501 no", VERDICT_TEMPORARY, CAUSE_TLS},
		{VERB_AUTH, "554 no", VERDICT_TEMPORARY, CAUSE_AUTH},
	};
	struct reply r;
	struct err e;

	(void)state;
	reply_init(&r);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char line[100];
		struct outcome o;
		size_t used;
		snprintf(line, sizeof(line), "%s\r\n", cases[i].reply);
		assert_int_equal(reply_parse(&r, span_str(line), &used, &e), REPLY_DONE);
		memset(&o, 0xff, sizeof(o));
		outcome_of_reply(&o, cases[i].verb, &r);
		assert_int_equal(o.verdict, cases[i].verdict);
		assert_int_equal(o.cause, cases[i].cause);
		assert_int_equal(o.code, r.code);
		assert_string_equal(o.text, cases[i].reply);
		assert_string_equal(o.enhanced, r.enhanced);
		assert_string_equal(o.verb, verb_row(cases[i].verb)->phrase);
		/* The exit status and the verdict say the same. */
		assert_int_equal(cause_row(o.cause)->retry == RETRY_NEVER,
				 o.verdict == VERDICT_PERMANENT);
	}
	reply_clear(&r);
}

static void our_own_outcomes_are_sanitised(void **state)
{
	struct outcome o;

	(void)state;
	outcome_set(&o, VERDICT_PERMANENT, CAUSE_DATA, VERB_MAIL, "5.3.4", "a\r\nb");
	assert_int_equal(o.code, 0);
	assert_string_equal(o.text, "a??b");
	assert_string_equal(o.enhanced, "5.3.4");
	assert_string_equal(o.verb, "MAIL FROM");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_refusal_means),
		cmocka_unit_test(the_status_goes_with_the_verdict),
		cmocka_unit_test(our_own_outcomes_are_sanitised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
