/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "net_peer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>

static const char *text_of(const struct net_list *list)
{
	static char all[1000];
	size_t used = 0;

	all[0] = '\0';
	for (size_t i = 0; i < list->count; i++) {
		char one[NET_PEER_MAX];
		net_address_text(&list->address[i], one);
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s:%u",
					 i ? " " : "", one, port_of(&list->address[i]));
	}
	return all;
}

/* Lookups that must not happen, or that stand for a name server's answer. */
static int never_asked(const char *host, int family, struct net_list *list)
{
	(void)host, (void)family, (void)list;
	abort();
}

static int two_addresses(const char *host, int family, struct net_list *list)
{
	struct sigaction old;
	sigset_t mask;

	(void)family;
	/* The thread that asks takes no signal from the main thread. */
	if (strcmp(host, "smtp.example.org") != 0 ||
	    sigaction(SIGTERM, NULL, &old) != 0 ||
	    pthread_sigmask(SIG_SETMASK, NULL, &mask) != 0 ||
	    !sigismember(&mask, SIGTERM)) {
		return EAI_FAIL;
	}
	list->address[0] = loopback(AF_INET6, 0);
	list->address[1] = loopback(AF_INET, 0);
	list->count = 2;
	return 0;
}

static int no_such_name(const char *host, int family, struct net_list *list)
{
	(void)host, (void)family, (void)list;
	return EAI_NONAME;
}

static int nothing_usable(const char *host, int family, struct net_list *list)
{
	(void)host, (void)family;
	list->count = 0;
	return 0;
}

static int system_failure(const char *host, int family, struct net_list *list)
{
	(void)host, (void)family, (void)list;
	errno = ENOBUFS;
	return EAI_SYSTEM;
}

/* A dead name server: no answer before the test writes a byte. */
static int dead_server[2], answered[2];

static int no_answer(const char *host, int family, struct net_list *list)
{
	char c;
	int code = fs_read(dead_server[0], &c, 1) == 1 ? two_addresses(host, family, list)
						       : EAI_FAIL;

	/* Its own memory still, though nobody waits: the sanitizer looks on. */
	(void)!fs_write_all(answered[1], "x", 1);
	return code;
}

static void addresses_and_localhost_ask_nobody(void **state)
{
	static const struct {
		const char *host;
		int family;
		const char *want;
	} cases[] = {
		{ "192.0.2.1", AF_UNSPEC, "192.0.2.1:25" },
		{ "2001:db8::1", AF_UNSPEC, "2001:db8::1:25" },
		{ "::ffff:192.0.2.1", AF_INET6, "::ffff:192.0.2.1:25" },
		{ "localhost", AF_UNSPEC, "::1:25 127.0.0.1:25" },
		{ "LocalHost.", AF_UNSPEC, "::1:25 127.0.0.1:25" },
		{ "mail.localhost", AF_UNSPEC, "::1:25 127.0.0.1:25" },
		{ "localhost", AF_INET, "127.0.0.1:25" },
		{ "localhost", AF_INET6, "::1:25" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_list list;
		struct err e;
		assert_true(net_resolve_by(never_asked, cases[i].host, 25,
					   cases[i].family, clock_ms() + 5000, &list,
					   &e));
		assert_string_equal(text_of(&list), cases[i].want);
	}
}

static void names_are_asked_with_and_without_a_deadline(void **state)
{
	struct net_list list;
	struct err e;

	(void)state;
	assert_true(net_resolve_by(two_addresses, "smtp.example.org", 465, AF_UNSPEC,
				   clock_ms() + 5000, &list, &e));
	assert_string_equal(text_of(&list), "::1:465 127.0.0.1:465");
	sigset_t term;
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	assert_true(net_resolve_by(two_addresses, "smtp.example.org", 465, AF_UNSPEC,
				   DEADLINE_NEVER, &list, &e));
	sigprocmask(SIG_UNBLOCK, &term, NULL);
	assert_string_equal(text_of(&list), "::1:465 127.0.0.1:465");
}

static void failures_are_temporary_and_name_the_host(void **state)
{
	static const struct {
		net_lookup *ask;
		int family;
		const char *want;
	} cases[] = {
		{ no_such_name, AF_UNSPEC, "cannot resolve a.example: %s" },
		{ no_such_name, AF_INET6,
		  "cannot resolve a.example: %s (only IPv6 was asked for)" },
		{ nothing_usable, AF_UNSPEC,
		  "cannot resolve a.example: no address that can be used" },
		{ system_failure, AF_UNSPEC,
		  "cannot resolve a.example: No buffer space available" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_list list;
		struct err e;
		char want[200];
		snprintf(want, sizeof(want), cases[i].want, gai_strerror(EAI_NONAME));
		assert_false(net_resolve_by(cases[i].ask, "a.example", 25,
					    cases[i].family, clock_ms() + 5000, &list,
					    &e));
		assert_int_equal(e.cause, CAUSE_DNS);
		assert_string_equal(e.text, want);
	}
}

static void a_dead_name_server_is_given_up_at_the_deadline(void **state)
{
	struct net_list list;
	struct err e;
	char c;

	(void)state;
	assert_int_equal(pipe(dead_server), 0);
	assert_int_equal(pipe(answered), 0);
	int64_t start = clock_ms();
	assert_false(net_resolve_by(no_answer, "smtp.example.org", 25, AF_UNSPEC,
				    start + 50, &list, &e));
	assert_in_range(clock_ms() - start, 48, 1000);
	assert_int_equal(e.cause, CAUSE_DNS);
	assert_string_equal(e.text, "cannot resolve smtp.example.org: no answer in time");
	assert_true(err_is_timeout(&e));
	/* It answers after all; its thread must find its memory in place. */
	assert_true(fs_write_all(dead_server[1], "x", 1));
	assert_int_equal(fs_read(answered[0], &c, 1), 1);
	/* A deadline that has passed is no reason to wait. */
	assert_false(net_resolve_by(no_answer, "smtp.example.org", 25, AF_UNSPEC, 0,
				    &list, &e));
	assert_true(fs_write_all(dead_server[1], "x", 1));
	assert_int_equal(fs_read(answered[0], &c, 1), 1);
}

static void the_real_system_is_asked(void **state)
{
	struct net_list list;
	struct err e;

	(void)state;
	/* RFC 6761: there is no such name; whether the system says so in time or not. */
	assert_false(net_resolve("nobody.invalid", 25, AF_UNSPEC, clock_ms() + 100, &list,
				 &e));
	assert_int_equal(e.cause, CAUSE_DNS);
	assert_memory_equal(e.text, "cannot resolve nobody.invalid: ", 31);
}

/* Families in the system's order, as letters: 4, 6, and u for one we cannot use. */
static void families_alternate_beginning_with_the_first(void **state)
{
	static const struct {
		const char *answer, *want;
	} cases[] = {
		{ "", "" },
		{ "u", "" },
		{ "4", "4" },
		{ "6644", "6464" },
		{ "4466", "4646" },
		{ "u66646", "64666" },
		{ "666666666666666666666666666644", "6464666666666666" },
		{ "444444444444444444444", "4444444444444444" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_address addresses[40];
		struct addrinfo nodes[40] = { 0 };
		struct net_list list;
		char got[NET_LIST_MAX + 1] = "";
		size_t count = strlen(cases[i].answer);
		for (size_t k = 0; k < count; k++) {
			char letter = cases[i].answer[k];
			int family = letter == '6' ? AF_INET6 : AF_INET;
			addresses[k] = loopback(family, (unsigned)k);
			nodes[k].ai_family = letter == 'u' ? AF_UNIX : family;
			nodes[k].ai_addr = &addresses[k].any;
			nodes[k].ai_addrlen = addresses[k].size;
			nodes[k].ai_next = k + 1 < count ? &nodes[k + 1] : NULL;
		}
		net_list_fill(&list, count ? nodes : NULL);
		for (size_t k = 0; k < list.count; k++) {
			got[k] = list.address[k].any.sa_family == AF_INET6 ? '6' : '4';
		}
		assert_string_equal(got, cases[i].want);
	}
}

static void the_canonical_name_fits_or_there_is_none(void **state)
{
	char name[NET_NAME_MAX];

	(void)state;
	assert_true(net_canonical("127.0.0.1", clock_deadline(10), name, sizeof(name)));
	assert_string_equal(name, "127.0.0.1");
	assert_false(net_canonical("127.0.0.1", clock_deadline(10), name, 9));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_canonical_name_fits_or_there_is_none),
		cmocka_unit_test(addresses_and_localhost_ask_nobody),
		cmocka_unit_test(names_are_asked_with_and_without_a_deadline),
		cmocka_unit_test(failures_are_temporary_and_name_the_host),
		cmocka_unit_test(a_dead_name_server_is_given_up_at_the_deadline),
		cmocka_unit_test(the_real_system_is_asked),
		cmocka_unit_test(families_alternate_beginning_with_the_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
