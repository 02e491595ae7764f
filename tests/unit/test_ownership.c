/* SPDX-License-Identifier: ISC */
/* Which user of this machine an address is. */
#include "conf_unit.h"

#include "app/ownership.h"
#include "base/mem.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* Of joe's, whom no passwd knows, on box.home.test; or of an unknown caller's. */
static struct identity caller(bool is_known)
{
	return (struct identity){
		.login = mem_str("joe"),
		.host = mem_str("box"),
		.canonical = mem_str("box.home.test"),
		.mailname = mem_str("box.home.test"),
		.looked_up_passwd = true,
		.is_system = true,
		.caller = is_known ? 4000000 : -1,
	};
}

static void a_local_name_is_that_user(void **state)
{
	static const struct {
		const char *rc, *addr;
		enum ownership owner;
	} rows[] = {
		{ "", "joe", OWNER_CALLER },
		{ "", "joe+x@localhost", OWNER_CALLER },
		{ "", "root", OWNER_OTHER },
		{ "", "Root+x@BOX", OWNER_OTHER },
		{ "", "\"ro\\ot\"@box.home.test", OWNER_OTHER },
		{ "", "nobody-has-this-name@localhost", OWNER_NONE },
		{ "", "root@far.test", OWNER_NONE },
		{ "", "", OWNER_NONE },
		/* What only looks different. */
		{ "", "root@\uff4cocalhost", OWNER_OTHER },
		{ "", "root@box.\uff48ome.test", OWNER_OTHER },
		{ "", "root@b\u00f6x.home.test", OWNER_NONE },
		{ "", "root@b\u2044x.home.test", OWNER_NONE },
		/* What a local name becomes. */
		{ "maildomain m.test\n", "root@M.test", OWNER_OTHER },
		{ "maildomain m.test\n", "joe@m.test", OWNER_CALLER },
		{ "maildomain m.test\n", "info-nobody-has@m.test", OWNER_NONE },
		{ "maildomain m.test\nfrom %F\n", "root@m.test", OWNER_OTHER },
		{ "maildomain m.test\nfrom *@m.test\n", "root@m.test", OWNER_OTHER },
		{ "maildomain m.test\nauto_from on\n", "root@m.test", OWNER_OTHER },
		{ "maildomain m.test\nfrom me@x.test\n", "root@m.test", OWNER_NONE },
		{ "maildomain m.test\nfrom me@m.test\n", "root@m.test", OWNER_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct identity id = caller(true);
		char *rc MEM_AUTO = mem_printf("host h\n%s", rows[i].rc);
		struct account *a = good(&c, rc, NULL);
		if (ownership_of(rows[i].addr, a, &id) != rows[i].owner) {
			fail_msg("row %zu: %s", i, rows[i].addr);
		}
		conf_clear(&c);
		identity_clear(&id);
	}
}

static void of_an_unknown_caller_every_user_is_another(void **state)
{
	struct conf c;
	struct identity id = caller(false);
	struct account *a = good(&c, "host h\n", NULL);

	(void)state;
	assert_int_equal(ownership_of("root", a, &id), OWNER_OTHER);
	assert_int_equal(ownership_of("joe", a, &id), OWNER_NONE);
	assert_int_equal(ownership_of("joe@far.test", a, &id), OWNER_NONE);
	conf_clear(&c);
	identity_clear(&id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_local_name_is_that_user),
		cmocka_unit_test(of_an_unknown_caller_every_user_is_another),
	};

	return cmocka_run_group_tests_name("ownership", tests, NULL, NULL);
}
