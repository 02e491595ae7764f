/* SPDX-License-Identifier: ISC */
/* flush_list: what shares a session, and what a configuration. */
#include "queue_unit.h"

#include "app/flush_list.h"

static const char rc[] = "defaults\nhost mail.example\nfrom me@x.example\n"
			 "account default\naccount two\naccount three\n";

static void write_rc(const char *folder)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/.relayrc", folder);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(rc, f) >= 0 && fchmod(fileno(f), 0600) == 0 && fclose(f) == 0);
	setenv("HOME", folder, 1);
	unsetenv("XDG_CONFIG_HOME");
}

static void accounts_share_the_file_that_is_read_once(void **state)
{
	static const struct {
		const char *account, *config, *setting;
		uint32_t group, first_with_conf;	/* of the groups */
		const char *why;	/* NULL: it can be used */
	} rows[] = {
		{ "two", NULL, NULL, 0, 0, NULL },
		{ "default", NULL, NULL, 1, 0, NULL },
		{ "two", NULL, NULL, 0, 0, NULL },
		{ "gone", NULL, NULL, 2, 0, "there is no account \"gone\"" },
		/* What the call set is set in its configuration. */
		{ "two", NULL, "2525", 3, 3, NULL },
		{ "three", NULL, "2525", 4, 4, NULL },
		{ "two", NULL, "2525", 3, 3, NULL },
		{ "two", "/none/such", NULL, 5, 5, "/none/such: there is no such file" },
		{ "three", "/none/such", NULL, 6, 5, "/none/such: there is no such file" },
		{ "three", NULL, NULL, 7, 0, NULL },
	};
	struct world *w = *state;
	struct identity id = { 0 };
	struct flush_list l;

	write_rc(w->top);
	flush_list_init(&l);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct queue_entry v;
		struct err e;
		uint32_t group;
		queue_entry_init(&v);
		v.account = mem_str(rows[i].account);
		v.config = rows[i].config ? mem_str(rows[i].config) : NULL;
		v.sender = mem_str("");
		if (rows[i].setting) {
			queue_entry_add_setting(&v, "port", rows[i].setting);
		}
		assert_true(queue_entry_add_rcpt(&v, "you@y.example", NULL, &e));
		assert_true(flush_list_group(&l, w->q, &v, &id, &group));
		assert_int_equal(group, rows[i].group);
		const struct flush_group *g = &l.groups[group];
		assert_ptr_equal(g->conf, l.groups[rows[i].first_with_conf].conf);
		assert_int_equal(g->account == NULL, rows[i].why != NULL);
		if (rows[i].why) {
			assert_non_null(strstr(g->why->text, rows[i].why));
		} else {
			assert_string_equal(g->account->name, rows[i].account);
			assert_int_equal(conf_port(g->account), rows[i].setting ? 2525 : 465);
		}
		queue_entry_clear(&v);
	}
	assert_int_equal(l.group_count, 8);
	for (size_t i = 0; i < l.group_count; i++) {
		assert_true((i == 3 || i == 4) == (l.groups[i].conf != l.groups[0].conf &&
						   l.groups[i].account != NULL));
	}
	flush_list_clear(&l);
	identity_clear(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(accounts_share_the_file_that_is_read_once,
						world_set_up, world_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
