/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/finding.h"

static void check(const struct finding *f, const char *file, unsigned line, const char *key,
		  const char *text, const char *remedy)
{
	const char *const got[] = { f->file, f->key, f->text, f->remedy };
	const char *const want[] = { file, key, text, remedy };

	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(got[i] == NULL, want[i] == NULL);
		if (want[i]) {
			assert_string_equal(got[i], want[i]);
		}
	}
	assert_int_equal(f->line, line);
}

static void a_setting_stands_at_its_line_or_at_the_accounts(void **state)
{
	struct findings list = { 0 };
	struct conf c;
	const struct account *a = good(&c, "\naccount default\nhost h\n", NULL);

	(void)state;
	findings_add(&list, SEVERITY_WARNING, a, KEY_HOST, "%s; do %d", "bad", 1);
	findings_add(&list, SEVERITY_ERROR, a, KEY_PORT, "bad");
	findings_add(&list, SEVERITY_ERROR, a, KEY_COUNT, "bad");
	check(&list.at[0], "rc", 3, "host", "bad", "do 1");
	check(&list.at[1], "rc", 2, "port", "bad", NULL);
	check(&list.at[2], "rc", 2, NULL, "bad", NULL);
	assert_string_equal(list.at[0].account, "default");
	assert_int_equal(list.errors, 2);
	findings_clear(&list);
	conf_clear(&c);
}

static void what_an_heir_repeats_is_there_once(void **state)
{
	struct findings list = { 0 };
	struct conf c;

	(void)state;
	good(&c, "account a\nhost h\naccount b : a\naccount c\naccount d\n", "a");
	for (size_t i = 0; i < c.count; i++) {
		findings_add(&list, SEVERITY_WARNING, &c.accounts[i], KEY_HOST, "bad");
		findings_add(&list, SEVERITY_WARNING, &c.accounts[i], KEY_HOST, "bad");
	}
	/* b's is a's; c and d have none, each at its own line. */
	assert_int_equal(list.count, 3);
	assert_int_equal(list.at[1].line, 4);
	assert_string_equal(list.at[2].account, "d");
	findings_clear(&list);
	conf_clear(&c);
}

static void error_texts_are_taken_apart(void **state)
{
	static const struct {
		const char *given, *file;
		unsigned line;
		const char *key, *text, *remedy;
	} rows[] = {
		{ "/a b/rc:7: port: wrong; mend it", "/a b/rc", 7, "port", "wrong", "mend it" },
		{ "/rc: is open", "/rc", 0, NULL, "is open", NULL },
		{ "/rc:x: is open", "/rc:x", 0, NULL, "is open", NULL },
		{ "no configuration: write it", NULL, 0, NULL, "no configuration: write it",
		  NULL },
		{ "nosuch: x", NULL, 0, NULL, "nosuch: x", NULL },
		{ "/", NULL, 0, NULL, "/", NULL },
		{ "", NULL, 0, NULL, "", NULL },
	};
	struct findings list = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		findings_add_at(&list, SEVERITY_ERROR, NULL, 0, rows[i].given);
		check(&list.at[i], rows[i].file, rows[i].line, rows[i].key, rows[i].text,
		      rows[i].remedy);
	}
	findings_add_at(&list, SEVERITY_ERROR, "f", 3, "/rc:7: x");
	check(&list.at[list.count - 1], "f", 3, NULL, "/rc:7: x", NULL);
	findings_clear(&list);
}

static void an_accounts_error_does_not_name_its_setting_twice(void **state)
{
	struct findings list = { 0 };
	struct conf c;
	const struct account *a = good(&c, "host h\n", NULL);

	(void)state;
	findings_add_error(&list, a, KEY_TLS_CRL_FILE, "tls_crl_file /x: no", "mend it");
	findings_add_error(&list, a, KEY_HOST, "host: no; yes", "mend it");
	findings_add_error(&list, a, KEY_HOST, "port: no", NULL);
	check(&list.at[0], "rc", 1, "tls_crl_file", "/x: no", "mend it");
	check(&list.at[1], "rc", 1, "host", "no", "yes");
	check(&list.at[2], "rc", 1, "host", "port: no", NULL);
	findings_clear(&list);
	conf_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_setting_stands_at_its_line_or_at_the_accounts),
		cmocka_unit_test(what_an_heir_repeats_is_there_once),
		cmocka_unit_test(error_texts_are_taken_apart),
		cmocka_unit_test(an_accounts_error_does_not_name_its_setting_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
