/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "sys/netrc.h"

#define JOE "machine smtp.example.org login joe password "

/* Every text is asked for user joe at smtp.example.org. */
static const struct {
	const char *text;
	const char *want; /* NULL = nothing there; "!…" = this error */
} cases[] = {
	{ "", NULL },
	{ " \n\t\r\n", NULL },
	{ JOE "secret", "secret" },
	{ "machine SMTP.Example.ORG login joe password secret\n", "secret" },
	{ "machine smtp.example.org\n\tlogin joe\n\tpassword secret\n", "secret" },
	{ "machine smtp.example.org password secret login joe", "secret" },
	{ "machine smtp.example.org\r\nlogin joe\r\npassword secret\r\n", "secret" },
	{ "machine smtp.example.org user joe passwd secret", "secret" },

	/* Other people's, other hosts'. */
	{ "machine smtp.example.org login Joe password secret", NULL },
	{ "machine smtp.example.org login joe2 password secret", NULL },
	{ "machine example.org login joe password secret", NULL },
	{ "machine smtp.example.org.evil login joe password secret", NULL },
	{ "login joe password secret", NULL },
	{ "machine smtp.example.org login joe", NULL },
	{ "machine smtp.example.org login joe\nmachine b login joe password x", NULL },

	/* The closest entry wins, then the first. */
	{ "machine smtp.example.org login ann password 1 " JOE "2", "2" },
	{ JOE "1 " JOE "2", "1" },
	{ "machine smtp.example.org password any", "any" },
	{ "machine smtp.example.org password any " JOE "2", "2" },
	{ "machine smtp.example.org password 1 machine smtp.example.org password 2",
	  "1" },
	{ "default login joe password d", "d" },
	{ "default login joe password d machine smtp.example.org password h", "h" },
	{ "default login anonymous password d", NULL },
	{ "default password d", NULL },

	/* Quotes and backslashes. */
	{ JOE "\"two words\"", "two words" },
	{ JOE "\"a\\\"b\\\\c\"", "a\"b\\c" },
	{ "machine smtp.example.org login \"joe\" password a\\ b\\\\", "a b\\" },
	{ JOE "a\"b\"", "a\"b\"" },
	{ JOE "a,b#c", "a,b#c" },
	{ JOE "#1", "#1" },
	{ JOE "\"\"", "" },
	{ JOE "machine", "machine" },
	{ JOE "end\\", "end\\" },

	/* Comments, accounts, macros, strange words. */
	{ "# " JOE "no\nmachine smtp.example.org # here\n"
	  "login joe password yes",
	  "yes" },
	{ "machine smtp.example.org account a port 25 login joe password p", "p" },
	{ "machine a login b password c\nmacdef init\ncd /\n" JOE "no\n\n" JOE "yes",
	  "yes" },
	{ "macdef m\r\nx\r\n\r\n" JOE "p", "p" },
	{ "macdef m\n\n" JOE "p", "p" },
	{ "macdef m\n" JOE "p", NULL },
	{ "machine smtp.example.org protocol smtp login joe password p", "p" },

	/* Damaged: only what comes before the answer counts. */
	{ JOE "p machine x login \"", "p" },
	{ "machine", "!line 1: the file ends where a value should be" },
	{ "machine smtp.example.org\nlogin joe\npassword\n",
	  "!line 4: the file ends where a value should be" },
	{ "machine smtp.example.org login \"joe", "!line 1: a quote is missing" },
	{ "machine smtp.example.org\nlogin \"jo\ne\" password p",
	  "!line 2: the line ends inside a word" },
	{ JOE "12345678901234567890123456789012345678901",
	  "!line 1: a word is too long" },
	{ JOE "1234567890123456789012345678901234567890",
	  "1234567890123456789012345678901234567890" },
};

static void passwords_are_found_as_in_other_programs(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *want = cases[i].want;
		struct buf password;
		struct err e;
		bool is_found = false;
		buf_init_secret(&password, 40);
		bool is_good = netrc_find(span_str(cases[i].text), "smtp.example.org",
					  "joe", &password, &is_found, &e);
		if (want && want[0] == '!') {
			assert_false(is_good);
			assert_int_equal(e.cause, CAUSE_SECRET);
			assert_string_equal(e.text, want + 1);
			assert_int_equal(password.size, 0);
		} else {
			assert_true(is_good);
			assert_int_equal(is_found, want != NULL);
			assert_string_equal(password.data, want ? want : "");
		}
		buf_clear(&password);
	}
}

/* Bytes from nowhere, every prefix of every case: no crash, no leak (sanitizers). */
static void any_bytes_are_survived(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t size = 0; size <= strlen(cases[i].text); size++) {
			char *copy = malloc(size + 1);
			struct buf password;
			struct err e;
			bool is_found;
			assert_non_null(copy);
			memcpy(copy, cases[i].text, size);
			if (size > 3) {
				copy[size / 2] = '\0';
			}
			buf_init_secret(&password, 40);
			bool is_good = netrc_find(span_of(copy, size), "smtp.example.org",
						  "joe", &password, &is_found, &e);
			(void)is_good;
			buf_clear(&password);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(passwords_are_found_as_in_other_programs),
		cmocka_unit_test(any_bytes_are_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
