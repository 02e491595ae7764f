/* SPDX-License-Identifier: ISC */
#include "conf_unit.h"

#include "conf/risk.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Parses; the findings, "LINE key! text" with '!' for an error, one a line. */
static void find(const char *text, const char *only, struct buf *all)
{
	struct findings list = { 0 };
	struct conf c;
	struct err e = { 0 };

	conf_init(&c);
	if (!parse_text(&c, span_str(text), "rc", NULL, &test_env, &e)) {
		fail_msg("%s\n%s", e.text, text);
	}
	risk_routes(&c, only ? conf_choose(&c, only, NULL, &e) : NULL, &list);
	buf_init(all, 1 << 20);
	for (size_t i = 0; i < list.count; i++) {
		const struct finding *f = &list.at[i];
		assert_string_equal(f->file, "rc");
		assert_true(buf_printf(all, "%u %s%s %s; %s\n", f->line, f->key,
				       f->severity == SEVERITY_ERROR ? "!" : "", f->text,
				       f->remedy ? f->remedy : ""));
	}
	findings_clear(&list);
	conf_clear(&c);
}

static void found(const char *text, const char *only, const char *want)
{
	struct buf all BUF_AUTO;

	find(text, only, &all);
	if (strcmp(all.data, want) != 0) {
		fail_msg("%snot\n%sin\n%s", all.data, want, text);
	}
}

static void patterns_that_never_win(void **state)
{
	static const char *const rows[][2] = {
		{ "account default\nhost h\n", "" },
		{ "account a\nto a.x b@x .b.x\naccount b\nto b.x c@x\n", "" },
		{ "account a\nto x.org\naccount b\nto y.org *@X.org\n",
		  "4 to account a comes first and takes with \"x.org\" all recipients of "
		  "\"*@X.org\" (rc:2), so that it has no effect here; put this account before it\n" },
		{ "account a\nto x.org\naccount b\nto y.org\nto j@y.org\nto X.org\n",
		  "6 to account a has \"X.org\", too, and comes first (rc:2), so that it has no "
		  "effect here; remove one of the two\n" },
		{ "account a\nto .org\nto *\naccount b\nto j+x@y.com k*@z.org\n",
		  "5 to account a comes first and takes with \"*\" all recipients of \"j+x@y.com\" "
		  "(rc:3), so that it has no effect here; put this account before it\n"
		  "5 to account a comes first and takes with \".org\" all recipients of "
		  "\"k*@z.org\" (rc:2), so that it has no effect here; put this account before it\n" },
		/* In one account the order does not count. */
		{ "account a\nto *@x.org\nto j@x.org k@x.org\n", "" },
		{ "account a\nto j@x.org\nto k@x.org J@X.org\n",
		  "3 to \"J@X.org\" stands here twice (rc:2); remove one of them\n" },
		/* Inherited, or from `defaults`: no claim of its own. */
		{ "account a\nto x.org\naccount b : a\naccount default : b\n", "" },
		{ "defaults\nto x.org\naccount a\naccount b\naccount c\nto j@x.org\n",
		  "6 to account a comes first and takes with \"x.org\" all recipients of "
		  "\"j@x.org\" (rc:2), so that it has no effect here; put this account before it\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		found(rows[i][0], NULL, rows[i][1]);
	}
}

static void names_that_lead_nowhere(void **state)
{
	static const char *const rows[][2] = {
		{ "account a\nfallback b\naccount b\n", "" },
		{ "account a\nfallback bakcup spare\naccount backup\n",
		  "2 fallback! there is no account \"bakcup\"; did you mean \"backup\"?\n"
		  "2 fallback! there is no account \"spare\"; add it, or remove its name here\n" },
		{ "account a\nfallback b c b\naccount b\naccount c\n",
		  "2 fallback \"b\" stands here twice; remove one of them\n" },
		{ "account a\nfallback a\n",
		  "2 fallback! goes round in a circle: a -> a; remove one of these names\n" },
		/* Once, whoever is asked for. */
		{ "account c\nfallback a\naccount a\nfallback b\naccount b\nfallback a\n",
		  "6 fallback! goes round in a circle: a -> b -> a; remove one of these names\n" },
		/* An heir may stand in the list that it inherits. */
		{ "account a\nfallback b\naccount b : a\n", "" },
		{ "defaults\nfallback s x\naccount a\naccount s\n",
		  "2 fallback! there is no account \"x\"; add it, or remove its name here\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		found(rows[i][0], NULL, rows[i][1]);
	}
}

static void of_one_account_only_its_own_is_told(void **state)
{
	static const char text[] = "account a\nto *\nfallback x\naccount b\nto b.x\naccount c\n"
				   "to c.x\nfallback a\n";

	(void)state;
	found(text, "c",
	      "7 to account a comes first and takes with \"*\" all recipients of \"c.x\" (rc:2), "
	      "so that it has no effect here; put this account before it\n"
	      "3 fallback! there is no account \"x\"; add it, or remove its name here\n");
	found(text, "b",
	      "5 to account a comes first and takes with \"*\" all recipients of \"b.x\" (rc:2), "
	      "so that it has no effect here; put this account before it\n");
}

/* Comparing all with all would take minutes; telling of all would fill the screen. */
static void there_may_be_many(void **state)
{
	enum { MANY = 20000 };
	struct buf text BUF_AUTO, all BUF_AUTO;
	size_t lines = 0;

	(void)state;
	buf_init(&text, 1 << 20);
	for (int i = 0; i < MANY; i++) {
		int k = i % (MANY / 2);
		assert_true(buf_printf(&text, "%sto u%d@x%d.org\n",
				       i == MANY / 2 ? "account b\n" : "", k, k % 7));
	}
	find(text.data, NULL, &all);
	for (size_t i = 0; i < all.size; i++) {
		lines += all.data[i] == '\n';
	}
	assert_int_equal(lines, 101);
	assert_non_null(strstr(all.data, "0 to there are more patterns without any effect; remove "
					 "them\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_that_never_win),
		cmocka_unit_test(names_that_lead_nowhere),
		cmocka_unit_test(of_one_account_only_its_own_is_told),
		cmocka_unit_test(there_may_be_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
