/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "import/build.h"

static const struct import_place at = { "file", 3 };

static void names_are_good_and_differ(void **state)
{
	static const struct {
		const char *wanted, *name;
	} rows[] = {
		{ "a.b", "a.b" }, { "a.b", "a.b-2" }, { "a.b", "a.b-3" }, { "me@x,y:z", "me@x-y-z" },
		{ "", "other" }, { "  ", "other-2" }, { "[::1]", "1" }, { "a b", "a-b" },
	};
	struct import im;

	(void)state;
	import_init(&im);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(build_account(&im, span_str(rows[i].wanted))->name,
				    rows[i].name);
	}
	import_clear(&im);
}

static void values_are_checked(void **state)
{
	static const struct {
		enum key key;
		const char *value, *reason;
	} rows[] = {
		{ KEY_HOST, "h.test", NULL },
		{ KEY_HOST, "a,b", "cannot be host in relayrc: not a host name or IP address" },
		{ KEY_HOST, "srv:a", "cannot be host in relayrc: not a host name or IP address" },
		{ KEY_HOST, "a b", "cannot be host in relayrc: not a host name or IP address" },
		{ KEY_PASSWORD, "a\tb # c", NULL },
		{ KEY_PASSWORD, "a\t# c", "cannot be password in relayrc: a TAB and \"# \" in the value" },
		{ KEY_PASSWORD, "a\nb", "cannot be password in relayrc: a control character in the value" },
		{ KEY_PASSWORD, "", "cannot be password in relayrc: it is empty" },
		{ KEY_FROM, "%U@x.test", "cannot be from in relayrc: % or ~ in it would be replaced" },
		{ KEY_ALIASES, "~x", "cannot be aliases in relayrc: % or ~ in it would be replaced" },
		{ KEY_MAXIMAL_QUEUE_LIFETIME, "5d", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct import im;
		import_init(&im);
		struct import_account *a = build_account(&im, span_str("a"));
		assert_int_equal(build_set(&im, a, rows[i].key, span_str(rows[i].value), at, "x"),
				 rows[i].reason == NULL);
		if (rows[i].reason) {
			assert_string_equal(im.notes[0].reason, rows[i].reason);
			assert_int_equal(im.notes[0].at.line, 3);
			assert_null(build_value(a, rows[i].key));
		} else {
			assert_string_equal(build_value(a, rows[i].key), rows[i].value);
		}
		import_clear(&im);
	}
}

static void senders_are_addresses_or_domains(void **state)
{
	static const struct {
		const char *sender, *from;
	} rows[] = {
		{ "me@x.test", "me@x.test" }, { "@x.test", "*@x.test" }, { "x.test", NULL },
		{ "", NULL }, { "m?@x.test", NULL }, { "@*", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct import im;
		import_init(&im);
		struct import_account *a = build_account(&im, span_str("a"));
		bool ok = build_from(&im, a, span_str(rows[i].sender), at, "x");
		assert_int_equal(ok, rows[i].from != NULL);
		assert_int_equal(im.note_count, !ok);
		if (ok) {
			assert_string_equal(build_value(a, KEY_FROM), rows[i].from);
		}
		import_clear(&im);
	}
}

static void notes_are_bounded_and_told_once(void **state)
{
	struct import im;

	(void)state;
	import_init(&im);
	build_note(&im, IMPORT_LEFT, at, "x", "why");
	build_note(&im, IMPORT_LEFT, at, "x", "why");
	build_note(&im, IMPORT_CHANGED, at, "x", "why");
	assert_int_equal(im.note_count, 2);
	for (unsigned i = 0; i < BUILD_NOTES_MAX; i++) {
		build_mention(&im, IMPORT_UNKNOWN, at, "x");
	}
	assert_int_equal(im.note_count, BUILD_NOTES_MAX);
	assert_int_equal(im.notes_more, 2);
	assert_int_equal(import_count(&im, IMPORT_LEFT), 1);
	assert_true(build_has_note(&im, IMPORT_CHANGED, "x"));
	assert_false(build_has_note(&im, IMPORT_CHANGED, "y"));
	import_clear(&im);
}

static void accounts_are_bounded_and_sorted(void **state)
{
	struct import im;

	(void)state;
	import_init(&im);
	for (unsigned i = 0; i < BUILD_ACCOUNTS_MAX; i++) {
		struct import_account *a = build_account(&im, span_str("x"));
		a->rank = i % 2 ? RANK_SENDER : RANK_DEFAULT;
	}
	assert_null(build_account(&im, span_str("x")));
	build_sort(&im);
	assert_string_equal(im.accounts[0]->name, "x-2");
	assert_string_equal(im.accounts[1]->name, "x-4");
	assert_string_equal(im.accounts[BUILD_ACCOUNTS_MAX / 2]->name, "x");
	build_drop(&im, im.accounts[0]);
	assert_string_equal(im.accounts[0]->name, "x-4");
	assert_int_equal(im.account_count, BUILD_ACCOUNTS_MAX - 1);
	import_clear(&im);
}

static void services_have_ports(void **state)
{
	(void)state;
	assert_int_equal(build_port(span_str("587")), 587);
	assert_int_equal(build_port(span_str("Submission")), 587);
	assert_int_equal(build_port(span_str("smtps")), 465);
	assert_int_equal(build_port(span_str("65536")), 0);
	assert_int_equal(build_port(span_str("")), 0);
	assert_int_equal(build_port(span_str("x")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_good_and_differ),
		cmocka_unit_test(values_are_checked),
		cmocka_unit_test(senders_are_addresses_or_domains),
		cmocka_unit_test(notes_are_bounded_and_told_once),
		cmocka_unit_test(accounts_are_bounded_and_sorted),
		cmocka_unit_test(services_have_ports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
