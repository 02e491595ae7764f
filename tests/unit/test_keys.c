/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "conf/keys.h"
#include "conf/value.h"

static void a_name_is_found_in_both_spellings(void **state)
{
	enum key key = KEY_HOST;

	(void)state;
	assert_true(conf_key_find(span_str("tls_trust_file"), &key));
	assert_int_equal(key, KEY_TLS_TRUST_FILE);
	assert_true(conf_key_find(span_str("tls-trust-file"), &key));
	assert_int_equal(key, KEY_TLS_TRUST_FILE);
	const char *bad[] = { "", "tls_trust", "tls_trust_file_", "Host", "hosts", "-" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(conf_key_find(span_str(bad[i]), &key));
	}
}

static void the_nearest_name_is_suggested(void **state)
{
	static const struct {
		const char *wrong, *nearest;
	} rows[] = {
		{ "hots", "host" },
		{ "pasword", "password" },
		{ "acount", "account" },
		{ "default", "defaults" },
		{ "tls-startls", "tls_starttls" },
		{ "USER", "user" },
		{ "tls_trustfile", "tls_trust_file" },
		{ "frm", "from" },
		{ "evla", "eval" },
		{ "keepbc", NULL }, /* nobody is led to an old word */
		{ "falback", "fallback" },
		{ "queu", "queue" },
		{ "max_conections", "max_connections" },
		{ "xyzzy", NULL },
		{ "t", NULL },
		{ "", NULL },
		{ "secret123", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *nearest = conf_key_nearest(span_str(rows[i].wrong));
		if (!rows[i].nearest) {
			assert_null(nearest);
		} else {
			assert_non_null(nearest);
			assert_string_equal(nearest, rows[i].nearest);
		}
	}
	char longest[300];
	memset(longest, 'x', sizeof(longest));
	assert_null(conf_key_nearest(span_of(longest, sizeof(longest))));
}

/* The parser would refuse a file with the default written out otherwise. */
static void every_default_is_a_good_value(void **state)
{
	struct conf_env env = { 0 };

	(void)state;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key_row *row = conf_key_row((enum key)i);
		struct conf_value v;
		struct err e;
		if (row->fallback) {
			assert_true(value_parse((enum key)i, span_str(row->fallback),
						&env, &v, &e));
			assert_string_equal(v.text, row->fallback);
			value_clear((enum key)i, &v);
		}
		assert_non_null(row->summary);
		assert_true(strlen(row->summary) > 0);
		assert_int_equal(row->words != NULL, row->type == TYPE_ENUM ||
							     row->type == TYPE_MECHANISMS ||
							     row->type == TYPE_TIME);
		assert_int_equal(row->max > row->min,
				 row->type == TYPE_NUMBER || row->type == TYPE_TIME);
	}
}

static void only_old_words_have_heirs(void **state)
{
	(void)state;
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key_heir *heir = key_heir((enum key)i);
		if (heir) {
			assert_true(conf_key_row((enum key)i)->flags & KEY_OBSOLETE);
			assert_false(conf_key_row(heir->now)->flags & KEY_OBSOLETE);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_found_in_both_spellings),
		cmocka_unit_test(the_nearest_name_is_suggested),
		cmocka_unit_test(every_default_is_a_good_value),
		cmocka_unit_test(only_old_words_have_heirs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
