/* SPDX-License-Identifier: ISC */
/* Accounts out of the environment. */
#include "unit.h"

#include "app/settings_env.h"

static int clear_environment(void **state)
{
	(void)state;
	return clearenv();
}

static const struct conf_env outside = { .home = "/home/me" };

/* The error's text, "" = an account, "nothing" = none.  At most three variables. */
static const char *read_with(const char *const variables[][2], struct conf *c)
{
	static struct err e;
	bool is_found;

	clearenv();
	for (size_t i = 0; i < 3 && variables[i][0]; i++) {
		assert_int_equal(setenv(variables[i][0], variables[i][1], 1), 0);
	}
	conf_init(c);
	if (!settings_env_read(c, &outside, &is_found, &e)) {
		assert_int_equal(e.cause, CAUSE_CONFIG);
		return e.text;
	}
	assert_int_equal(c->count, is_found);
	return is_found ? "" : "nothing";
}

static void every_variable_is_read_or_told(void **state)
{
	static const struct {
		const char *variables[3][2];
		const char *want;
	} cases[] = {
		{ { { "RELAY_HOST", "h" } }, "" },
		{ { { "RELAY_SOCKET", "/run/lmtp" } }, "" },
		{ { { "PATH", "/bin" } }, "nothing" },
		{ { { "RELAY_", "x" } }, "nothing" },
		{ { { "relay_host", "x" } }, "nothing" },
		{ { { "RELAY_host", "x" } }, "nothing" },
		/* Another program's, or Kubernetes', that has a service of this name. */
		{ { { "RELAY_SERVICE_HOST", "10.0.0.1" }, { "RELAY_BIN", "x" } }, "nothing" },
		{ { { "RELAY_HOTS", "h" } },
		 "RELAY_HOTS: unknown setting; did you mean RELAY_HOST?" },
		{ { { "RELAY_HOST", "h" }, { "RELAY_PASSWORDFILE", "/f" } },
		 "RELAY_PASSWORDFILE: unknown setting; did you mean "
		 "RELAY_PASSWORD_FILE?" },
		{ { { "RELAY_HOST", "h" }, { "RELAY_PORT", "tcp://10.0.0.1:25" } }, "" },
		{ { { "RELAY_HOST", "h" }, { "RELAY_PORT", "10.0.0.1:25" } },
		 "RELAY_PORT: port: must be a number from 1 to 65535" },
		{ { { "RELAY_HOST", "h" }, { "RELAY_PASSWORD", "hunter2\n" } },
		 "RELAY_PASSWORD: password: there is a line break or another control "
		 "character in it" },
		{ { { "RELAY_USER", "joe" } },
		 "RELAY_HOST: it is not set, but RELAY_USER is; there is no "
		 "configuration "
		 "file that could name the server" },
		{ { { "RELAY_HOST", "" }, { "RELAY_HOTS", "" } }, "nothing" },
		/* Words that are no settings. */
		{ { { "RELAY_ACCOUNT", "x" }, { "RELAY_EVAL", "x" } }, "nothing" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf c;
		assert_string_equal(read_with(cases[i].variables, &c), cases[i].want);
		conf_clear(&c);
	}
}

static void every_setting_has_its_variable(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key_row *row = conf_key_row((enum key)i);
		char name[80] = "RELAY_";
		struct conf c;
		for (size_t at = 0; row->name[at]; at++) {
			char letter = row->name[at];
			name[6 + at] = letter >= 'a' && letter <= 'z'
					       ? (char)(letter - 32)
					       : letter;
		}
		/* A value for some of them; the others say where they found it. */
		const char *const variables[3][2] = { { "RELAY_SOCKET", "/s" },
						     { name, "on" } };
		const char *got = read_with(variables, &c);
		char start[160];
		snprintf(start, sizeof(start), "%s: %s: ", name, row->name);
		if (got[0] ? strncmp(got, start, strlen(start)) != 0
			   : c.accounts[0].name == NULL) {
			fail_msg("%s: %s", name, got);
		}
		if (!got[0] && !(row->flags & KEY_OBSOLETE)) {
			char origin[80];
			conf_origin(&c.accounts[0], (enum key)i, origin, sizeof(origin));
			assert_string_equal(origin, name);
		}
		conf_clear(&c);
	}
}

static void the_variable_is_the_origin(void **state)
{
	const char *const variables[3][2] = {
		{ "RELAY_HOST", "h" }, { "RELAY_LOGFILE", "~/log" }, { "RELAY_KEEPBCC", "on" } };
	char origin[64];
	struct conf c;

	(void)state;
	assert_string_equal(read_with(variables, &c), "");
	const struct account *a = &c.accounts[0];
	assert_string_equal(a->name, "default");
	conf_origin(a, KEY_HOST, origin, sizeof(origin));
	assert_string_equal(origin, "RELAY_HOST");
	assert_string_equal(conf_text(a, KEY_LOGFILE), "/home/me/log");
	conf_origin(a, KEY_REMOVE_BCC_HEADERS, origin, sizeof(origin));
	assert_string_equal(origin, "RELAY_KEEPBCC");
	assert_false(conf_on(a, KEY_REMOVE_BCC_HEADERS));
	conf_origin(a, KEY_PORT, origin, sizeof(origin));
	assert_string_equal(origin, "default");
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_variable_is_read_or_told, clear_environment),
		cmocka_unit_test_setup(every_setting_has_its_variable, clear_environment),
		cmocka_unit_test_setup(the_variable_is_the_origin, clear_environment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
