/* SPDX-License-Identifier: ISC */
/* The user's files and the command line, in a home directory of our own. */
#include "unit.h"

#include "app/settings.h"

#include <sys/stat.h>
#include <unistd.h>

static char home[] = "/tmp/relay-settings.XXXXXX";

static int make_home(void **state)
{
	(void)state;
	unsetenv("XDG_CONFIG_HOME");
	return mkdtemp(home) && setenv("HOME", home, 1) == 0 ? 0 : -1;
}

static int remove_home(void **state)
{
	(void)state;
	return rmdir(home);
}

/* Reads the text as the user's file: ~/.relayrc, or the XDG place. */
static bool read_text(const char *text, mode_t mode, bool is_xdg, struct conf *c, struct err *e)
{
	const struct options none = { 0 };
	struct identity id = { 0 };
	char folder[64], path[128];

	snprintf(folder, sizeof(folder), "%s/relay", home);
	snprintf(path, sizeof(path), "%s%s", is_xdg ? folder : home,
		 is_xdg ? "/relayrc" : "/.relayrc");
	if (is_xdg) {
		setenv("XDG_CONFIG_HOME", home, 1);
		assert_int_equal(mkdir(folder, 0700), 0);
	}
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
	conf_init(c);
	bool ok = settings_read(c, &none, &id, e);
	identity_clear(&id);
	unlink(path);
	if (is_xdg) {
		rmdir(folder);
		unsetenv("XDG_CONFIG_HOME");
	}
	return ok;
}

static void errors_in_the_users_file_are_told(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		const char *error;
	} rows[] = {
		{ "host h\n", 0600, NULL },
		{ "host h\n", 0644, NULL },
		{ "hots h\n", 0600, "relayrc:1: hots: unknown setting" },
		{ "host h\npassword p\n", 0640, "relayrc:2: password: the file can be read" },
		{ "host h\n", 0620, "relayrc: others can write" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { 0 };
		struct conf c;
		bool ok = read_text(rows[i / 2].text, rows[i / 2].mode, i % 2, &c, &e);
		assert_int_equal(ok, rows[i / 2].error == NULL);
		if (!ok) {
			assert_non_null(strstr(e.text, rows[i / 2].error));
			assert_int_equal(e.cause, CAUSE_CONFIG);
		}
		conf_clear(&c);
	}
}

static void a_wrong_value_on_the_command_line_is_wrong_usage(void **state)
{
	struct option_setting setting = { KEY_PORT, "99999" };
	const struct options o = { .settings = &setting, .setting_count = 1 };
	struct identity id = { 0 };
	struct err e = { 0 };
	struct conf c;

	(void)state;
	assert_true(read_text("host h\n", 0600, false, &c, &e));
	assert_null(settings_account(&c, &o, &id, NULL, &e));
	assert_int_equal(e.cause, CAUSE_USAGE);
	assert_string_equal(e.text, "command line: port: must be a number from 1 to 65535");
	setting.value = "25";
	assert_non_null(settings_account(&c, &o, &id, NULL, &e));
	conf_clear(&c);
	identity_clear(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_in_the_users_file_are_told),
		cmocka_unit_test(a_wrong_value_on_the_command_line_is_wrong_usage),
	};

	return cmocka_run_group_tests(tests, make_home, remove_home);
}
