/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/clock.h"
#include "sys/flight.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* One end is the flight's, the other the server's.  Packets keep their bounds. */
static int connect_flight(struct flight *f, int type)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	flight_init(f, pair[0]);
	f->deadline = clock_ms() + 5000;
	return pair[1];
}

static void disconnect(struct flight *f, int server)
{
	close(f->fd);
	close(server);
	flight_clear(f);
}

static bool has_something(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void what_is_said_before_an_answer_leaves_at_once(void **state)
{
	struct flight f;
	char data[100];
	int server = connect_flight(&f, SOCK_SEQPACKET);

	(void)state;
	assert_true(flight_add(&f, "Finished ", 9));
	assert_true(flight_add(&f, "EHLO", 4));
	/* What is there is read without sending. */
	assert_int_equal(send(server, "220", 3, 0), 3);
	assert_int_equal(flight_receive(&f, data, sizeof(data)), 3);
	assert_memory_equal(data, "220", 3);
	assert_false(has_something(server));
	/* Nothing is there, but nobody waits for what is gathered. */
	f.deadline = 0;
	f.is_held = true;
	assert_int_equal(flight_receive(&f, data, sizeof(data)), -1);
	assert_false(has_something(server));
	/* Nothing is there: all is sent, in one piece. */
	f.is_held = false;
	assert_int_equal(flight_receive(&f, data, sizeof(data)), -1);
	assert_int_equal(recv(server, data, sizeof(data), 0), 13);
	assert_memory_equal(data, "Finished EHLO", 13);
	assert_true(flight_add(&f, "QUIT", 4));
	assert_true(flight_send(&f));
	assert_int_equal(recv(server, data, sizeof(data), 0), 4);
	disconnect(&f, server);
}

static void a_silent_server_costs_no_more_than_the_deadline(void **state)
{
	struct flight f;
	char data[8];
	int server = connect_flight(&f, SOCK_STREAM);

	(void)state;
	int64_t start = clock_ms();
	f.deadline = start + 60;
	assert_int_equal(flight_receive(&f, data, sizeof(data)), -1);
	assert_int_equal(f.error.cause, CAUSE_LOST);
	assert_int_equal(f.error.os_errno, ETIMEDOUT);
	assert_non_null(strstr(f.error.text, "did not answer in time"));
	assert_in_range(clock_ms() - start, 59, 3000);
	disconnect(&f, server);
}

static void a_server_that_takes_nothing_costs_no_more_than_the_deadline(void **state)
{
	struct flight f;
	static char block[65536];
	int server = connect_flight(&f, SOCK_STREAM);
	bool ok = true;

	(void)state;
	f.deadline = clock_ms() + 60;
	for (int i = 0; i < 1000 && ok; i++) {
		ok = flight_add(&f, block, sizeof(block));
		assert_true(f.out.size <= FLIGHT_MAX);
	}
	assert_false(ok);
	assert_int_equal(f.error.cause, CAUSE_LOST);
	assert_int_equal(f.error.os_errno, ETIMEDOUT);
	assert_non_null(strstr(f.error.text, "did not take data in time"));
	flight_send_last(&f);
	disconnect(&f, server);
}

/* A slow reader in another process; every byte must arrive in order. */
static void a_large_flight_arrives_whole(void **state)
{
	enum { BLOCKS = 200, SIZE = 20000 };
	struct flight f;
	int server = connect_flight(&f, SOCK_STREAM);
	int status = 1;

	(void)state;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		size_t got = 0;
		unsigned char data[7001];
		ssize_t n;
		close(f.fd);
		while ((n = recv(server, data, sizeof(data), 0)) > 0) {
			for (ssize_t i = 0; i < n; i++, got++) {
				if (data[i] != (unsigned char)(got / SIZE + got)) {
					_exit(2);
				}
			}
		}
		_exit(got == (size_t)BLOCKS * SIZE ? 0 : 3);
	}
	size_t sent = 0;
	for (int i = 0; i < BLOCKS; i++) {
		unsigned char block[SIZE];
		for (size_t k = 0; k < SIZE; k++, sent++) {
			block[k] = (unsigned char)(sent / SIZE + sent);
		}
		assert_true(flight_add(&f, block, sizeof(block)));
	}
	assert_true(flight_send(&f));
	disconnect(&f, server);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Byte number n of what a server says that speaks before it listens. */
static char word_at(size_t n)
{
	return (char)(n / 250 + n);
}

/* Such a server, in a process of its own; it ends with 0 when all our bytes have come. */
static pid_t start_talker(const struct flight *f, int server, size_t says, size_t hears)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		char data[1000];
		close(f->fd);
		for (size_t n = 0; n < says; n++) {
			data[n % 1000] = word_at(n);
			if (n % 1000 == 999 && send(server, data, 1000, MSG_NOSIGNAL) != 1000) {
				_exit(2);
			}
		}
		shutdown(server, SHUT_WR);
		for (size_t got = 0; got < hears;) {
			ssize_t n = recv(server, data, sizeof(data), 0);
			if (n <= 0) {
				_exit(3);
			}
			got += (size_t)n;
		}
		_exit(0);
	}
	close(server);
	return child;
}

/* Both write more than the sockets hold, and the server reads nothing until it is done. */
static void what_is_said_while_we_send_is_kept(void **state)
{
	enum { SAYS = 400000, HEARS = 3000000 };
	static char block[HEARS];
	struct flight f;
	char data[7001];
	int status = 1;
	int server = connect_flight(&f, SOCK_STREAM);
	pid_t child = start_talker(&f, server, SAYS, HEARS);
	size_t got = 0;
	ssize_t n;

	(void)state;
	assert_true(flight_write(&f, span_of(block, HEARS / 2)));
	assert_true(flight_add(&f, block, HEARS / 2));
	assert_true(flight_send(&f));
	while ((n = flight_receive(&f, data, sizeof(data))) > 0) {
		for (ssize_t i = 0; i < n; i++, got++) {
			assert_int_equal(data[i], word_at(got));
		}
	}
	assert_int_equal(n, 0);
	assert_int_equal(got, SAYS);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	close(f.fd);
	flight_clear(&f);
}

/* A server that never stops talking does not fill our memory; what it said is not lost. */
static void what_is_kept_has_a_bound(void **state)
{
	enum { SAYS = 3000000, HEARS = 3000000 };
	static char block[HEARS];
	struct flight f;
	char data[1000];
	int server = connect_flight(&f, SOCK_STREAM);
	pid_t child = start_talker(&f, server, SAYS, HEARS);

	(void)state;
	f.deadline = clock_ms() + 300;
	assert_false(flight_write(&f, span_of(block, HEARS)));
	assert_int_equal(f.error.os_errno, ETIMEDOUT);
	assert_in_range(f.in.size, FLIGHT_INPUT_MAX / 2, FLIGHT_INPUT_MAX);
	assert_int_equal(flight_take(&f, data, sizeof(data)), sizeof(data));
	assert_int_equal(data[999], word_at(999));
	close(f.fd);
	assert_int_equal(waitpid(child, NULL, 0), child);
	flight_clear(&f);
}

static void taking_neither_waits_nor_sends(void **state)
{
	struct flight f;
	char data[8];
	int server = connect_flight(&f, SOCK_SEQPACKET);

	(void)state;
	f.deadline = DEADLINE_NEVER;
	assert_true(flight_add(&f, "BDAT", 4));
	assert_int_equal(flight_take(&f, data, sizeof(data)), FLIGHT_NOTHING);
	assert_int_equal(f.error.cause, CAUSE_NONE);
	assert_int_equal(send(server, "552", 3, 0), 3);
	assert_int_equal(flight_take(&f, data, sizeof(data)), 3);
	assert_false(has_something(server));
	close(server);
	assert_int_equal(flight_take(&f, data, sizeof(data)), 0);
	close(f.fd);
	flight_clear(&f);
}

static void last_words_are_there_when_sending_fails(void **state)
{
	static char block[1000000];
	struct flight f;
	char data[8];
	int server = connect_flight(&f, SOCK_STREAM);

	(void)state;
	assert_int_equal(send(server, "552 no", 6, 0), 6);
	close(server);
	assert_false(flight_write(&f, span_of(block, sizeof(block))));
	assert_int_equal(f.error.cause, CAUSE_LOST);
	assert_int_not_equal(f.error.os_errno, ETIMEDOUT);
	assert_int_equal(flight_take(&f, data, sizeof(data)), 6);
	assert_memory_equal(data, "552 no", 6);
	assert_true(flight_take(&f, data, sizeof(data)) <= 0);
	close(f.fd);
	flight_clear(&f);
}

static void an_end_is_told_from_a_loss(void **state)
{
	struct flight f;
	char data[8];
	int server = connect_flight(&f, SOCK_STREAM);

	(void)state;
	shutdown(server, SHUT_WR);
	assert_int_equal(flight_receive(&f, data, sizeof(data)), 0);
	close(server);
	/* No SIGPIPE: the test would end here. */
	assert_true(flight_add(&f, "x", 1));
	assert_false(flight_send(&f));
	assert_int_equal(f.error.cause, CAUSE_LOST);
	assert_true(flight_add(&f, "x", 1));
	flight_send_last(&f);
	assert_int_equal(f.out.size, 0);
	close(f.fd);
	flight_clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_before_an_answer_leaves_at_once),
		cmocka_unit_test(a_silent_server_costs_no_more_than_the_deadline),
		cmocka_unit_test(a_server_that_takes_nothing_costs_no_more_than_the_deadline),
		cmocka_unit_test(a_large_flight_arrives_whole),
		cmocka_unit_test(what_is_said_while_we_send_is_kept),
		cmocka_unit_test(what_is_kept_has_a_bound),
		cmocka_unit_test(taking_neither_waits_nor_sends),
		cmocka_unit_test(last_words_are_there_when_sending_fails),
		cmocka_unit_test(an_end_is_told_from_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
