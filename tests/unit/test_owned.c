/* SPDX-License-Identifier: ISC */
/* How many messages a user has. */
#include "queue_unit.h"

static bool has_room(struct world *w, int64_t uid, size_t max)
{
	struct err e = { 0 };
	bool has = false;

	if (!queue_has_room(w->q, uid, max, &has, &e)) {
		fail_msg("%s", e.text);
	}
	return has;
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

static unsigned long long used(struct world *w, int64_t uid)
{
	struct err e = { 0 };
	unsigned long long bytes = 0;

	if (!queue_used(w->q, uid, &bytes, &e)) {
		fail_msg("%s", e.text);
	}
	return bytes;
}

static void only_ones_own_messages_count(void **state)
{
	struct world *w = *state;

	assert_true(has_room(w, 1000, 1));
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
	assert_false(has_room(w, 1000, 1));
	assert_false(has_room(w, 1000, 3));
	assert_true(has_room(w, 1000, 4));
	assert_false(has_room(w, 4294967294, 1));
	assert_true(has_room(w, 1001, 1));
	struct stat st;
	assert_int_equal(stat(path_of(w, "hold", "1R4XKQ700000006"), &st), 0);
	assert_true(used(w, 1000) == 3 * (unsigned long long)st.st_size);
	assert_true(used(w, 1001) == 0);
}

static void what_was_planted_is_not_followed(void **state)
{
	struct world *w = *state;

	put(w, "deferred", "1R4XKQ700000001", "uid: 1000\n");
	assert_int_equal(symlink("1R4XKQ700000001", path_of(w, "deferred", "1R4XKQ700000002")),
			 0);
	assert_int_equal(mkfifo(path_of(w, "deferred", "1R4XKQ700000003"), 0600), 0);
	assert_true(has_room(w, 1000, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_ones_own_messages_count, world_set_up,
						world_tear_down),
		cmocka_unit_test_setup_teardown(what_was_planted_is_not_followed, world_set_up,
						world_tear_down),
	};

	return cmocka_run_group_tests_name("owned", tests, NULL, NULL);
}
