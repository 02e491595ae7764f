/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

static void lists_are_sorted_and_without_foreign_names(void **state)
{
	struct world *w = *state;
	struct queue_names names = { 0 };
	struct err e;
	char id[QUEUE_ID_MAX];

	assert_true(queue_list(w->q, QUEUE_DEFERRED, &names, &e));
	assert_int_equal(names.count, 0);
	assert_false(there(w, "deferred", ""));
	for (int i = 0; i < 200; i++) {
		leave_message(w, i % 2 ? QUEUE_DEFERRED : QUEUE_HOLD, 1, 1, id);
	}
	write_file(path_of(w, "deferred", "core"), "x", 1);
	write_file(path_of(w, "deferred", "1R4XKQ700000000.bak"), "x", 1);
	assert_int_equal(mkdir(path_of(w, "deferred", "folder"), 0700), 0);
	queue_names_add(&names, "YYYYYYYYYYYYYYY");	/* not in order */
	assert_true(queue_list(w->q, QUEUE_DEFERRED, &names, &e));
	assert_int_equal(names.count, 101);
	assert_true(queue_list(w->q, QUEUE_HOLD, &names, &e));
	assert_int_equal(names.count, 201);
	for (size_t i = 0; i < names.count; i++) {
		struct stat st;
		assert_true(i == 0 || strcmp(names.at[i - 1].id, names.at[i].id) < 0);
		if (i < 200) {
			assert_int_equal(stat(path_of(w, i % 2 ? "deferred" : "hold",
						      names.at[i].id), &st), 0);
			assert_int_equal(st.st_ino, names.at[i].inode);
			assert_int_equal(st.st_dev, queue_device(w->q));
		}
	}
	queue_names_clear(&names);
}

static void others_are_seen_and_own_is_not(void **state)
{
	struct world *w = *state;
	char mine[QUEUE_ID_MAX], other[QUEUE_ID_MAX];

	assert_false(queue_has_others(w->q, NULL));
	leave_message(w, QUEUE_INCOMING, 1, 1, mine);
	leave_message(w, QUEUE_DEFERRED, 1, 1, other);
	write_file(path_of(w, "incoming", "foreign"), "x", 1);
	assert_false(queue_has_others(w->q, mine));
	assert_true(queue_has_others(w->q, NULL));
	assert_true(queue_has_others(w->q, other));
	leave_message(w, QUEUE_INCOMING, 1, 1, other);
	assert_true(queue_has_others(w->q, mine));
}

/* More messages than are asked one by one: the folder of states is read instead. */
static void peek_of_many_finds_each_state(void **state)
{
	enum { COUNT = 100 };
	struct world *w = *state;
	struct queue_names names = { 0 };
	struct err e = { 0 };

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < COUNT; i++) {
			struct queue_file f;
			struct queue_entry v;
			put_message(w, QUEUE_DEFERRED, 1, 1, &f, &v);
			v.attempts = 9;
			if (i % 3 == 0) {
				assert_true(queue_save(w->q, &v, false, &e));
			}
			queue_file_close(&f);
			queue_entry_clear(&v);
		}
		names.count = 0;
		assert_true(queue_list(w->q, QUEUE_DEFERRED, &names, &e));
		assert_int_equal(names.count, COUNT * (round + 1));
		for (size_t i = 0; i < names.count; i++) {
			struct queue_entry v;
			assert_int_equal(queue_peek(w->q, QUEUE_DEFERRED, names.at[i].id, &v, &e),
					 QUEUE_CLAIMED);
			assert_string_equal(v.id, names.at[i].id);
			assert_int_equal(v.attempts, i % COUNT % 3 == 0 ? 9 : 0);
			queue_entry_clear(&v);
		}
	}
	queue_names_clear(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(lists_are_sorted_and_without_foreign_names),
		in_a_world(others_are_seen_and_own_is_not),
		in_a_world(peek_of_many_finds_each_state),
	};
	return cmocka_run_group_tests_name("queue/queue_list", tests, NULL, NULL);
}
