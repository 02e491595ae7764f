/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "net_peer.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static int connect_within(const struct net_target *t, int64_t ms, char peer[NET_PEER_MAX],
			  struct err *e)
{
	return net_connect(t, clock_ms() + ms, peer, e);
}

static void every_form_of_host_connects(void **state)
{
	static const struct {
		int family;
		const char *host, *peer;
		enum net_family allowed;
	} cases[] = {
		{ AF_INET, "127.0.0.1", "127.0.0.1", NET_ANY },
		{ AF_INET, "[127.0.0.1]", "127.0.0.1", NET_IPV4 },
		{ AF_INET, "localhost", "127.0.0.1", NET_ANY },
		{ AF_INET, "[localhost]", "127.0.0.1", NET_IPV4 },
		{ AF_INET6, "::1", "::1", NET_ANY },
		{ AF_INET6, "[::1]", "::1", NET_IPV6 },
		{ AF_INET6, "localhost", "::1", NET_IPV6 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_address a;
		char peer[NET_PEER_MAX] = "";
		struct err e;
		int server = peer_listening(cases[i].family, &a);
		if (server < 0) {
			continue; /* a machine without IPv6 */
		}
		struct net_target t = { .host = cases[i].host,
					.port = port_of(&a),
					.family = cases[i].allowed };
		int fd = connect_within(&t, 5000, peer, &e);
		assert_true(fd >= 0);
		assert_string_equal(peer, cases[i].peer);
		assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
		close(fd);
		close(server);
	}
}

static void a_target_without_sense_is_a_configuration_error(void **state)
{
	char longest[300];
	const struct {
		struct net_target t;
		const char *want;
	} cases[] = {
		{ { .host = "", .port = 25 }, "host: it is empty" },
		{ { .host = NULL, .port = 25 }, "host: it is empty" },
		{ { .host = "[]", .port = 25 }, "host: it is empty" },
		{ { .host = longest, .port = 25 }, "host: the name is too long" },
		{ { .host = "m\303\274ller.example", .port = 25 },
		  "host: write m\303\274ller.example in its ASCII form (xn--…)" },
		{ { .host = "a", .port = 0 }, "host: there is no port 0" },
		{ { .host = "a", .port = 65536 }, "host: there is no port 65536" },
		{ { .host = "a", .port = 25, .proxy_host = "", .proxy_port = 1080 },
		  "proxy_host: it is empty" },
		{ { .host = "a", .port = 25, .proxy_host = "p", .proxy_port = 0 },
		  "proxy_host: there is no port 0" },
		{ { .host = "a", .port = 25, .source_ip = "b.example" },
		  "source_ip: b.example is not an IP address" },
		{ { .host = "a", .port = 25, .source_ip = "::1", .family = NET_IPV4 },
		  "source_ip: ::1 is an IPv6 address, but only IPv4 is allowed" },
		{ { .host = "127.0.0.1", .port = 25, .source_ip = "::1" },
		  "127.0.0.1 is not an IPv6 address, and source_ip asks for one" },
		{ { .host = "[::1]", .port = 25, .family = NET_IPV4 },
		  "::1 is not an IPv4 address, and no other is allowed" },
		{ { .unix_path = "" }, "socket : the path must have 1 to 107 bytes" },
	};

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char peer[NET_PEER_MAX];
		struct err e;
		assert_int_equal(connect_within(&cases[i].t, 1000, peer, &e), -1);
		assert_int_equal(e.cause, CAUSE_CONFIG);
		assert_string_equal(e.text, cases[i].want);
	}
}

static void a_look_up_connects_to_nothing(void **state)
{
	static const struct {
		struct net_target t;
		enum cause cause;
	} cases[] = {
		{ { .host = "127.0.0.1", .port = 1 }, CAUSE_NONE },
		{ { .host = "[::1]", .port = 1 }, CAUSE_NONE },
		{ { .host = "localhost", .port = 1, .family = NET_IPV6 }, CAUSE_NONE },
		{ { .host = "no.such.name.invalid", .port = 1, .proxy_host = "localhost",
		    .proxy_port = 1 }, CAUSE_NONE },
		{ { .unix_path = "/nowhere" }, CAUSE_NONE },
		{ { .host = "", .port = 25 }, CAUSE_CONFIG },
		{ { .host = "a", .port = 25, .proxy_host = "", .proxy_port = 1 }, CAUSE_CONFIG },
		{ { .host = "127.0.0.1", .port = 25, .source_ip = "::1" }, CAUSE_CONFIG },
		{ { .host = "127.0.0.1", .port = 25, .proxy_host = "a..b", .proxy_port = 1 },
		  CAUSE_DNS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		bool ok = net_look_up(&cases[i].t, clock_deadline(10), &e);
		assert_int_equal(ok, cases[i].cause == CAUSE_NONE);
		assert_int_equal(e.cause, cases[i].cause);
	}
}

static void a_failed_connection_names_host_port_and_reasons(void **state)
{
	struct net_address a;
	char peer[NET_PEER_MAX], want[200];
	struct err e;

	(void)state;
	int bound = peer_bound(AF_INET, &a);
	struct net_target t = { .host = "127.0.0.1", .port = port_of(&a) };
	assert_int_equal(connect_within(&t, 5000, peer, &e), -1);
	assert_int_equal(e.cause, CAUSE_CONNECT);
	snprintf(want, sizeof(want),
		 "cannot connect to 127.0.0.1 port %u: Connection refused", t.port);
	assert_string_equal(e.text, want);

	t.host = "localhost";
	t.family = NET_IPV4;
	assert_int_equal(connect_within(&t, 5000, peer, &e), -1);
	snprintf(want, sizeof(want),
		 "cannot connect to localhost port %u: 127.0.0.1: Connection refused",
		 t.port);
	assert_string_equal(e.text, want);

	t.proxy_host = "127.0.0.1";
	t.proxy_port = t.port;
	assert_int_equal(connect_within(&t, 5000, peer, &e), -1);
	snprintf(want, sizeof(want),
		 "cannot connect to proxy 127.0.0.1 port %u: Connection refused", t.port);
	assert_string_equal(e.text, want);
	close(bound);
}

static void a_source_address_is_bound(void **state)
{
	struct net_address a, from = { .size = sizeof(from.v6) };
	char peer[NET_PEER_MAX];
	struct err e;

	(void)state;
	int server = peer_listening(AF_INET, &a);
	struct net_target t = { .host = "localhost",
				.port = port_of(&a),
				.source_ip = "127.0.0.9" };
	int fd = connect_within(&t, 5000, peer, &e);
	assert_true(fd >= 0);
	assert_int_equal(getsockname(fd, &from.any, &from.size), 0);
	assert_int_equal(ntohl(from.v4.sin_addr.s_addr), 0x7f000009);
	close(fd);
	close(server);
}

/* A proxy for one connection: reads what it must, answers, sends a greeting. */
static pid_t proxy_start(int server, const char *reply, size_t size)
{
	pid_t child = fork();

	if (child == 0) {
		char request[100];
		int fd = accept(server, NULL, NULL);
		bool is_good = fs_read(fd, request, 3) == 3 &&
			       fs_write_all(fd, "\5\0", 2) &&
			       fs_read(fd, request, 7 + 9) == 7 + 9 &&
			       memcmp(request, "\5\1\0\3\11a.example\0\31", 16) == 0 &&
			       fs_write_all(fd, reply, size) &&
			       fs_write_all(fd, "220 hi\r\n", 8);
		_exit(!is_good);
	}
	return child;
}

static void a_proxy_is_asked_and_its_refusal_explained(void **state)
{
	struct net_address a;
	char peer[NET_PEER_MAX], want[200], got[20];
	struct err e;
	int status;

	(void)state;
	int server = peer_listening(AF_INET, &a);
	struct net_target t = { .host = "a.example",
				.port = 25,
				.proxy_host = "localhost",
				.proxy_port = port_of(&a) };
	pid_t child = proxy_start(server, "\5\0\0\1\0\0\0\0\0\0", 10);
	int fd = connect_within(&t, 5000, peer, &e);
	assert_true(fd >= 0);
	assert_string_equal(peer, "127.0.0.1");
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(fs_read(fd, got, sizeof(got)), 8);
	close(fd);

	child = proxy_start(server, "\5\2\0\1\0\0\0\0\0\0", 10);
	assert_int_equal(connect_within(&t, 5000, peer, &e), -1);
	assert_int_equal(waitpid(child, &status, 0), child);
	snprintf(want, sizeof(want),
		 "cannot connect to a.example port 25 through proxy "
		 "localhost port %u: the proxy's rules forbid it",
		 t.proxy_port);
	assert_string_equal(e.text, want);
	assert_int_equal(e.cause, CAUSE_CONNECT);
	close(server);
}

static void unix_sockets_connect_or_say_why(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char folder[] = "/tmp/relay-test-XXXXXX", path[100], peer[NET_PEER_MAX],
	     want[200];
	char too_long[200];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/sock", folder);
	struct net_target t = { .unix_path = path, .host = "ignored", .port = 0 };

	assert_int_equal(connect_within(&t, 1000, peer, &e), -1);
	snprintf(want, sizeof(want),
		 "cannot connect to socket %s: No such file or directory", path);
	assert_string_equal(e.text, want);
	assert_int_equal(e.cause, CAUSE_CONNECT);

	int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(server, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(server, 0), 0);
	int fd = connect_within(&t, 5000, peer, &e);
	assert_true(fd >= 0);
	assert_string_equal(peer, path);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);

	/* Its queue is full now. */
	int64_t start = clock_ms();
	assert_int_equal(connect_within(&t, 50, peer, &e), -1);
	assert_in_range(clock_ms() - start, 40, 1000);
	snprintf(want, sizeof(want), "cannot connect to socket %s: %s", path,
		 strerror(ETIMEDOUT));
	assert_string_equal(e.text, want);
	close(fd);
	close(server);

	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[sizeof(too_long) - 1] = '\0';
	t.unix_path = too_long;
	assert_int_equal(connect_within(&t, 1000, peer, &e), -1);
	assert_int_equal(e.cause, CAUSE_CONFIG);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_host_connects),
		cmocka_unit_test(a_target_without_sense_is_a_configuration_error),
		cmocka_unit_test(a_look_up_connects_to_nothing),
		cmocka_unit_test(a_failed_connection_names_host_port_and_reasons),
		cmocka_unit_test(a_source_address_is_bound),
		cmocka_unit_test(a_proxy_is_asked_and_its_refusal_explained),
		cmocka_unit_test(unix_sockets_connect_or_say_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
