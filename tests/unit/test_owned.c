/* SPDX-License-Identifier: ISC */
/* How much a user has in the queue, and when it is counted. */
#include "queue_unit.h"

enum { NOW = 1795347194 };

static struct queue_share share_at(struct world *w, int64_t uid, unsigned long long may,
				   int64_t now)
{
	struct err e = { 0 };
	const struct queue_share most = { .messages = may, .bytes = may * 1000000 };
	const struct queue_uids uids = { uid, uid };
	struct queue_share has = { 0 };

	if (!queue_share(w->q, &uids, 1, &most, now, &has, &e)) {
		fail_msg("%s", e.text);
	}
	return has;
}

static unsigned long long messages(struct world *w, int64_t uid, unsigned long long may)
{
	return share_at(w, uid, may, NOW).messages;
}

static void put(struct world *w, const char *place, const char *id, const char *uid_line)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "relay-queue 1 complete size=00000000000000000002 body=7bit     \n%s"
		 "arrival: 5\naccount: a\nsender: <>\nrecipient: <c@d>\n\n\r\n",
		 uid_line);
	struct stat st;
	if (stat(path_of(w, place, ""), &st) != 0) {
		assert_int_equal(mkdir(path_of(w, place, ""), 0700), 0);
	}
	write_file(path_of(w, place, id), text, strlen(text));
}

static void only_ones_own_messages_count(void **state)
{
	struct world *w = *state;
	struct stat st;

	assert_int_equal(messages(w, 1002, 0), 0);
	put(w, "incoming", "1R4XKQ700000001", "uid: 1000\n");
	put(w, "deferred", "1R4XKQ700000002", "uid: 10001\n");
	put(w, "deferred", "1R4XKQ700000003", "uid: 100\n");
	put(w, "deferred", "1R4XKQ700000004", "");
	put(w, "deferred", "1R4XKQ700000005", "uid: x\n");
	put(w, "hold", "1R4XKQ700000006", "uid: 1000\n");
	put(w, "failed", "1R4XKQ700000007", "uid: 1000\n");
	put(w, "corrupt", "1R4XKQ700000008", "uid: 1000\n");
	put(w, "deferred", "1R4XKQ700000009", "uid: 4294967294\n");
	write_file(path_of(w, "deferred", "1R4XKQ70000000A"), "relay", 5);
	assert_int_equal(messages(w, 1000, 1), 3);
	assert_int_equal(messages(w, 4294967294, 0), 1);
	assert_int_equal(messages(w, 1001, 0), 0);
	assert_int_equal(messages(w, -1, 0), 3);
	assert_int_equal(stat(path_of(w, "hold", "1R4XKQ700000006"), &st), 0);
	assert_true(share_at(w, 1000, 0, NOW).bytes == 3 * (unsigned long long)st.st_size);
	assert_true(share_at(w, 1001, 0, NOW).bytes == 0);
}

/* A user and those of his containers are one. */
static void all_ids_of_a_user_count_together(void **state)
{
	struct world *w = *state;
	static const struct queue_uids uids[] = { { 1000, 1000 }, { 10000, 20000 } };
	static const struct queue_share may = { .messages = 2, .bytes = 1000000 };
	struct queue_share has;
	struct err e;

	put(w, "incoming", "1R4XKQ700000001", "uid: 1000\n");
	put(w, "deferred", "1R4XKQ700000002", "uid: 10001\n");
	put(w, "deferred", "1R4XKQ700000003", "uid: 20001\n");
	put(w, "deferred", "1R4XKQ700000004", "uid: 9999\n");
	assert_true(queue_share(w->q, uids, 2, &may, NOW, &has, &e));
	assert_int_equal(has.messages, 2);
	queue_share_add(w->q, 1000, 5);
	queue_share_add(w->q, 10001, 5);
	assert_true(queue_share(w->q, uids, 2, &(struct queue_share){ 3, 1000000 }, NOW, &has, &e));
	assert_int_equal(has.messages, 3);
}

static void what_was_planted_is_not_followed(void **state)
{
	struct world *w = *state;

	put(w, "deferred", "1R4XKQ700000001", "uid: 1000\n");
	assert_int_equal(symlink("1R4XKQ700000001", path_of(w, "deferred", "1R4XKQ700000002")),
			 0);
	assert_int_equal(mkfifo(path_of(w, "deferred", "1R4XKQ700000003"), 0600), 0);
	assert_int_equal(messages(w, 1000, 1), 1);
}

/* Messages by hand are only seen when it is counted: so it is seen when. */
static void it_is_counted_anew_when_there_may_be_too_much(void **state)
{
	struct world *w = *state;

	assert_int_equal(messages(w, 1000, 2), 0);
	put(w, "deferred", "1R4XKQ700000001", "uid: 1000\n");
	assert_int_equal(messages(w, 1000, 2), 0);
	queue_share_add(w->q, 1000, 500);
	queue_share_add(w->q, 1000, 600);
	queue_share_add(w->q, 1001, 600);
	struct queue_share has = share_at(w, 1000, 2, NOW);
	assert_true(has.messages == 2 && has.bytes == 1100);
	queue_share_add(w->q, 1000, 500);
	assert_int_equal(messages(w, 1000, 2), 1);
	assert_int_equal(messages(w, 1001, 2), 0);
	/* Too many bytes are a reason, too. */
	queue_share_add(w->q, 1000, 2000001);
	assert_int_equal(messages(w, 1000, 2), 1);
	queue_share_add(w->q, 1000, ~0ULL);
	assert_int_equal(messages(w, 1000, 2), 1);
}

/* 12,000 files: not again within two seconds. */
static void a_large_queue_is_not_counted_all_the_time(void **state)
{
	struct world *w = *state;
	enum { ABC = 32, FILES = 12000 };
	static const char digits[ABC + 1] = "0123456789ABCDEFGHJKLMNPQRSTVWXY";

	put(w, "deferred", "1R4XKQ700000001", "uid: 1000\n");
	for (int i = 0; i < FILES; i++) {
		char id[] = "1R4XKQ70001    ";
		for (int at = 14, left = i; at > 10; at--, left /= ABC) {
			id[at] = digits[left % ABC];
		}
		write_file(path_of(w, "deferred", id), "", 0);
	}
	assert_int_equal(messages(w, 1000, 0), 1);
	assert_int_equal(unlink(path_of(w, "deferred", "1R4XKQ700000001")), 0);
	assert_int_equal(share_at(w, 1000, 0, NOW).messages, 1);
	assert_int_equal(share_at(w, 1000, 0, NOW + 1).messages, 1);
	/* Others are others, and a clock that was set back is no reason to wait. */
	assert_int_equal(share_at(w, 1001, 0, NOW).messages, 0);
	assert_int_equal(share_at(w, 1000, 0, NOW - 1).messages, 0);
	put(w, "deferred", "1R4XKQ700000001", "uid: 1000\n");
	assert_int_equal(share_at(w, 1000, 0, NOW - 1).messages, 0);
	queue_share_add(w->q, 1000, 5);
	queue_share_add(w->q, 1000, 5);
	assert_int_equal(share_at(w, 1000, 1, NOW - 1).messages, 2);
	assert_int_equal(share_at(w, 1000, 1, NOW + 1).messages, 1);
}

static void a_record_that_says_nothing_is_counted_anew(void **state)
{
	struct world *w = *state;
	static const char *const texts[] = {
		"", "relay-user 1", "relay-user 2 messages=00000000000000000000\n",
		"relay-user 1 messages=00000000000000000000 bytes=00000000000000000000 "
		"counted=001795347194 files=0000000000000000000x\n",
		"relay-user 1 messages=00000000000000000000 bytes=00000000000000000000 "
		"counted=001795347194 files=00000000000000000000\n+",
		"relay-user 1 messages=99999999999999999999 bytes=00000000000000000000 "
		"counted=001795347194 files=00000000000000000000\n",
	};

	put(w, "deferred", "1R4XKQ700000001", "uid: 1000\n");
	assert_int_equal(messages(w, 1000, 5), 1);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		assert_int_equal(unlink(path_of(w, "users", "1000")), 0);
		write_file(path_of(w, "users", "1000"), texts[i], strlen(texts[i]));
		queue_share_add(w->q, 1000, 5);
		assert_int_equal(messages(w, 1000, 5), 1);
		queue_share_add(w->q, 1000, 5);
		assert_int_equal(messages(w, 1000, 5), 2);
	}
	/* What is no file of ours: counted each time. */
	assert_int_equal(unlink(path_of(w, "users", "1000")), 0);
	assert_int_equal(symlink("../deferred/1R4XKQ700000001", path_of(w, "users", "1000")), 0);
	assert_int_equal(messages(w, 1000, 5), 1);
	queue_share_add(w->q, 1000, 5);
	assert_int_equal(messages(w, 1000, 5), 1);
	assert_int_equal(unlink(path_of(w, "users", "1000")), 0);
	assert_int_equal(mkfifo(path_of(w, "users", "1000"), 0600), 0);
	assert_int_equal(messages(w, 1000, 5), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_ones_own_messages_count, world_set_up,
						world_tear_down),
		cmocka_unit_test_setup_teardown(all_ids_of_a_user_count_together, world_set_up,
						world_tear_down),
		cmocka_unit_test_setup_teardown(what_was_planted_is_not_followed, world_set_up,
						world_tear_down),
		cmocka_unit_test_setup_teardown(it_is_counted_anew_when_there_may_be_too_much,
						world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_large_queue_is_not_counted_all_the_time,
						world_set_up, world_tear_down),
		cmocka_unit_test_setup_teardown(a_record_that_says_nothing_is_counted_anew,
						world_set_up, world_tear_down),
	};

	return cmocka_run_group_tests_name("owned", tests, NULL, NULL);
}
