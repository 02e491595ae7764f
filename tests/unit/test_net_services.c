/* SPDX-License-Identifier: ISC */
/* net_srv: the two questions, and what is made of their answers. */
#include "unit.h"

#include "base/clock.h"
#include "base/fs.h"
#include "dns_answer.h"
#include "sys/net_state.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a name server answers to each of the two questions, by its letter. */
static struct {
	char submissions, submission;
	pthread_barrier_t both;
	int gate[2], answered[2];
} dns;

static int query(const char *question, void *answer, size_t size)
{
	static const char tls[] = "_submissions._tcp.example.org",
			  starttls[] = "_submission._tcp.example.org";
	bool is_tls = strcmp(question, tls) == 0;
	struct buf b BUF_AUTO;
	char c;

	if (!is_tls && strcmp(question, starttls) != 0) {
		abort();
	}
	pthread_barrier_wait(&dns.both);	/* it hangs when they are not asked at once */
	buf_init(&b, 60000);
	dns_begin(&b, 40);
	switch (is_tls ? dns.submissions : dns.submission) {
	case 'g':	/* good */
		dns_add_srv(&b, 20, 0, is_tls ? 465 : 587, "second.@");
		dns_add_srv(&b, 10, 0, is_tls ? 465 : 587, is_tls ? "tls.@" : "starttls.@");
		break;
	case 'm':	/* many */
		for (int i = 0; i < 40; i++) {
			dns_add_srv(&b, 1, 1, 465, "many.@");
		}
		break;
	case '.':	/* not offered */
		dns_add_srv(&b, 0, 0, 0, "");
		break;
	case 'j':	/* junk */
		dns_add_srv(&b, 0, 0, 1, "127.0.0.1");
		break;
	case 'e':
		return 0;
	case 's':	/* silent until the test has looked */
		(void)!fs_read(dns.gate[0], &c, 1);
		(void)!fs_write_all(dns.answered[1], "x", 1);
		return NET_QUERY_FAILED;
	case 'f':
		return NET_QUERY_FAILED;
	default:
		return NET_QUERY_NONE;
	}
	assert_true(b.size <= size);
	memcpy(answer, b.data, b.size);
	return (int)b.size;
}

static bool find(const char *answers, int64_t deadline, struct net_services *ret,
		 struct err *e)
{
	dns.submissions = answers[0];
	dns.submission = answers[1];
	memset(e, 0, sizeof(*e));
	return net_services_by(query, "example.org.", deadline, ret, e);
}

static void servers_with_implicit_tls_come_first(void **state)
{
	static const struct {
		const char *answers, *want;
	} cases[] = {
		{ "gg", "tls.example.org:465s second.example.org:465s "
			"starttls.example.org:587 second.example.org:587 " },
		{ "g-", "tls.example.org:465s second.example.org:465s " },
		{ "-g", "starttls.example.org:587 second.example.org:587 " },
		{ ".g", "starttls.example.org:587 second.example.org:587 " },
		{ "jg", "starttls.example.org:587 second.example.org:587 " },
		{ "fg", "starttls.example.org:587 second.example.org:587 " },
		{ "ge", "tls.example.org:465s second.example.org:465s " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_services found;
		struct err e;
		char text[1000] = "";
		assert_true(find(cases[i].answers, clock_deadline(60), &found, &e));
		for (size_t k = 0; k < found.count; k++) {
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s:%u%s ",
				 found.at[k].host, found.at[k].port,
				 found.at[k].is_implicit_tls ? "s" : "");
		}
		assert_string_equal(text, cases[i].want);
	}
}

static void there_is_an_end_to_servers(void **state)
{
	struct net_services found;
	struct err e;

	(void)state;
	assert_true(find("mg", clock_deadline(60), &found, &e));
	assert_int_equal(found.count, NET_SERVICES_MAX);
	assert_true(found.at[NET_SERVICES_MAX - 1].is_implicit_tls);
}

static void failures_say_what_was_asked_and_why_there_is_nothing(void **state)
{
	static const struct {
		const char *answers, *why;
	} cases[] = {
		{ "--", "there are no such records; set host to the server's own name" },
		{ "-.", "the domain says that it has no such server" },
		{ "..", "the domain says that it has no such server" },
		{ "-j", "none of the records names a server" },
		{ "e-", "none of the records names a server" },
		{ "f-", "the name servers fail or do not answer" },
		{ ".f", "the name servers fail or do not answer" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_services found;
		struct err e;
		char want[300];
		snprintf(want, sizeof(want), "cannot find the servers of example.org "
			 "(_submissions._tcp.example.org, _submission._tcp.example.org in "
			 "DNS): %s", cases[i].why);
		assert_false(find(cases[i].answers, clock_deadline(60), &found, &e));
		assert_int_equal(e.cause, CAUSE_DNS);
		assert_string_equal(e.text, want);
		assert_false(err_is_timeout(&e));
	}
}

static void a_silent_name_server_is_given_up_at_the_deadline(void **state)
{
	struct net_services found;
	struct err e;
	char c;

	(void)state;
	assert_int_equal(pipe(dns.gate), 0);
	assert_int_equal(pipe(dns.answered), 0);
	for (int i = 0; i < 2; i++) {
		bool is_half = i == 1;	/* one of the two is answered */
		int64_t start = clock_ms();
		assert_int_equal(find(is_half ? "sg" : "ss", start + 50, &found, &e), is_half);
		assert_in_range(clock_ms() - start, 48, 2000);
		if (is_half) {
			assert_int_equal(found.count, 2);
		} else {
			assert_true(e.cause == CAUSE_DNS && err_is_timeout(&e));
			assert_non_null(strstr(e.text, "in DNS): no answer in time"));
		}
		/* They are answered after all; the threads must find their memory in place. */
		for (int k = i; k < 2; k++) {
			assert_true(fs_write_all(dns.gate[1], "x", 1));
			assert_int_equal(fs_read(dns.answered[0], &c, 1), 1);
		}
	}
}

static int never(const char *question, void *answer, size_t size)
{
	(void)question, (void)answer, (void)size;
	abort();
}

static void what_is_no_domain_is_not_asked_for(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a..b", ".a", "a b", "a\n", "192.0.2.1",
					   "[::1]", "m\xc3\xbc.example", "a@b" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct net_services found;
		struct err e;
		assert_false(net_services_by(never, bad[i], clock_deadline(9), &found, &e));
		assert_int_equal(e.cause, CAUSE_CONFIG);
		assert_memory_equal(e.text, "host: srv:", 10);
	}
}

static void the_real_system_is_asked(void **state)
{
	struct net_services found;
	struct err e;

	(void)state;
	/* RFC 6761: there is no such name; whether the system says so in time or not. */
	assert_false(net_services_find("nobody.invalid", clock_ms() + 100, &found, &e));
	assert_int_equal(e.cause, CAUSE_DNS);
}

/* test_net_services DOMAIN SECONDS: what the system answers, for tests/e2e/test_srv.py. */
static int show(const char *domain, const char *seconds)
{
	struct net_services found;
	struct err e = { 0 };
	int64_t deadline = clock_deadline((unsigned)strtoul(seconds, NULL, 10));

	if (!net_services_find(domain, deadline, &found, &e)) {
		printf("%s%s\n", err_is_timeout(&e) ? "timeout: " : "", e.text);
		return 1;
	}
	for (size_t i = 0; i < found.count; i++) {
		printf("%s %u %s\n", found.at[i].host, found.at[i].port,
		       found.at[i].is_implicit_tls ? "tls" : "starttls");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_with_implicit_tls_come_first),
		cmocka_unit_test(there_is_an_end_to_servers),
		cmocka_unit_test(failures_say_what_was_asked_and_why_there_is_nothing),
		cmocka_unit_test(a_silent_name_server_is_given_up_at_the_deadline),
		cmocka_unit_test(what_is_no_domain_is_not_asked_for),
		cmocka_unit_test(the_real_system_is_asked),
	};

	if (argc == 3) {
		return show(argv[1], argv[2]);
	}
	pthread_barrier_init(&dns.both, NULL, 2);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
