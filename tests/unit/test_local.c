/* SPDX-License-Identifier: ISC */
/* Which addresses are this machine's, and who reads the mail to them. */
#include "conf_unit.h"

#include "app/local.h"
#include "base/mem.h"

#include <unistd.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static struct identity machine(const char *host, const char *canonical,
			       const char *mailname)
{
	return (struct identity){ .host = mem_str(host),
				  .canonical = mem_str(canonical),
				  .mailname = mem_str(mailname) };
}

static void names_of_the_machine_are_its_own(void **state)
{
	static const struct {
		const char *rc, *host, *canonical, *mailname, *addr;
		bool is_own;
	} rows[] = {
		{ "", "box", "box.home.test", "box.home.test", "root", true },
		{ "", "box", "box.home.test", "box.home.test", "root@localhost", true },
		{ "", "box", "box.home.test", "box.home.test",
		  "root@LocalHost.LocalDomain", true },
		{ "", "box", "box.home.test", "box.home.test", "root@[127.0.0.1]", true },
		{ "", "box", "box.home.test", "box.home.test", "root@127.0.0.1", true },
		{ "", "box", "box.home.test", "box.home.test", "root@[ipv6:0:0::1]", true },
		{ "", "box", "box.home.test", "box.home.test", "root@[IPv6:::FFFF:127.0.0.1]",
		  true },
		{ "", "box", "box.home.test", "box.home.test", "root@[IPv6:::2]", false },
		{ "", "box", "box.home.test", "box.home.test", "root@ip6-localhost", true },
		{ "", "box", "box.home.test", "box.home.test", "root@[]", false },
		{ "", "box", "box.home.test", "box.home.test", "root@[", false },
		{ "", "box", "box.home.test", "box.home.test", "root@[IPv6:]", false },
		{ "", "box", "box.home.test", "box.home.test", "root@[ipv6:::1]", true },
		{ "", "box", "box.home.test", "box.home.test", "root@BOX", true },
		{ "", "box", "box.home.test", "box.home.test", "a.b+c@box.home.test",
		  true },
		{ "", "box", "box.home.test", "box.home.test", "\"a@b\"@box", true },
		{ "", "box", "box.home.test", "box.home.test", "root@home.test", false },
		{ "", "box", "box.home.test", "box.home.test", "root@box.test", false },
		{ "", "box", "box.home.test", "box.home.test", "root@boxes", false },
		{ "", "box", "box.home.test", "box.home.test", "root@[127.0.0.2]",
		  false },
		{ "", "box", "box.home.test", "box.home.test", "\"a@box\"@x.test",
		  false },
		/* A host that knows its full name. */
		{ "", "box.home.test", "box.home.test", "box.home.test", "root@box",
		  true },
		{ "", "box.home.test", "box.home.test", "box.home.test",
		  "root@Box.Home.Test", true },
		{ "", "box.home.test", "box.home.test", "box.home.test", "root@home.test",
		  false },
		/* /etc/mailname */
		{ "", "box", "box", "old", "root@old", true },
		{ "", "box", "box", "box.home.test", "root@box.home.test", true },
		{ "", "box", "box.home.test", "home.test", "root@home.test", false },
		{ "", "box", "box.home.test", "home.test", "root@box.home.test", true },
		/* Where people have mailboxes. */
		{ "from me@home.test\n", "home.test", "home.test", "home.test",
		  "joe@home.test", false },
		{ "from *@home.test\n", "home.test", "home.test", "home.test",
		  "joe@HOME.test", false },
		{ "system_mail me@home.test\n", "home.test", "home.test", "home.test",
		  "joe@home.test", false },
		{ "maildomain home.test\n", "home", "home.test", "home.test",
		  "joe@home.test", false },
		{ "from me@home.test\n", "home.test", "home.test", "home.test",
		  "joe@home", true },
		{ "from me@home.test\n", "home.test", "home.test", "home.test",
		  "joe@localhost", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct conf c;
		struct identity id =
			machine(rows[i].host, rows[i].canonical, rows[i].mailname);
		char *rc MEM_AUTO = mem_printf("host h\n%s", rows[i].rc);
		struct account *a = good(&c, rc, NULL);
		if (local_is_own(rows[i].addr, a, &id) != rows[i].is_own) {
			fail_msg("row %zu: %s", i, rows[i].addr);
		}
		conf_clear(&c);
		identity_clear(&id);
	}
}

/* The canonical name can cost a question to DNS: not for a domain that cannot be it. */
static void other_domains_cost_no_look_up(void **state)
{
	static const char *const addrs[] = { "a@x.test", "root", "root@localhost",
					     "a@home.test", "a@laptop" };
	struct conf c;
	struct identity id = { .host = mem_str("laptop") };
	struct account *a = good(&c, "host h\n", NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(addrs); i++) {
		(void)local_is_own(addrs[i], a, &id);
		assert_null(id.canonical);
		assert_null(id.mailname);
	}
	conf_clear(&c);
	identity_clear(&id);
}

/* Expands `in` by an account with this relayrc; "spec<origin|spec". */
static char *expand(const char *rc, const char *in, struct local_problems *problems,
		    struct err *e)
{
	struct addr_list list ADDR_LIST_AUTO;
	struct identity id = machine("box", "box.home.test", "box.home.test");
	struct conf c;
	struct buf out;
	char *text MEM_AUTO = mem_printf("host h\n%s", rc);
	struct account *a = good(&c, text, NULL);

	addr_list_init(&list);
	buf_init(&out, 4096);
	assert_true(addr_list_parse(&list, span_str(in), e));
	bool ok = local_expand(&list, a, &id, problems, e);
	for (size_t i = 0; ok && i < list.count; i++) {
		const char *origin = list.at[i].origin;
		assert_true(buf_printf(&out, "%s%s%s%s", i ? "|" : "", list.at[i].spec,
				       origin ? "<" : "", origin ? origin : ""));
	}
	conf_clear(&c);
	identity_clear(&id);
	if (!ok) {
		buf_clear(&out);
		return NULL;
	}
	return buf_take(&out);
}

static void local_mail_goes_to_who_reads_it(void **state)
{
	static const struct {
		const char *rc, *in, *out;
	} rows[] = {
		{ "", "root", "root@box.home.test<root" },
		{ "maildomain m.test\n", "root, a@x.test", "root@m.test<root|a@x.test" },
		{ "", "root@localhost", "root@localhost" },
		{ "system_mail me@x.test\n", "root", "me@x.test<root" },
		{ "system_mail me@x.test\n",
		  "postmaster, joe@localhost, a@y.test, root@box.home.test, me@x.test",
		  "me@x.test<postmaster|a@y.test" },
		{ "system_mail me@x.test\naliases %s\n", "joe, jim, ann",
		  "joe@y.test<joe|me@x.test<jim|a@y.test<ann|b@y.test<ann" },
		{ "system_mail me@x.test\naliases %s\n", "joe@localhost, self",
		  "joe@y.test<joe@localhost|me@x.test<self" },
		{ "aliases %s\n", "self, jim@box", "self@box.home.test<self|jim@box" },
		{ "aliases %s\n", "part", "b@y.test<part" },
		{ "system_mail me@x.test\naliases %s\n", "lost, joe",
		  "me@x.test<lost|joe@y.test<joe" },
		{ "aliases %s\n", "lost", "lost@box.home.test<lost" },
	};
	char path[] = "/tmp/relay-local.XXXXXX", rc[256];
	static const char text[] =
		"joe: joe@y.test\nann: a@y.test, b@y.test\nself: \\self\n"
		"part: |x, b@y.test\nonly: |x, /y\nlost: <\ngone: /dev/null\n";
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct err e = { 0 };
		struct local_problems problems = { 0 };
		char *rest = strstr(rows[i].rc, "%s");
		snprintf(rc, sizeof(rc), "%.*s%s%s", (int)(rest ? rest - rows[i].rc : 99),
			 rows[i].rc, rest ? path : "", rest ? rest + 2 : "");
		char *out = expand(rc, rows[i].in, &problems, &e);
		if (!out) {
			fail_msg("%s", e.text);
		}
		assert_string_equal(out, rows[i].out);
		assert_int_equal(problems.counts[ALIAS_REFUSED], strcmp(rows[i].in, "part") == 0);
		assert_int_equal(problems.counts[ALIAS_MISTAKE], rest != NULL);
		assert_int_equal(problems.counts[ALIAS_DISCARDED], 0);
		local_problems_clear(&problems);
		free(out);
	}
	unlink(path);
}

/* Expands `in` by a file with this text, and without it. */
static void nobody_is_left_for_a_reason(void **state)
{
	char path[] = "/tmp/relay-local.XXXXXX";
	static const char text[] = "only: |x, /y\ngone: /dev/null\n";
	int fd = mkstemp(path);
	struct err e = { 0 };
	struct local_problems problems = { 0 };
	char *rc MEM_AUTO = mem_printf("aliases %s\n", path);

	(void)state;
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	char *out = expand(rc, "only, gone@localhost", &problems, &e);
	assert_string_equal(out, "");
	assert_int_equal(problems.counts[ALIAS_REFUSED], 2);
	assert_string_equal(problems.at[ALIAS_REFUSED][1].recipient, "only");
	assert_int_equal(problems.counts[ALIAS_DISCARDED], 1);
	assert_string_equal(problems.at[ALIAS_DISCARDED][0].recipient, "gone@localhost");
	local_problems_clear(&problems);
	free(out);
	unlink(path);
}

/* It stops only the mail that needs it; and none at all when somebody reads local mail. */
static void a_file_that_is_not_there(void **state)
{
	static const char rc[] = "aliases /nowhere/aliases\n";
	struct err e = { 0 };
	struct local_problems problems = { 0 };

	(void)state;
	assert_null(expand(rc, "root, a@x.test", &problems, &e));
	assert_int_equal(e.cause, CAUSE_CONFIG);
	char *out = expand(rc, "a@x.test", &problems, &e);
	assert_string_equal(out, "a@x.test");
	free(out);
	assert_int_equal(problems.counts[ALIAS_MISTAKE], 0);
	out = expand("system_mail me@x.test\naliases /nowhere/aliases\n", "root, a@x.test",
		     &problems, &e);
	assert_string_equal(out, "me@x.test<root|a@x.test");
	free(out);
	assert_int_equal(problems.counts[ALIAS_MISTAKE], 1);
	assert_non_null(strstr(problems.at[ALIAS_MISTAKE][0].text, "/nowhere/aliases"));
	assert_non_null(strstr(problems.at[ALIAS_MISTAKE][0].text, "me@x.test"));
	local_problems_clear(&problems);
}

static void many_problems_are_counted(void **state)
{
	char path[] = "/tmp/relay-local.XXXXXX";
	int fd = mkstemp(path);
	struct err e = { 0 };
	struct local_problems problems = { 0 };

	(void)state;
	dprintf(fd, "a: b@x.test");
	for (int i = 0; i < 1000; i++) {
		dprintf(fd, ", /f%d", i);
	}
	close(fd);
	char *rc MEM_AUTO = mem_printf("aliases %s\n", path);
	char *out = expand(rc, "a", &problems, &e);
	assert_string_equal(out, "b@x.test<a");
	assert_int_equal(problems.counts[ALIAS_REFUSED], 1000);
	assert_int_equal(local_problems_kept(&problems, ALIAS_REFUSED), LOCAL_PROBLEMS_MAX);
	assert_non_null(problems.at[ALIAS_REFUSED][LOCAL_PROBLEMS_MAX - 1].text);
	local_problems_clear(&problems);
	free(out);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_machine_are_its_own),
		cmocka_unit_test(other_domains_cost_no_look_up),
		cmocka_unit_test(local_mail_goes_to_who_reads_it),
		cmocka_unit_test(nobody_is_left_for_a_reason),
		cmocka_unit_test(a_file_that_is_not_there),
		cmocka_unit_test(many_problems_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
