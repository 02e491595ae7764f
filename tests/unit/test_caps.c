/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "smtp/caps.h"

static struct smtp_caps parse(const char *text)
{
	struct smtp_caps caps;

	memset(&caps, 0xff, sizeof(caps));
	caps_parse(&caps, span_str(text));
	return caps;
}

static void every_keyword_sets_its_flag(void **state)
{
	static const struct {
		const char *text;
		size_t flag;
	} cases[] = {
		{ "PIPELINING", offsetof(struct smtp_caps, pipelining) },
		{ "CHUNKING", offsetof(struct smtp_caps, chunking) },
		{ "8BITMIME", offsetof(struct smtp_caps, eightbitmime) },
		{ "SMTPUTF8", offsetof(struct smtp_caps, smtputf8) },
		{ "DSN", offsetof(struct smtp_caps, dsn) },
		{ "ENHANCEDSTATUSCODES", offsetof(struct smtp_caps, enhanced) },
		{ "STARTTLS", offsetof(struct smtp_caps, starttls) },
		{ "REQUIRETLS", offsetof(struct smtp_caps, requiretls) },
		{ "SIZE 5", offsetof(struct smtp_caps, has_size) },
		{ "AUTH PLAIN", offsetof(struct smtp_caps, auth) },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[100];
		snprintf(text, sizeof(text), "host %s\n%s extra\n", cases[i].text,
			 cases[i].text);
		struct smtp_caps caps = parse(text);
		for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
			assert_int_equal(*(bool *)((char *)&caps + cases[k].flag),
					 k == i);
		}
		/* The greeting line does not count, nor does a longer word. */
		snprintf(text, sizeof(text), "%s\n%.4sXX\n", cases[i].text,
			 cases[i].text);
		caps = parse(text);
		assert_false(*(bool *)((char *)&caps + cases[i].flag));
	}
}

static void mechanisms_are_merged_and_checked(void **state)
{
	static const struct {
		const char *text, *mechanisms;
	} cases[] = {
		{ "h\nAUTH PLAIN LOGIN", "PLAIN LOGIN" },
		{ "h\nAUTH=plain login", "PLAIN LOGIN" },
		{ "h\nauth  plain\tscram-sha-256-plus ", "PLAIN SCRAM-SHA-256-PLUS" },
		{ "h\nAUTH PLAIN\nAUTH=LOGIN PLAIN", "PLAIN LOGIN" },
		{ "h\nAUTH", "" },
		{ "h\nAUTH PL\"AIN \x1b[0m LOGIN", "LOGIN" },
		{ "h\nAUTH A123456789012345678901 X", "X" },
		{ "h", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_caps caps = parse(cases[i].text);
		assert_string_equal(caps.mechanisms, cases[i].mechanisms);
		assert_int_equal(caps.auth,
				 strstr(cases[i].text, "AUTH") != NULL ||
					 strstr(cases[i].text, "auth") != NULL);
	}
}

static void too_many_mechanisms_fit_by_the_word(void **state)
{
	char text[4000] = "h\nAUTH";

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(text + strlen(text), 20, " MECH-%04d", i);
	}
	struct smtp_caps caps = parse(text);
	size_t n = strlen(caps.mechanisms);
	assert_in_range(n, sizeof(caps.mechanisms) - 11, sizeof(caps.mechanisms) - 1);
	assert_int_equal((n + 1) % 10, 0);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		bool has_size;
		unsigned long long size_max;
		unsigned rcpt_max, mail_max;
	} cases[] = {
		{ "h\nSIZE", true, 0, 0, 0 },
		{ "h\nSIZE 0", true, 0, 0, 0 },
		{ "h\nsize 35882577", true, 35882577, 0, 0 },
		{ "h\nSIZE 99999999999999999999999", true, 0, 0, 0 },
		{ "h\nSIZE -1", true, 0, 0, 0 },
		{ "h\nLIMITS RCPTMAX=20 MAILMAX=5 X=1", false, 0, 20, 5 },
		{ "h\nlimits mailmax=7", false, 0, 0, 7 },
		{ "h\nLIMITS RCPTMAX=x RCPTMAXX=3 RCPTMAX", false, 0, 0, 0 },
		{ "h\nLIMITS RCPTMAX=4294967296", false, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct smtp_caps caps = parse(cases[i].text);
		assert_int_equal(caps.has_size, cases[i].has_size);
		assert_true(caps.size_max == cases[i].size_max);
		assert_int_equal(caps.rcpt_max, cases[i].rcpt_max);
		assert_int_equal(caps.mail_max, cases[i].mail_max);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_keyword_sets_its_flag),
		cmocka_unit_test(mechanisms_are_merged_and_checked),
		cmocka_unit_test(too_many_mechanisms_fit_by_the_word),
		cmocka_unit_test(numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
