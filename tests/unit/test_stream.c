/* SPDX-License-Identifier: ISC */
/* stream: reading, writing and taking, plain and with TLS; and their ends. */
#include "unit.h"

#include "base/clock.h"
#include "sys/stream.h"
#include "tlsfix.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static int64_t soon(void)
{
	return clock_ms() + 10000;
}

static int connect_plain(struct stream *s)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	stream_init(s, pair[0]);
	return pair[1];
}

static void connect_tls(struct stream *s, struct kit_server *server)
{
	struct tls_options o = fix_options("mail.test");
	struct err e;

	stream_init(s, kit_start(server));
	if (!stream_start_tls(s, &o, soon(), &e)) {
		fail_msg("%s", e.text);
	}
}

/* From here on the stream's socket is this one: the test is the wire. */
static int cut_in(struct stream *s)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(dup2(pair[0], s->flight.fd), s->flight.fd);
	close(pair[0]);
	return pair[1];
}

static void wait_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 10000), 1);
}

static void a_plain_stream_talks(void **state)
{
	struct stream s;
	struct err e;
	char data[10], literal[80];
	int server = connect_plain(&s);

	(void)state;
	assert_int_equal(stream_take(&s, data, sizeof(data), &e), FLIGHT_NOTHING);
	assert_true(stream_write(&s, span_str("EHLO"), soon(), &e));
	assert_int_equal(recv(server, data, sizeof(data), MSG_DONTWAIT), 4);
	assert_int_equal(send(server, "250", 3, 0), 3);
	assert_int_equal(stream_take(&s, data, 1, &e), 1);
	assert_int_equal(stream_read(&s, data, sizeof(data), soon(), &e), 2);
	assert_memory_equal(data, "50", 2);
	stream_address_literal(&s, literal, sizeof(literal));
	assert_string_equal(literal, "localhost");
	close(server);
	assert_int_equal(stream_read(&s, data, sizeof(data), soon(), &e), 0);
	stream_close(&s);
	stream_close(&s);
}

/* One record in two pieces; and a byte that is decrypted, but not read yet. */
static void a_part_of_a_record_is_nothing_yet(void **state)
{
	struct kit_server kit = fix_serving(&fix[FIX_SERVER], KIT_END);
	struct stream s;
	struct err e;
	char wire[500], data[20];

	(void)state;
	kit.priorities = "NORMAL:-VERS-ALL:+VERS-TLS1.2";	/* no tickets before the greeting */
	connect_tls(&s, &kit);
	kit_stop(&kit);
	ssize_t size = recv(s.flight.fd, wire, sizeof(wire), 0);
	assert_true(size > 20);
	int server = cut_in(&s);
	size_t cuts[] = { 3, 5, 17, (size_t)size };
	for (size_t i = 0, at = 0; i < 4; at = cuts[i++]) {
		assert_int_equal(stream_take(&s, data, 1, &e), FLIGHT_NOTHING);
		assert_int_equal(send(server, wire + at, cuts[i] - at, 0), cuts[i] - at);
	}
	assert_int_equal(stream_take(&s, data, 1, &e), 1);
	assert_int_equal(stream_take(&s, data + 1, sizeof(data) - 1, &e), 8);
	assert_memory_equal(data, "220 kit\r\n", 9);
	/* Taking has sent nothing. */
	assert_int_equal(recv(server, wire, sizeof(wire), MSG_DONTWAIT), -1);
	/* The server ended TLS. */
	assert_int_equal(stream_take(&s, data, sizeof(data), &e), 0);
	close(server);
	stream_close(&s);
}

/* What has not left yet does not leave because something is taken. */
static void taking_does_not_flush(void **state)
{
	struct kit_server kit = fix_serving(&fix[FIX_SERVER], KIT_MUTE);
	struct stream s;
	struct err e;
	char data[20];

	(void)state;
	connect_tls(&s, &kit);
	assert_true(tls_flush(s.tls, soon(), &e));
	int old = dup(s.flight.fd), server = cut_in(&s);
	assert_true(stream_write(&s, span_str("BDAT"), soon(), &e));
	assert_int_equal(stream_take(&s, data, sizeof(data), &e), FLIGHT_NOTHING);
	assert_int_equal(recv(server, data, sizeof(data), MSG_DONTWAIT), -1);
	assert_int_equal(stream_read(&s, data, sizeof(data), clock_ms() + 20, &e), -1);
	assert_true(recv(server, data, sizeof(data), MSG_DONTWAIT) > 0);
	close(server);
	close(old);
	stream_close(&s);
	kit_stop(&kit);
}

/* The server sends back all that comes, and reads on only when that is taken. */
static void both_sides_may_talk_at_once(void **state)
{
	enum { SIZE = 600000 };
	struct kit_server kit = fix_serving(&fix[FIX_SERVER], KIT_POLITE);
	struct stream s;
	struct err e;
	static char sent[SIZE], got[SIZE + 9];
	size_t have = 0;

	(void)state;
	for (int i = 0; i < SIZE; i++) {
		sent[i] = (char)(i / 251 + i);
	}
	connect_tls(&s, &kit);
	if (!stream_write(&s, span_of(sent, SIZE), soon(), &e) ||
	    !tls_flush(s.tls, soon(), &e)) {
		fail_msg("%s", e.text);
	}
	while (have < sizeof(got)) {
		ssize_t n = stream_read(&s, got + have, sizeof(got) - have, soon(), &e);
		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_memory_equal(got, "220 kit\r\n", 9);
	assert_memory_equal(got + 9, sent, SIZE);
	stream_close(&s);
	kit_stop(&kit);
}

static void last_words_are_there_when_a_write_fails(void **state)
{
	static char block[2000000];
	static const enum kit_manner manners[] = { KIT_END, KIT_CUT };

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct kit_server kit = fix_serving(&fix[FIX_SERVER], manners[i % 2]);
		struct stream s;
		struct err e;
		char data[20];
		if (i < 2) {
			connect_tls(&s, &kit);
			assert_true(tls_flush(s.tls, soon(), &e));
			kit_stop(&kit);
		} else {
			int server = connect_plain(&s);
			assert_int_equal(send(server, "220 kit\r\n", 9, 0), 9);
			close(server);
		}
		wait_readable(s.flight.fd);
		assert_false(stream_write(&s, span_of(block, sizeof(block)), soon(), &e));
		assert_int_equal(e.cause, CAUSE_LOST);
		assert_int_equal(stream_take(&s, data, sizeof(data), &e), 9);
		assert_memory_equal(data, "220 kit\r\n", 9);
		assert_true(stream_take(&s, data, sizeof(data), &e) <= 0);
		assert_false(s.tls && stream_write(&s, span_str("x"), soon(), &e));
		stream_close(&s);
	}
}

/* With TLS what was written leaves with the next read, so that can find it too. */
static void last_words_are_there_when_a_read_cannot_send(void **state)
{
	struct kit_server kit = fix_serving(&fix[FIX_SERVER], KIT_MUTE);
	struct stream s;
	struct err e;
	char data[20];

	(void)state;
	connect_tls(&s, &kit);
	assert_true(tls_flush(s.tls, soon(), &e));
	int old = dup(s.flight.fd), server = cut_in(&s);
	assert_true(stream_write(&s, span_str("QUIT"), soon(), &e));
	assert_int_equal(send(server, "\x17\x03\x03", 3, 0), 3);	/* of a record */
	shutdown(s.flight.fd, SHUT_WR);
	assert_int_equal(stream_read(&s, data, sizeof(data), soon(), &e), -1);
	assert_int_equal(e.os_errno, EPIPE);
	assert_int_equal(stream_take(&s, data, sizeof(data), &e), FLIGHT_NOTHING);
	close(server);
	assert_int_equal(stream_take(&s, data, sizeof(data), &e), -1);	/* cut */
	close(old);
	stream_close(&s);
	kit_stop(&kit);
}

static void a_deadline_is_told_from_a_loss(void **state)
{
	static char block[2000000];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct kit_server kit = fix_serving(&fix[FIX_SERVER], KIT_MUTE);
		struct stream s;
		struct err e;
		char data[20];
		int server, old = -1;
		if (i == 0) {
			server = connect_plain(&s);
		} else {
			connect_tls(&s, &kit);
			assert_true(tls_flush(s.tls, soon(), &e));
			old = dup(s.flight.fd);
			server = cut_in(&s);
		}
		assert_false(stream_write(&s, span_of(block, sizeof(block)), clock_ms() + 30, &e));
		assert_int_equal(e.os_errno, ETIMEDOUT);
		assert_string_equal(e.text, "the server did not take data in time");
		assert_int_equal(stream_take(&s, data, sizeof(data), &e), FLIGHT_NOTHING);
		close(server);
		stream_close(&s);
		close(old);
		if (i == 1) {
			kit_stop(&kit);
			continue;
		}
		server = connect_plain(&s);
		assert_int_equal(stream_read(&s, data, sizeof(data), clock_ms() + 30, &e), -1);
		assert_int_equal(e.os_errno, ETIMEDOUT);
		assert_string_equal(e.text, "the server did not answer in time");
		close(server);
		stream_close(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_stream_talks),
		cmocka_unit_test(a_part_of_a_record_is_nothing_yet),
		cmocka_unit_test(taking_does_not_flush),
		cmocka_unit_test(both_sides_may_talk_at_once),
		cmocka_unit_test(last_words_are_there_when_a_write_fails),
		cmocka_unit_test(last_words_are_there_when_a_read_cannot_send),
		cmocka_unit_test(a_deadline_is_told_from_a_loss),
	};

	fix_make();
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fix_free();
	return failed;
}
