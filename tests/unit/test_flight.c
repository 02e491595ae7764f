/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "base/clock.h"
#include "sys/flight.h"

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
	assert_non_null(strstr(f.error.text, "in time"));
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
		cmocka_unit_test(an_end_is_told_from_a_loss),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
