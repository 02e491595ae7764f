/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "net_peer.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>

/* Something to lose the race against: nobody listens on a port that is only bound. */
static int refusing(struct net_address *ret_address)
{
	int fd = peer_bound(AF_INET, ret_address);

	assert_true(fd >= 0);
	return fd;
}

/* Runs the race; the time it took in *ret_ms. */
static int race(const struct net_list *list, int64_t within_ms, size_t *winner,
		struct buf *reasons, int64_t *ret_ms)
{
	int64_t start = clock_ms();
	int fd = net_race(list, NULL, start + within_ms, winner, reasons);

	*ret_ms = clock_ms() - start;
	return fd;
}

static void a_black_hole_costs_at_most_300_ms(void **state)
{
	struct net_address a[2];
	int holes[BLACK_HOLE_FDS];
	int64_t best = INT64_MAX;

	(void)state;
	if (!black_hole(AF_INET6, &a[0], holes)) {
		assert_true(black_hole(AF_INET, &a[0], holes));
	}
	int good = peer_listening(AF_INET, &a[1]);
	struct net_list list = list_of(2, a);
	/* The least of three: a busy machine may steal time from one of them. */
	for (int i = 0; i < 3 && best > 300; i++) {
		struct buf reasons;
		size_t winner = 9;
		int64_t ms;
		buf_init(&reasons, 1000);
		int fd = race(&list, 5000, &winner, &reasons, &ms);
		assert_true(fd >= 0);
		assert_int_equal(winner, 1);
		assert_int_equal(reasons.size, 0);
		best = ms < best ? ms : best;
		close(fd);
		buf_clear(&reasons);
	}
	assert_in_range(best, NET_ATTEMPT_DELAY_MS - 2, 300);
	close(good);
	black_hole_end(holes);
}

static void a_refusal_starts_the_next_attempt_at_once(void **state)
{
	struct net_address a[NET_LIST_MAX];
	int refuse[NET_LIST_MAX - 1];
	struct buf reasons;
	size_t winner = 99;
	int64_t ms;

	(void)state;
	buf_init(&reasons, 1000);
	for (size_t i = 0; i < NET_LIST_MAX - 1; i++) {
		refuse[i] = refusing(&a[i]);
	}
	int good = peer_listening(AF_INET, &a[NET_LIST_MAX - 1]);
	struct net_list list = list_of(NET_LIST_MAX, a);
	int fd = race(&list, 5000, &winner, &reasons, &ms);
	assert_true(fd >= 0);
	assert_int_equal(winner, NET_LIST_MAX - 1);
	assert_true(ms < NET_ATTEMPT_DELAY_MS);
	close(fd);
	close(good);
	for (size_t i = 0; i < NET_LIST_MAX - 1; i++) {
		close(refuse[i]);
	}
	buf_clear(&reasons);
}

static void the_winner_is_ready_for_use_and_the_losers_are_closed(void **state)
{
	struct net_address a[2];
	struct buf reasons;
	size_t winner;
	int64_t ms;
	int on = 0;
	socklen_t size = sizeof(on);

	(void)state;
	buf_init(&reasons, 1000);
	int refuse = refusing(&a[0]), good = peer_listening(AF_INET, &a[1]);
	struct net_list list = list_of(2, a);
	int lowest_free = dup(0);
	close(lowest_free);
	int fd = race(&list, 5000, &winner, &reasons, &ms);
	assert_true(fd >= 0);
	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
	assert_int_equal(on, 1);
	assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	/* Nothing else stayed open. */
	int again = dup(0);
	assert_int_equal(again, lowest_free);
	close(again);
	close(refuse);
	close(good);
	buf_clear(&reasons);
}

static void one_deadline_for_all_and_every_address_explained(void **state)
{
	struct net_address a[3];
	int holes[BLACK_HOLE_FDS];
	struct buf reasons;
	size_t winner = 9;
	int64_t ms;

	(void)state;
	buf_init(&reasons, 1000);
	int refuse = refusing(&a[0]);
	assert_true(black_hole(AF_INET, &a[1], holes));
	a[2] = loopback(AF_INET6, 9);
	struct net_list list = list_of(3, a);
	assert_int_equal(race(&list, 60, &winner, &reasons, &ms), -1);
	assert_in_range(ms, 58, 500);
	assert_string_equal(reasons.data,
			    "127.0.0.1: Connection refused; 127.0.0.1: timed out; "
			    "::1: not tried");
	assert_int_equal(winner, 9);
	close(refuse);
	black_hole_end(holes);
	buf_clear(&reasons);
}

static void no_time_left_means_no_attempt(void **state)
{
	struct net_address a;
	struct buf reasons;
	size_t winner;
	int64_t ms;

	(void)state;
	buf_init(&reasons, 1000);
	int good = peer_listening(AF_INET, &a);
	struct net_list list = list_of(1, &a);
	assert_int_equal(race(&list, -1, &winner, &reasons, &ms), -1);
	assert_string_equal(reasons.data, "127.0.0.1: not tried");
	close(good);
	buf_clear(&reasons);
}

static void the_reasons_are_bounded(void **state)
{
	struct net_address a[NET_LIST_MAX];
	struct buf reasons;
	size_t winner;
	int64_t ms;

	(void)state;
	buf_init(&reasons, 100);
	int refuse = refusing(&a[0]);
	for (size_t i = 1; i < NET_LIST_MAX; i++) {
		a[i] = a[0];
	}
	struct net_list list = list_of(NET_LIST_MAX, a);
	assert_int_equal(race(&list, 5000, &winner, &reasons, &ms), -1);
	assert_in_range(reasons.size, 60, 100);
	close(refuse);
	buf_clear(&reasons);
}

static void the_source_address_is_used_or_named_in_the_reason(void **state)
{
	struct net_address a, source = loopback(AF_INET, 0), from;
	struct buf reasons;
	size_t winner;

	(void)state;
	buf_init(&reasons, 1000);
	int good = peer_listening(AF_INET, &a);
	struct net_list list = list_of(1, &a);
	source.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 6);
	int fd = net_race(&list, &source, clock_ms() + 5000, &winner, &reasons);
	assert_true(fd >= 0);
	from.size = sizeof(from.v6);
	assert_int_equal(getsockname(fd, &from.any, &from.size), 0);
	assert_int_equal(from.v4.sin_addr.s_addr, source.v4.sin_addr.s_addr);
	close(fd);

	/* An address of TEST-NET-1 (RFC 5737) is nobody's. */
	source.v4.sin_addr.s_addr = htonl(0xc0000201);
	assert_int_equal(net_race(&list, &source, clock_ms() + 5000, &winner, &reasons),
			 -1);
	char want[200];
	snprintf(want, sizeof(want), "127.0.0.1: cannot use source_ip: %s",
		 strerror(EADDRNOTAVAIL));
	assert_string_equal(reasons.data, want);
	close(good);
	buf_clear(&reasons);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_black_hole_costs_at_most_300_ms),
		cmocka_unit_test(a_refusal_starts_the_next_attempt_at_once),
		cmocka_unit_test(the_winner_is_ready_for_use_and_the_losers_are_closed),
		cmocka_unit_test(one_deadline_for_all_and_every_address_explained),
		cmocka_unit_test(no_time_left_means_no_attempt),
		cmocka_unit_test(the_reasons_are_bounded),
		cmocka_unit_test(the_source_address_is_used_or_named_in_the_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
