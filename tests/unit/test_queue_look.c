/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

static void looked_at_while_somebody_holds_it(void **state)
{
	struct world *w = *state;
	struct queue_file held, f;
	struct queue_entry v, seen;
	struct err e;

	put_message(w, QUEUE_DEFERRED, 2, 700000, &held, &v);
	assert_int_equal(queue_look(w->q, QUEUE_DEFERRED, v.id, &f, &seen, &e), QUEUE_CLAIMED);
	assert_int_equal(seen.rcpt_count, 2);
	assert_bytes(&f, &seen);
	/* It has no lock that could go with it. */
	queue_file_close(&f);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, v.id, &e), QUEUE_BUSY);
	queue_entry_clear(&seen);
	queue_entry_clear(&v);
	queue_file_close(&held);
}

static void what_is_not_there_is_gone(void **state)
{
	static const char *const ids[] = { "1R4XKQ700000000", "..", "" };
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	char id[QUEUE_ID_MAX];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
			assert_int_equal(queue_look(w->q, QUEUE_HOLD, ids[i], &f, &v, &e),
					 QUEUE_GONE);
			assert_int_equal(f.fd, -1);
			queue_entry_clear(&v);
		}
		leave_message(w, QUEUE_HOLD, 1, 1, id);	/* now there is the folder */
	}
	write_file(path_of(w, "hold", id), "junk", 4);
	assert_int_equal(queue_look(w->q, QUEUE_HOLD, id, &f, &v, &e), QUEUE_SET_ASIDE);
	assert_int_equal(f.fd, -1);
	assert_true(there(w, "hold", id));
	queue_entry_clear(&v);
}

static void discard_removes_all_of_it(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e = { 0 };
	char name[40];

	put_message(w, QUEUE_DEFERRED, 1, 10, &f, &v);
	assert_true(queue_save(w->q, &v, false, &e));
	queue_file_close(&f);
	write_file(path_of(w, "deferred", v.id), "junk", 4);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, v.id, &e), QUEUE_SET_ASIDE);
	snprintf(name, sizeof(name), "%s.state", v.id);
	write_file(path_of(w, "corrupt", name), "junk", 4);
	assert_true(queue_discard(w->q, v.id, &e));
	assert_false(there(w, "corrupt", v.id) || there(w, "corrupt", name) ||
		     there(w, "state", v.id));
	assert_false(queue_discard(w->q, v.id, &e));
	assert_true(e.cause == CAUSE_OS && strstr(e.text, v.id));
	queue_entry_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(looked_at_while_somebody_holds_it),
		in_a_world(what_is_not_there_is_gone),
		in_a_world(discard_removes_all_of_it),
	};
	return cmocka_run_group_tests_name("queue/queue_look", tests, NULL, NULL);
}
