/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

#include <signal.h>
#include <sys/resource.h>

enum { NOW = 1763776000 };

/* A deferred message whose first recipient has it already. */
static void leave_with_state(struct world *w, bool must_last, char id[QUEUE_ID_MAX])
{
	struct queue_file f;
	struct queue_entry v;
	struct err e;

	put_message(w, QUEUE_DEFERRED, 3, 10, &f, &v);
	memcpy(id, v.id, QUEUE_ID_MAX);
	v.attempts = 1;
	v.last = NOW;
	v.next = NOW + 300;
	v.rcpts[0].status = QUEUE_SENT;
	v.rcpts[1].text = mem_str("450 later");
	assert_true(queue_save(w->q, &v, must_last, &e));
	assert_true(v.has_state);
	queue_file_close(&f);
	queue_entry_clear(&v);
}

/* Claims; true when the first recipient is known to have the message. */
static bool remembers(struct world *w, const char *id, bool *is_state_lost)
{
	struct queue_file f;
	struct queue_entry v;
	struct err e = { 0 };

	assert_int_equal(queue_claim(w->q, QUEUE_DEFERRED, id, &f, &v, &e), QUEUE_CLAIMED);
	assert_int_equal(v.rcpt_count, 3);
	bool is_known = v.rcpts[0].status == QUEUE_SENT;
	assert_int_equal(is_known, v.has_state);
	assert_int_equal(is_known ? 1 : 0, v.attempts);
	assert_int_equal(f.has_state, v.has_state);
	*is_state_lost = v.is_state_lost;
	assert_int_equal(v.is_state_lost, e.text[0] != 0);
	queue_file_close(&f);
	queue_entry_clear(&v);
	return is_known;
}

static void saved_is_claimed_and_peeked(void **state)
{
	struct world *w = *state;

	for (int must_last = 0; must_last < 2; must_last++) {
		char id[QUEUE_ID_MAX], new_name[40];
		bool lost;
		struct queue_entry v;
		struct err e;
		leave_with_state(w, must_last, id);
		assert_true(remembers(w, id, &lost));
		assert_false(lost);
		snprintf(new_name, sizeof(new_name), "%s.new", id);
		assert_false(there(w, "state", new_name));
		assert_int_equal(queue_peek(w->q, QUEUE_DEFERRED, id, &v, &e), QUEUE_CLAIMED);
		assert_int_equal(v.rcpts[0].status, QUEUE_SENT);
		assert_string_equal(v.rcpts[1].text, "450 later");
		queue_entry_clear(&v);
	}
}

static void state_of_many_recipients(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	char id[QUEUE_ID_MAX];

	put_message(w, QUEUE_DEFERRED, 20000, 10, &f, &v);
	memcpy(id, v.id, sizeof(id));
	for (size_t i = 0; i < v.rcpt_count; i++) {
		v.rcpts[i].status = i % 2 ? QUEUE_SENT : QUEUE_REFUSED;
		v.rcpts[i].text = mem_str("a text that makes it longer than one read");
	}
	assert_true(queue_save(w->q, &v, true, &e));
	queue_file_close(&f);
	queue_entry_clear(&v);
	assert_int_equal(queue_claim(w->q, QUEUE_DEFERRED, id, &f, &v, &e), QUEUE_CLAIMED);
	assert_int_equal(queue_entry_waiting(&v), 0);
	assert_int_equal(v.rcpts[19999].status, QUEUE_SENT);
	queue_file_close(&f);
	queue_entry_clear(&v);
}

static void cut_at_any_byte_is_passed_over_and_kept(void **state)
{
	struct world *w = *state;
	struct buf text BUF_AUTO;
	char id[QUEUE_ID_MAX], aside[40];
	bool lost;
	struct queue_entry v;
	struct err e;

	buf_init(&text, 1 << 20);
	leave_with_state(w, false, id);
	snprintf(aside, sizeof(aside), "%s.state", id);
	read_file(path_of(w, "state", id), &text);
	for (size_t size = 0; size < text.size; size++) {
		write_file(path_of(w, "state", id), text.data, size);
		assert_int_equal(queue_peek(w->q, QUEUE_DEFERRED, id, &v, &e), QUEUE_CLAIMED);
		assert_true(v.is_state_lost && !v.has_state);
		assert_true(there(w, "state", id));
		queue_entry_clear(&v);
		assert_false(remembers(w, id, &lost));
		assert_true(lost);
		assert_false(there(w, "state", id));
		assert_int_equal(unlink(path_of(w, "corrupt", aside)), 0);
		assert_false(remembers(w, id, &lost));
		assert_false(lost);
	}
}

static void planted_states_are_set_aside(void **state)
{
	enum { SYMLINK, FIFO, FOLDER, FOREIGN, KINDS };
	struct world *w = *state;
	char target[100], aside[40], id[QUEUE_ID_MAX];
	bool lost;
	struct queue_entry v;
	struct err e;

	leave_with_state(w, false, id);
	snprintf(aside, sizeof(aside), "%s.state", id);
	snprintf(target, sizeof(target), "%s/target", w->top);
	assert_int_equal(rename(path_of(w, "state", id), target), 0);
	for (int kind = 0; kind < KINDS; kind++) {
		const char *path = path_of(w, "state", id);
		switch (kind) {
		case SYMLINK:
			assert_int_equal(symlink(target, path), 0);
			break;
		case FIFO:
			assert_int_equal(mkfifo(path, 0600), 0);
			break;
		case FOLDER:
			assert_int_equal(mkdir(path, 0700), 0);
			break;
		default:
			if (geteuid() != 0) {
				continue;
			}
			assert_int_equal(rename(target, path), 0);
			assert_int_equal(chown(path, 4242, 4242), 0);
		}
		assert_int_equal(queue_peek(w->q, QUEUE_DEFERRED, id, &v, &e), QUEUE_CLAIMED);
		queue_entry_clear(&v);
		assert_false(remembers(w, id, &lost));
		assert_true(lost);
		assert_false(there(w, "state", id));
		assert_int_equal(remove(path_of(w, "corrupt", aside)), 0);
	}
}

/* What a killed process, or a stranger, has left in the way of a save. */
static void left_overs_do_not_stop_a_save(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	char name[40], target[100];
	struct buf text BUF_AUTO;

	buf_init(&text, 10000);
	put_message(w, QUEUE_DEFERRED, 1, 10, &f, &v);
	assert_true(queue_save(w->q, &v, false, &e));
	snprintf(name, sizeof(name), "%s.new", v.id);
	snprintf(target, sizeof(target), "%s/target", w->top);
	write_file(target, "precious", 8);
	write_file(path_of(w, "state", name), "half a sta", 10);
	assert_true(queue_save(w->q, &v, false, &e));
	assert_int_equal(symlink(target, path_of(w, "state", name)), 0);
	assert_true(queue_save(w->q, &v, true, &e));
	assert_int_equal(mkfifo(path_of(w, "state", name), 0600), 0);
	assert_true(queue_save(w->q, &v, true, &e));
	assert_int_equal(link(target, path_of(w, "state", name)), 0);
	assert_true(queue_save(w->q, &v, true, &e));
	read_file(target, &text);
	assert_string_equal(text.data, "precious");
	assert_int_equal(mkdir(path_of(w, "state", name), 0700), 0);
	assert_true(queue_save(w->q, &v, true, &e));
	assert_true(there(w, "corrupt", name));
	queue_file_close(&f);
	queue_entry_clear(&v);
}

static int save_on_full_disk(struct world *w, const void *data)
{
	const struct rlimit most = { 100, 100 };
	const char *id = data;
	struct queue_file f;
	struct queue_entry v;
	struct err e = { 0 };

	signal(SIGXFSZ, SIG_IGN);
	if (queue_claim(w->q, QUEUE_DEFERRED, id, &f, &v, &e) != QUEUE_CLAIMED) {
		return 1;
	}
	setrlimit(RLIMIT_FSIZE, &most);
	v.attempts = 77;
	int result = queue_save(w->q, &v, true, &e) ? 2 : e.cause == CAUSE_OS ? 0 : 3;
	queue_file_close(&f);
	queue_entry_clear(&v);
	return result;
}

static void full_disk_leaves_the_state_before(void **state)
{
	struct world *w = *state;
	char id[QUEUE_ID_MAX], name[40];
	bool lost;

	leave_with_state(w, false, id);
	assert_int_equal(in_child(save_on_full_disk, w, id), 0);
	assert_true(remembers(w, id, &lost));
	snprintf(name, sizeof(name), "%s.new", id);
	assert_false(there(w, "state", name));
}

static void sweep_takes_old_orphans_only(void **state)
{
	struct world *w = *state;
	char old[QUEUE_ID_MAX], young[QUEUE_ID_MAX], future[QUEUE_ID_MAX];
	char kept[QUEUE_PLACES][QUEUE_ID_MAX], name[100];

	queue_sweep(w->q, NOW);	/* without a folder */
	queue_id_make(old, (NOW - 3601) * 1000000ll, 1);
	queue_id_make(young, (NOW - 3599) * 1000000ll, 2);
	queue_id_make(future, (NOW + 10000) * 1000000ll, 3);
	assert_int_equal(mkdir(path_of(w, "state", ""), 0700), 0);
	for (unsigned p = 0; p < QUEUE_PLACES; p++) {
		const char *folder = queue_place_name((enum queue_place)p);
		queue_id_make(kept[p], (NOW - 9999) * 1000000ll, p);
		assert_int_equal(mkdir(path_of(w, folder, ""), 0700), 0);
		write_file(path_of(w, folder, kept[p]), "", 0);
		write_file(path_of(w, "state", kept[p]), "", 0);
		snprintf(name, sizeof(name), "%s.new", kept[p]);
		write_file(path_of(w, "state", name), "", 0);
	}
	write_file(path_of(w, "state", old), "", 0);
	write_file(path_of(w, "state", young), "", 0);
	write_file(path_of(w, "state", future), "", 0);
	snprintf(name, sizeof(name), "%s.new", old);
	write_file(path_of(w, "state", name), "", 0);
	write_file(path_of(w, "state", "README"), "", 0);
	queue_sweep(w->q, NOW);
	assert_false(there(w, "state", old) || there(w, "state", name));
	assert_true(there(w, "state", young) && there(w, "state", future));
	assert_true(there(w, "state", "README"));
	for (unsigned p = 0; p < QUEUE_PLACES; p++) {
		snprintf(name, sizeof(name), "%s.new", kept[p]);
		assert_true(there(w, "state", kept[p]) && there(w, "state", name));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(saved_is_claimed_and_peeked),
		in_a_world(state_of_many_recipients),
		in_a_world(cut_at_any_byte_is_passed_over_and_kept),
		in_a_world(planted_states_are_set_aside),
		in_a_world(left_overs_do_not_stop_a_save),
		in_a_world(full_disk_leaves_the_state_before),
		in_a_world(sweep_takes_old_orphans_only),
	};
	return cmocka_run_group_tests_name("queue/queue_state", tests, NULL, NULL);
}
