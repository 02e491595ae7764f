/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "net_peer.h"

#include <sys/wait.h>

#define BYTES(text) (text), sizeof(text) - 1

struct scene {
	int ours, proxys; /* a connected pair; ours is non-blocking */
};

static struct scene scene_new(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	return (struct scene){ pair[0], pair[1] };
}

static void scene_end(struct scene *s)
{
	fs_close(&s->ours);
	fs_close(&s->proxys);
}

static void the_request_names_the_host_in_its_own_form(void **state)
{
	static const struct {
		const char *host;
		unsigned port;
		const char *want;
		size_t size;
	} cases[] = {
		{ "smtp.example.org", 465,
		  BYTES("\5\1\0"
			"\5\1\0\3\20smtp.example.org\1\321") },
		{ "192.0.2.1", 25,
		  BYTES("\5\1\0"
			"\5\1\0\1\300\0\2\1\0\31") },
		{ "2001:db8::1", 587,
		  BYTES("\5\1\0"
			"\5\1\0\4\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1\2\113") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = scene_new();
		struct err e;
		char got[300];
		assert_true(fs_write_all(s.proxys, BYTES("\5\0\5\0\0\1\0\0\0\0\0\0")));
		assert_true(net_proxy(s.ours, cases[i].host, cases[i].port,
				      clock_ms() + 5000, &e));
		assert_int_equal(fs_read(s.proxys, got, sizeof(got)), cases[i].size);
		assert_memory_equal(got, cases[i].want, cases[i].size);
		scene_end(&s);
	}
}

static void what_follows_the_reply_is_left_for_smtp(void **state)
{
	static const struct {
		const char *reply;
		size_t size;
	} cases[] = {
		{ BYTES("\5\0"
			"\5\0\0\1\177\0\0\1\0\31") },
		{ BYTES("\5\0"
			"\5\0\0\4abcdefghijklmnop\0\31") },
		{ BYTES("\5\0"
			"\5\0\0\3\4name\0\31") },
		{ BYTES("\5\0"
			"\5\0\0\3\0\0\31") },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = scene_new();
		struct err e;
		char got[100];
		assert_true(fs_write_all(s.proxys, cases[i].reply, cases[i].size));
		assert_true(fs_write_all(s.proxys, BYTES("220 hello\r\n")));
		assert_true(net_proxy(s.ours, "a.example", 25, clock_ms() + 5000, &e));
		assert_int_equal(fs_read(s.ours, got, sizeof(got)), 11);
		assert_memory_equal(got, "220 hello\r\n", 11);
		scene_end(&s);
	}
}

static void every_refusal_has_its_words(void **state)
{
	static const struct {
		const char *reply;
		size_t size;
		const char *want;
	} cases[] = {
		{ BYTES("\5\377"), "the proxy wants a login, which is not supported" },
		{ BYTES("\5\2"), "the proxy chose a method that was not offered (2)" },
		{ BYTES("\4\0"), "the proxy does not speak SOCKS5" },
		{ BYTES("HTTP/1.0 400 Bad Request\r\n"),
		  "the proxy does not speak SOCKS5" },
		{ BYTES(""), "the proxy closed the connection" },
		{ BYTES("\5"), "the proxy closed the connection" },
		{ BYTES("\5\0"), "the proxy closed the connection" },
		{ BYTES("\5\0"
			"\4\0\0\1\0\0\0\0\0\0"),
		  "the proxy does not speak SOCKS5" },
		{ BYTES("\5\0"
			"\5\1\0\1\0\0\0\0\0\0"),
		  "the proxy failed" },
		{ BYTES("\5\0"
			"\5\2\0\1\0\0\0\0\0\0"),
		  "the proxy's rules forbid it" },
		{ BYTES("\5\0"
			"\5\3\0\1\0\0\0\0\0\0"),
		  "network unreachable" },
		{ BYTES("\5\0"
			"\5\4"),
		  "host unreachable" },
		{ BYTES("\5\0"
			"\5\5\0\1\0\0\0\0\0\0"),
		  "connection refused" },
		{ BYTES("\5\0"
			"\5\6\0\1\0\0\0\0\0\0"),
		  "TTL expired" },
		{ BYTES("\5\0"
			"\5\7\0\1\0\0\0\0\0\0"),
		  "the proxy does not know the command CONNECT" },
		{ BYTES("\5\0"
			"\5\10\0\1\0\0\0\0\0\0"),
		  "the proxy does not know this type of address" },
		{ BYTES("\5\0"
			"\5\11\0\1\0\0\0\0\0\0"),
		  "the proxy refused with unknown code 9" },
		{ BYTES("\5\0"
			"\5\377\0\1"),
		  "the proxy refused with unknown code 255" },
		{ BYTES("\5\0"
			"\5\0\1\1\0\0\0\0\0\0"),
		  "the proxy sent a malformed reply" },
		{ BYTES("\5\0"
			"\5\0\0\2\0\0\0\0\0\0"),
		  "the proxy sent an unknown address type (2)" },
		{ BYTES("\5\0"
			"\5\0\0\1\0\0\0\0\0"),
		  "the proxy closed the connection" },
		{ BYTES("\5\0"
			"\5\0\0\3\377abc"),
		  "the proxy closed the connection" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct scene s = scene_new();
		struct err e;
		assert_true(fs_write_all(s.proxys, cases[i].reply, cases[i].size));
		assert_int_equal(shutdown(s.proxys, SHUT_WR), 0);
		assert_false(net_proxy(s.ours, "a.example", 25, clock_ms() + 5000, &e));
		assert_int_equal(e.cause, CAUSE_CONNECT);
		assert_string_equal(e.text, cases[i].want);
		scene_end(&s);
	}
}

static void silence_and_drips_end_at_the_deadline(void **state)
{
	(void)state;
	for (int drips = 0; drips < 2; drips++) {
		struct scene s = scene_new();
		struct err e;
		int64_t start = clock_ms();
		pid_t child = fork();
		if (child == 0) {
			/* A byte now and then: each is progress, none is an end. */
			close(s.ours);
			(void)!fs_write_all(s.proxys, BYTES("\5\0\5\0\0\3\377"));
			while (send(s.proxys, "x", 1, MSG_NOSIGNAL) == 1) {
				usleep(5000);
			}
			_exit(0);
		}
		assert_true(child > 0);
		if (!drips) {
			struct scene silent = scene_new();
			assert_false(
				net_proxy(silent.ours, "a.example", 25, start + 50, &e));
			scene_end(&silent);
		} else {
			assert_false(net_proxy(s.ours, "a.example", 25, start + 50, &e));
		}
		assert_string_equal(e.text, "the proxy did not answer in time");
		assert_in_range(clock_ms() - start, 48, 1000);
		scene_end(&s);
		assert_int_equal(waitpid(child, NULL, 0), child);
	}
}

static void a_proxy_that_hangs_up_does_not_kill_us(void **state)
{
	struct scene s = scene_new();
	struct err e;

	(void)state;
	fs_close(&s.proxys);
	assert_false(net_proxy(s.ours, "a.example", 25, clock_ms() + 5000, &e));
	assert_string_equal(e.text, "the proxy: Broken pipe");
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_request_names_the_host_in_its_own_form),
		cmocka_unit_test(what_follows_the_reply_is_left_for_smtp),
		cmocka_unit_test(every_refusal_has_its_words),
		cmocka_unit_test(silence_and_drips_end_at_the_deadline),
		cmocka_unit_test(a_proxy_that_hangs_up_does_not_kill_us),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
