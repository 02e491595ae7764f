/* SPDX-License-Identifier: ISC */
/* tls: handshake and traffic, with GnuTLS's and OpenSSL's servers. */
#include "unit.h"

#include "base/clock.h"
#include "tlsfix.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void talks_and_tells_what_it_is(void **state)
{
	struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
	struct tls_options o = fix_options("mail.test");
	struct buf binding;
	const char *type = NULL;
	struct err e;
	struct flight f;

	(void)state;
	struct tls *t = fix_meet(&server, &o, &f, &e);
	assert_non_null(t);
	assert_string_equal(tls_version(t), "TLSv1.3");
	assert_int_equal(strncmp(tls_cipher(t), "TLS_", 4), 0);
	fix_must_read(t, "220 kit\r\n");
	fix_must_write(t, "EHLO ", 5);
	fix_must_write(t, "me\r\n", 4);
	fix_must_read(t, "EHLO me\r\n");
	buf_init(&binding, 100);
	assert_true(tls_channel_binding(t, &binding, &type));
	assert_string_equal(type, "tls-exporter");
	fix_part(&server, t, &f);
	assert_string_equal(server.sni, "mail.test");
	assert_int_equal(binding.size, 32);
	assert_memory_equal(binding.data, server.exporter, 32);
	buf_clear(&binding);
}

static void large_data_arrives_whole(void **state)
{
	enum { SIZE = 1 << 20 };
	struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
	struct tls_options o = fix_options("mail.test");
	char *sent = malloc(SIZE), *got = malloc(SIZE);
	size_t have = 0, written = 0;
	struct err e;
	struct flight f;

	(void)state;
	assert_true(sent && got);
	for (int i = 0; i < SIZE; i++) {
		sent[i] = (char)(i / 251 + i);
	}
	struct tls *t = fix_meet(&server, &o, &f, &e);
	assert_non_null(t);
	fix_must_read(t, "220 kit\r\n");
	/* Odd sizes, below and above a record; read in between, so that nobody is stuck. */
	for (size_t step = 1; written < SIZE; step = step * 3 % 70001) {
		size_t size = step < SIZE - written ? step : SIZE - written;
		fix_must_write(t, sent + written, size);
		written += size;
		while (written - have > 100000 || (written == SIZE && have < SIZE)) {
			ssize_t n = tls_read(t, got + have, SIZE - have, clock_ms() + 10000, &e);
			assert_true(n > 0);
			have += (size_t)n;
		}
	}
	assert_memory_equal(sent, got, SIZE);
	fix_part(&server, t, &f);
	assert_int_equal(server.echoed, SIZE);
	free(sent);
	free(got);
}

static void versions_below_1_2_are_refused(void **state)
{
	static const struct {
		const char *server, *client;
		const char *version;	/* NULL: refused */
	} cases[] = {
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL, "TLSv1.3" },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.2", NULL, "TLSv1.2" },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.1", NULL, NULL },
		{ "NORMAL:-VERS-ALL:+VERS-TLS1.0", NULL, NULL },
		{ "NORMAL", "NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLSv1.2" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
		struct tls_options o = fix_options("mail.test");
		struct buf binding;
		const char *type = "";
		struct err e;
		struct flight f;
		server.priorities = cases[i].server;
		o.priorities = cases[i].client;
		struct tls *t = fix_meet(&server, &o, &f, &e);
		if (!t) {
			assert_null(cases[i].version);
			assert_int_equal(e.cause, CAUSE_TLS);
			assert_non_null(strstr(e.text, "1.2"));
			continue;
		}
		assert_string_equal(tls_version(t), cases[i].version);
		buf_init(&binding, 100);
		assert_true(tls_channel_binding(t, &binding, &type));
		assert_string_equal(type, strcmp(cases[i].version, "TLSv1.3") == 0 ?
				    "tls-exporter" : "tls-unique");
		assert_true(binding.size >= 12);
		buf_clear(&binding);
		fix_part(&server, t, &f);
	}
}

static void an_end_is_told_from_a_cut(void **state)
{
	static const enum kit_manner manners[] = { KIT_END, KIT_CUT };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit_server server = fix_serving(&fix[FIX_SERVER], manners[i]);
		struct tls_options o = fix_options("mail.test");
		struct err e;
		char data[10];
		struct flight f;
		struct tls *t = fix_meet(&server, &o, &f, &e);
		assert_non_null(t);
		fix_must_read(t, "220 kit\r\n");
		ssize_t n = tls_read(t, data, sizeof(data), clock_ms() + 10000, &e);
		assert_int_equal(n, i == 0 ? 0 : -1);
		if (n < 0) {
			assert_int_equal(e.cause, CAUSE_LOST);
			/* It stays lost. */
			assert_false(tls_write(t, "x", 1, clock_ms() + 10000, &e));
			assert_int_equal(tls_read(t, data, 1, clock_ms() + 10000, &e), -1);
		}
		fix_part(&server, t, &f);
	}
}

static void silence_ends_at_the_deadline(void **state)
{
	struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_MUTE);
	struct tls_options o = fix_options("mail.test");
	struct err e;
	char data[10];
	struct flight f;
	int pair[2];

	(void)state;
	struct tls *t = fix_meet(&server, &o, &f, &e);
	assert_non_null(t);
	int64_t start = clock_ms();
	assert_int_equal(tls_read(t, data, sizeof(data), start + 50, &e), -1);
	assert_int_equal(e.cause, CAUSE_LOST);
	assert_int_equal(e.os_errno, ETIMEDOUT);
	assert_in_range(clock_ms() - start, 49, 5000);
	fix_part(&server, t, &f);
	/* And before the handshake. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	flight_init(&f, pair[0]);
	t = tls_new(&f, &o, &e);
	assert_non_null(t);
	assert_false(tls_handshake(t, clock_ms() + 50, &e));
	assert_int_equal(e.cause, CAUSE_LOST);
	assert_int_equal(e.os_errno, ETIMEDOUT);
	assert_non_null(strstr(e.text, "TLS handshake"));
	tls_free(t);
	flight_clear(&f);
	close(pair[0]);
	close(pair[1]);
}

static void renegotiation_is_refused(void **state)
{
	struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_RENEGOTIATE);
	struct tls_options o = fix_options("mail.test");
	struct err e;
	char data[10];
	struct flight f;

	(void)state;
	server.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";
	struct tls *t = fix_meet(&server, &o, &f, &e);
	assert_non_null(t);
	fix_must_read(t, "220 kit\r\n");
	assert_int_equal(tls_read(t, data, sizeof(data), clock_ms() + 10000, &e), -1);
	assert_int_equal(e.cause, CAUSE_LOST);
	assert_non_null(strstr(e.text, "new TLS handshake"));
	fix_part(&server, t, &f);
}

/* A server that says `words` and no TLS. */
static void plain_text_is_recognised(void **state)
{
	static const struct {
		const char *words;
		bool is_starttls;
		const char *error;
	} cases[] = {
		{ "220 mail.test ESMTP\r\n", false, "(\"220 mail.test ESMTP\"): set tls_starttls on" },
		{ "220\033[2J\n", false, "220?[2J" },
		{ "500 what?\r\n", true, "took STARTTLS and then" },
		{ "2", false, "plain SMTP" },
		{ "\001\002\003\004\005\006\007", false, "not TLS" },
		{ "", false, "closed the connection" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tls_options o = fix_options("mail.test");
		struct err e = { 0 };
		int pair[2];
		o.is_starttls = cases[i].is_starttls;
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
		size_t size = strlen(cases[i].words);
		assert_int_equal(send(pair[1], cases[i].words, size, 0), size);
		shutdown(pair[1], SHUT_WR);
		struct flight f;
		flight_init(&f, pair[0]);
		struct tls *t = tls_new(&f, &o, &e);
		assert_non_null(t);
		assert_false(tls_handshake(t, clock_ms() + 10000, &e));
		assert_int_equal(e.cause, CAUSE_TLS);
		if (!strstr(e.text, cases[i].error)) {
			fail_msg("case %zu: %s", i, e.text);
		}
		tls_free(t);
		flight_clear(&f);
		close(pair[0]);
		close(pair[1]);
	}
}

/*
 * Between client and server, in a process of its own: carries, and says on request how many
 * pieces have come from the client.  What was sent is there at once in such a socket.
 */
static void carry(int client, int server, int control)
{
	unsigned char pieces = 0;
	char data[8192];
	ssize_t n = 1;

	while (n > 0) {
		struct pollfd p[3] = {
			{ client, POLLIN, 0 }, { server, POLLIN, 0 }, { control, POLLIN, 0 },
		};
		poll(p, 3, -1);
		if (p[0].revents) {
			n = recv(client, data, sizeof(data), 0);
			if (n > 0) {
				pieces++;
				send(server, data, (size_t)n, MSG_NOSIGNAL);
			}
		} else if (p[1].revents) {
			/* In small pieces, and the client can wait between them. */
			poll(NULL, 0, 1);
			n = recv(server, data, 100, MSG_DONTWAIT);
			if (n > 0) {
				send(client, data, (size_t)n, MSG_NOSIGNAL);
			}
		} else {
			n = recv(control, data, 1, 0);
			send(control, &pieces, 1, MSG_NOSIGNAL);
		}
	}
}

static int pieces_so_far(int control)
{
	unsigned char pieces = 0;

	assert_int_equal(send(control, "?", 1, 0), 1);
	assert_int_equal(recv(control, &pieces, 1, 0), 1);
	return pieces;
}

/* What comes after the handshake travels with its last flight: one piece in all. */
static void the_first_command_leaves_with_finished(void **state)
{
	struct kit_server server = fix_serving(&fix[FIX_SERVER], KIT_MUTE);
	struct tls_options o = fix_options("mail.test");
	struct err e;
	int client[2], control[2], status;

	(void)state;
	int fd = kit_start(&server);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, client), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, control), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(client[0]);
		close(control[0]);
		carry(client[1], fd, control[1]);
		_exit(0);
	}
	close(fd);
	close(client[1]);
	close(control[1]);
	struct flight f;
	flight_init(&f, client[0]);
	struct tls *t = tls_new(&f, &o, &e);
	assert_non_null(t);
	if (!tls_handshake(t, clock_ms() + 10000, &e)) {
		fail_msg("%s", e.text);
	}
	assert_int_equal(pieces_so_far(control[0]), 1);		/* ClientHello */
	fix_must_write(t, "EHLO ", 5);
	fix_must_write(t, "me\r\n", 4);
	assert_int_equal(pieces_so_far(control[0]), 1);
	assert_true(tls_flush(t, clock_ms() + 10000, &e));
	assert_int_equal(pieces_so_far(control[0]), 2);		/* Finished and EHLO */
	tls_free(t);
	flight_clear(&f);
	close(client[0]);
	close(control[0]);
	waitpid(child, &status, 0);
	kit_stop(&server);
}

struct openssl {
	pid_t pid;
	int input, output;
	int port;
};

/* Reads its output until `words` and the end of their line are there. */
static void wait_for_words(struct openssl *s, const char *words, char *text, size_t size)
{
	size_t have = 0;
	const char *at;

	do {
		ssize_t n = read(s->output, text + have, size - 1 - have);
		assert_true(n > 0);
		have += (size_t)n;
		text[have] = '\0';
		at = strstr(text, words);
	} while (!at || !strchr(at, '\n'));
}

/* OpenSSL's server on a TCP port of its own choice, which it prints. */
static void start_openssl(struct openssl *s, const char *version)
{
	static const char words[] = "ACCEPT 127.0.0.1:";
	int out[2], in[2];
	char text[1000];

	assert_int_equal(pipe(out), 0);
	assert_int_equal(pipe(in), 0);
	s->pid = fork();
	if (s->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(out[1], 2);
		close(in[1]);
		close(out[0]);
		execlp("openssl", "openssl", "s_server", "-accept", "127.0.0.1:0", "-naccept", "1",
		       "-cert", fix_cert, "-key", fix_key, version, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	s->output = out[0];
	s->input = in[1];
	wait_for_words(s, words, text, sizeof(text));
	s->port = (int)strtol(strstr(text, words) + strlen(words), NULL, 10);
}

static void speaks_with_openssl_over_tcp(void **state)
{
	static const char *const versions[] = { "-tls1_3", "-tls1_2" };

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_in a = { .sin_family = AF_INET };
		struct tls_options o = fix_options("mail.test");
		struct openssl server;
		struct err e;
		char data[4000];
		start_openssl(&server, versions[i]);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		a.sin_port = htons((uint16_t)server.port);
		a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
		fcntl(fd, F_SETFL, O_NONBLOCK);
		struct flight f;
		flight_init(&f, fd);
		struct tls *t = tls_new(&f, &o, &e);
		assert_non_null(t);
		if (!tls_handshake(t, clock_ms() + 10000, &e)) {
			fail_msg("%s", e.text);
		}
		assert_string_equal(tls_version(t), i ? "TLSv1.2" : "TLSv1.3");
		assert_int_equal(write(server.input, "hello\n", 6), 6);
		fix_must_read(t, "hello\n");
		fix_must_write(t, "goodbye\n", 8);
		assert_true(tls_flush(t, clock_ms() + 10000, &e));
		wait_for_words(&server, "goodbye", data, sizeof(data));
		/* "Q" on its standard input: it exits, and does not end TLS before. */
		assert_int_equal(write(server.input, "Q\n", 2), 2);
		assert_int_equal(tls_read(t, data, 10, clock_ms() + 10000, &e), -1);
		assert_int_equal(e.cause, CAUSE_LOST);
		tls_bye(t);
		tls_free(t);
		flight_clear(&f);
		close(fd);
		close(server.input);
		close(server.output);
		int status;
		waitpid(server.pid, &status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(talks_and_tells_what_it_is),
		cmocka_unit_test(large_data_arrives_whole),
		cmocka_unit_test(versions_below_1_2_are_refused),
		cmocka_unit_test(an_end_is_told_from_a_cut),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(plain_text_is_recognised),
		cmocka_unit_test(the_first_command_leaves_with_finished),
		cmocka_unit_test(speaks_with_openssl_over_tcp),
	};

	fix_make();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fix_free();
	return failed;
}
