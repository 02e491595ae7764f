/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

#include <signal.h>
#include <sys/resource.h>

static void small_and_large_are_read_back(void **state)
{
	static const struct {
		size_t rcpts;
		unsigned long long size;
	} cases[] = {
		{ 1, 0 },      { 1, 1 },	  { 3, 1000 },	    { 1, 65000 },
		{ 1, 65536 },  { 1, 524000 },	  { 1, 524288 },    { 1, 600000 },
		{ 1, 1100000 }, { 1, 3000000 },	  { 5000, 1000 },   { 30000, 0 },
		{ 20000, 700000 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct queue_file f;
		struct queue_entry v;
		struct err e = { 0 };
		char id[QUEUE_ID_MAX];
		put_message(w, QUEUE_DEFERRED, cases[i].rcpts, cases[i].size, &f, &v);
		memcpy(id, v.id, sizeof(id));
		assert_true(v.is_complete);
		assert_bytes(&f, &v);
		assert_true(queue_sync(w->q, &f, &e));
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_BUSY);
		queue_file_close(&f);
		queue_entry_clear(&v);

		if (queue_claim(w->q, QUEUE_DEFERRED, id, &f, &v, &e) != QUEUE_CLAIMED) {
			fail_msg("case %zu: %s", i, e.text);
		}
		assert_int_equal(v.size, cases[i].size);
		assert_int_equal(v.rcpt_count, cases[i].rcpts);
		assert_string_equal(v.id, id);
		assert_bytes(&f, &v);
		queue_entry_clear(&v);
		assert_int_equal(queue_peek(w->q, QUEUE_DEFERRED, id, &v, &e), QUEUE_CLAIMED);
		assert_int_equal(v.rcpt_count, cases[i].rcpts);
		queue_entry_clear(&v);
		assert_true(queue_remove(w->q, &f, &e));
		assert_int_equal(f.fd, -1);
		assert_false(there(w, "deferred", id));
	}
}

static void eight_bit_is_known_at_the_end(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	char id[QUEUE_ID_MAX];

	fill_entry(&v, 1);
	assert_true(queue_put_begin(w->q, QUEUE_INCOMING, &v, &f, &e));
	memcpy(id, v.id, sizeof(id));
	assert_true(queue_put(&f, span_str("\xc3\xa9\r\n"), &e));
	v.size = 4;
	v.is_8bit = true;
	assert_true(queue_put_end(&f, &v, &e));
	queue_file_close(&f);
	queue_entry_clear(&v);
	assert_int_equal(queue_claim(w->q, QUEUE_INCOMING, id, &f, &v, &e), QUEUE_CLAIMED);
	assert_true(v.is_8bit);
	queue_file_close(&f);
	queue_entry_clear(&v);
}

/* Killed at any point before the end: the next claim removes what is there. */
static void writer_that_died_leaves_nothing(void **state)
{
	static const unsigned long long sizes[] = { 0, 1000, 600000, 2000000 };
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct queue_file f;
		struct queue_entry v;
		struct err e;
		fill_entry(&v, 2);
		assert_true(queue_put_begin(w->q, QUEUE_INCOMING, &v, &f, &e));
		put_bytes(&f, sizes[i]);
		assert_int_equal(try_peek(w, QUEUE_INCOMING, v.id), QUEUE_UNFINISHED);
		assert_int_equal(try_claim(w, QUEUE_INCOMING, v.id, &e), QUEUE_BUSY);
		queue_file_close(&f);	/* as the kernel does it */
		assert_true(there(w, "incoming", v.id));
		assert_int_equal(try_claim(w, QUEUE_INCOMING, v.id, &e), QUEUE_UNFINISHED);
		assert_false(there(w, "incoming", v.id));
		assert_int_equal(try_claim(w, QUEUE_INCOMING, v.id, &e), QUEUE_GONE);
		queue_entry_clear(&v);
	}
}

/* Puts forever; what it puts is all removed by the other one until then. */
static int put_and_count(struct world *w, const void *data)
{
	int wrong = 0;

	for (int i = 0; i < *(const int *)data; i++) {
		struct queue_file f;
		struct queue_entry v;
		struct err e;
		fill_entry(&v, 1);
		bool ok = queue_put_begin(w->q, QUEUE_INCOMING, &v, &f, &e) &&
			  queue_put(&f, span_str("hello\r\n"), &e);
		v.size = 7;
		ok = ok && queue_put_end(&f, &v, &e);
		wrong += !ok;
		queue_file_close(&f);
		queue_entry_clear(&v);
	}
	return wrong > 100 ? 100 : wrong;
}

/*
 * One process puts, two others claim everything they see at once: the new, empty file that
 * is locked for a moment and removed must never become a message that was promised.
 */
static void put_beside_greedy_claims_loses_nothing(void **state)
{
	struct world *w = *state;
	const int count = 400;
	int pipes[2], total = 0;
	struct err e;
	pid_t pids[2];

	assert_int_equal(pipe(pipes), 0);
	for (int c = 0; c < 2; c++) {
		pids[c] = fork();
		if (pids[c] == 0) {
			int got = 0;
			char byte;
			close(pipes[1]);
			fcntl(pipes[0], F_SETFL, O_NONBLOCK);
			for (bool is_last = false, again = true; again; again = !is_last) {
				is_last = read(pipes[0], &byte, 1) == 0;
				struct queue_names names = { 0 };
				if (!queue_list(w->q, QUEUE_INCOMING, &names, &e)) {
					_exit(99);
				}
				for (size_t i = 0; i < names.count; i++) {
					struct queue_file f;
					struct queue_entry v;
					if (queue_claim(w->q, QUEUE_INCOMING, names.at[i].id, &f,
							&v, &e) == QUEUE_CLAIMED) {
						got += queue_move(w->q, &f, QUEUE_HOLD, &e);
					}
					queue_file_close(&f);
					queue_entry_clear(&v);
				}
				queue_names_clear(&names);
			}
			_exit(got > 0 ? 0 : 98);
		}
	}
	assert_int_equal(in_child(put_and_count, w, &count), 0);
	close(pipes[0]);
	close(pipes[1]);
	for (int c = 0; c < 2; c++) {
		int status;
		assert_int_equal(waitpid(pids[c], &status, 0), pids[c]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 99);
	}
	for (int p = QUEUE_INCOMING; p <= QUEUE_HOLD; p++) {
		struct queue_names names = { 0 };
		assert_true(queue_list(w->q, (enum queue_place)p, &names, &e));
		for (size_t i = 0; i < names.count; i++) {
			total += try_claim(w, (enum queue_place)p, names.at[i].id, &e) ==
				 QUEUE_CLAIMED;
		}
		queue_names_clear(&names);
	}
	assert_int_equal(total, count);
	assert_false(there(w, "corrupt", ""));
}

/* The disk is full after `limit` bytes of a file. */
static int put_on_full_disk(struct world *w, const void *data)
{
	const rlim_t limit = *(const rlim_t *)data;
	const struct rlimit most = { limit, limit };
	struct queue_file f;
	struct queue_entry v;
	struct err e = { 0 };
	char *bytes = mem_alloc(1000000, 1);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &most);
	fill_entry(&v, 10);
	bool ok = queue_put_begin(w->q, QUEUE_INCOMING, &v, &f, &e) &&
		  queue_put(&f, span_of(bytes, 1000000), &e);
	v.size = 1000000;
	ok = ok && queue_put_end(&f, &v, &e);
	bool is_clear = e.cause == CAUSE_OS && e.os_errno == EFBIG && strstr(e.text, v.id);
	bool is_incomplete = !v.is_complete;
	struct err other;
	bool is_removed = queue_remove(w->q, &f, &other) && !there(w, "incoming", v.id);
	queue_entry_clear(&v);
	free(bytes);
	return ok ? 1 : !is_clear ? 2 : !is_incomplete ? 3 : !is_removed ? 4 : 0;
}

static void full_disk_is_an_error_and_leaves_nothing(void **state)
{
	static const rlim_t limits[] = { 0, 1, 63, 64, 500, 524287, 524288, 600000, 1000000 };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_int_equal(in_child(put_on_full_disk, *state, &limits[i]), 0);
	}
}

static void head_that_cannot_be_kept_makes_no_file(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e = { 0 };

	fill_entry(&v, 1);
	v.envid = mem_str("a\nb");
	assert_false(queue_put_begin(w->q, QUEUE_INCOMING, &v, &f, &e));
	assert_int_equal(e.cause, CAUSE_DATA);
	assert_int_equal(f.fd, -1);
	assert_false(queue_has_others(w->q, NULL));
	assert_true(queue_remove(w->q, &f, &e));
	queue_entry_clear(&v);
}

static void descriptors_of_the_sync(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct stat st;
	int fds[2];

	queue_file_init(&f);
	queue_sync_descriptors(w->q, &f, fds);
	assert_true(fds[0] == -1 && fds[1] == -1);
	put_message(w, QUEUE_INCOMING, 1, 10, &f, &v);
	queue_sync_descriptors(w->q, &f, fds);
	assert_int_equal(fds[0], f.fd);
	assert_true(fstat(fds[1], &st) == 0 && S_ISDIR(st.st_mode));
	queue_file_close(&f);
	queue_entry_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(small_and_large_are_read_back),
		in_a_world(eight_bit_is_known_at_the_end),
		in_a_world(writer_that_died_leaves_nothing),
		in_a_world(put_beside_greedy_claims_loses_nothing),
		in_a_world(full_disk_is_an_error_and_leaves_nothing),
		in_a_world(head_that_cannot_be_kept_makes_no_file),
		in_a_world(descriptors_of_the_sync),
	};
	return cmocka_run_group_tests_name("queue/queue_put", tests, NULL, NULL);
}
