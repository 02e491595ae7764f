/* SPDX-License-Identifier: ISC */
#include "import_unit.h"

static struct imported import_text(const char *text)
{
	const struct file files[] = { { "/rc", text }, { NULL, NULL } };

	return imported(import_esmtp, files, "/rc");
}

static void settings_have_their_words(void **state)
{
	static const struct {
		const char *rc, *text, *notes;
	} rows[] = {
		{ "hostname = h.test\n", "account default\nhost h.test\nport 587\ntls off\n", "" },
		{ "hostname=h.test:25\nusername \"me\"\npassword = \"sec ret\"\nstarttls=required\n",
		  "host h.test\nport 25\nuser me\npassword sec ret\ntls_starttls on\n", "" },
		{ "hostname=h.test\nuser=a\npass=secret\n", "tls_starttls on\n",
		  "the login went over" },
		{ "hostname=h.test\nstarttls = enabled\n", "tls_starttls on\n",
		  "/rc:2: starttls: changed" },
		{ "hostname=h.test\nhelo x.test\nqualifydomain=y.test\n",
		  "domain x.test\ntls off\nmaildomain y.test\n", "" },
		{ "hostname=h.test\nforce reverse_path me@x.test\n",
		  "from me@x.test\nallow_from_override off\n", "" },
		{ "hostname=h.test\nmda \"/x %T\"\nforce sender a\nwhat\n", "host",
		  "/rc:2: mda: not carried over" },
		{ "", "not complete", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imported got = import_text(rows[i].rc);
		has(&got.text, rows[i].text);
		if (rows[i].notes[0]) {
			has(&got.notes, rows[i].notes);
		} else {
			assert_string_equal(got.notes.data, "");
		}
		has_not(&got.notes, "sec");
		imported_clear(&got);
	}
}

static void identities_are_accounts(void **state)
{
	static const struct {
		const char *rc, *usual;
	} rows[] = {
		{ "identity me@a.test\nhostname = a.test\nidentity = you@b.test\n\tdefault\n"
		  "\thostname = b.test\nidentity no@host.test\n", "you@b.test" },
		{ "identity me@a.test\nhostname = a.test\nidentity you@b.test\nhostname = b.test\n",
		  "me@a.test" },
		{ "hostname = c.test\nidentity me@a.test\ndefault\nhostname = a.test\n"
		  "identity you@b.test\nhostname = b.test\n", "me@a.test" },
		{ "hostname = c.test\nidentity me@a.test\nhostname = a.test\n"
		  "identity you@b.test\nhostname = b.test\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct imported got = import_text(rows[i].rc);
		char line[64] = "account default\nhost c.test\n";
		if (rows[i].usual) {
			snprintf(line, sizeof(line), "\naccount default : %s\n", rows[i].usual);
		}
		has(&got.text, line);
		has(&got.text, "account me@a.test\nhost a.test\nport 587\ntls off\n"
			       "from me@a.test\n");
		has(&got.text, "account you@b.test\nhost b.test\n");
		assert_int_equal(got.im.account_count, 3);
		imported_clear(&got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_have_their_words),
		cmocka_unit_test(identities_are_accounts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
