/* SPDX-License-Identifier: ISC */
/* The command line, as real callers write it (cron, mutt, git, PHP, fail2ban …). */
#include "unit.h"

#include "app/options.h"

/* Splits a line at blanks; "''" is an empty argument. */
static bool parse(struct options *o, const char *line, struct err *e)
{
	static char name[] = "sendmail", text[512];
	char *argv[32] = { name };
	int argc = 1;
	char *rest = text, *word;

	snprintf(text, sizeof(text), "%s", line);
	while ((word = strsep(&rest, " ")) && argc < 31) {
		argv[argc++] = strcmp(word, "''") == 0 ? word + 2 : word;
	}
	return options_parse(o, argc, argv, e);
}

static void real_callers_are_understood(void **state)
{
	static const struct {
		const char *line, *sender, *full_name, *recipients;
		bool t, i;
	} rows[] = {
		{ "-FCronDaemon -i -B8BITMIME -oem root", NULL, "CronDaemon", "root", false, true },
		{ "-FCronDaemon -i -odi -oem -oi -t -f root", "root", "CronDaemon", "", true, true },
		{ "-i bob", NULL, NULL, "bob", false, true },
		{ "-FAnacron -odi bob", NULL, "Anacron", "bob", false, false },
		{ "-oi -f bob@h.example -t", "bob@h.example", NULL, "", true, true },
		{ "-i -F Bob -f b@x -- r@x s@x", "b@x", "Bob", "r@x s@x", false, true },
		{ "-oem -oi -f a@x -B8BITMIME -N failure,delay -R hdrs -- r@x", "a@x", NULL, "r@x", false, true },
		{ "-f a@x -i r@x s@x", "a@x", NULL, "r@x s@x", false, true },
		{ "-t -i -oi -fa@x -t", "a@x", NULL, "", true, true },
		{ "-ti -r a@x", "a@x", NULL, "", true, true },
		{ "-f '' -t", "", NULL, "", true, false },
		{ "-i -f <> -- r@x", "<>", NULL, "r@x", false, true },
		{ "-oi r@x", NULL, NULL, "r@x", false, true },
		{ "-o i r@x", NULL, NULL, "r@x", false, true },
		{ "-G -h 3 -L tag -n -m -p SMTP:h -U -Ac -O x=y -e q r@x", NULL, NULL, "r@x", false, false },
		{ "r@x -f a@x", "a@x", NULL, "r@x", false, false },
		{ "-- -f", NULL, NULL, "-f", false, false },
		{ "--read-recipients --from=a@x", "a@x", NULL, "", true, false },
		{ "--read-r --from a@x r@x", "a@x", NULL, "r@x", true, false },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct options o;
		struct err e;
		char recipients[200] = "";
		if (!parse(&o, rows[r].line, &e)) {
			fail_msg("%s: %s", rows[r].line, e.text);
		}
		for (size_t k = 0; k < o.recipient_count; k++) {
			size_t have = strlen(recipients);
			snprintf(recipients + have, sizeof(recipients) - have, "%s%s",
				 k ? " " : "", o.recipients[k]);
		}
		assert_string_equal(recipients, rows[r].recipients);
		assert_int_equal(o.read_recipients, rows[r].t);
		assert_int_equal(o.ignore_dots, rows[r].i);
		assert_string_equal(o.sender ? o.sender : "(none)",
				    rows[r].sender ? rows[r].sender : "(none)");
		assert_string_equal(o.full_name ? o.full_name : "(none)",
				    rows[r].full_name ? rows[r].full_name : "(none)");
		assert_int_equal(o.mode, MODE_SEND);
		options_clear(&o);
	}
}

static void modes_are_chosen(void **state)
{
	static const struct {
		const char *line;
		enum mode mode;
	} rows[] = {
		{ "-bm r@x", MODE_SEND },     { "-bp", MODE_LIST_QUEUE }, { "-bi", MODE_CHECK_ALIASES },
		{ "-bv r@x", MODE_VERIFY },   { "-q", MODE_FLUSH },	  { "-q15m", MODE_FLUSH },
		{ "-P", MODE_PRETEND },	      { "--pretend", MODE_PRETEND },
		{ "--version", MODE_VERSION }, { "--help", MODE_HELP },
	};

	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct options o;
		struct err e;
		assert_true(parse(&o, rows[r].line, &e));
		assert_int_equal(o.mode, rows[r].mode);
		options_clear(&o);
	}
}

static void wrong_calls_are_usage_errors(void **state)
{
	static const char *const lines[] = {
		"-F", "-f", "-a", "-bz r@x", "-b", "-bd", "-bs", "-bt", "-z r@x", "-tz", "--nonsense",
		"--nonsense=1", "--tls-c", "--read", "-S", "--serverinfo", "--rmqs=x", "--host",
		"--account", "--version=2", "--password=x", "--tls_starttls=on",
		"-f a\nb r@x", "r@x\rDATA",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct options o;
		struct err e = { 0 };
		if (parse(&o, lines[i], &e)) {
			fail_msg("accepted: %s", lines[i]);
		}
		assert_int_equal(e.cause, CAUSE_USAGE);
		assert_true(strlen(e.text) > 5);
		options_clear(&o);
	}
}

static void settings_are_long_options(void **state)
{
	struct options o;
	struct err e;

	(void)state;
	assert_true(parse(&o, "--host h.example --tls-starttls --port=587 -N never r@x", &e));
	assert_int_equal(o.recipient_count, 1);
	assert_int_equal(o.setting_count, 4);
	assert_int_equal(o.settings[0].key, KEY_HOST);
	assert_string_equal(o.settings[0].value, "h.example");
	assert_int_equal(o.settings[1].key, KEY_TLS_STARTTLS);
	assert_string_equal(o.settings[1].value, "");
	assert_int_equal(o.settings[3].key, KEY_DSN_NOTIFY);
	options_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(real_callers_are_understood),
		cmocka_unit_test(modes_are_chosen),
		cmocka_unit_test(wrong_calls_are_usage_errors),
		cmocka_unit_test(settings_are_long_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
