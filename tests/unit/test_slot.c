/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

#include "queue/slot.h"

#include <time.h>

static bool take(struct world *w, const char *group, unsigned max, int *fd)
{
	bool may = slot_take(w->q, group, max, fd);

	assert_int_equal(*fd >= 0, may);
	return may;
}

static void no_more_than_max_and_each_group_its_own(void **state)
{
	struct world *w = *state;
	int fds[4], other, none;

	for (int i = 0; i < 4; i++) {
		assert_true(take(w, "a\n\n", 4, &fds[i]));
	}
	assert_false(take(w, "a\n\n", 4, &none));
	assert_false(take(w, "a\n\n", 0, &none));
	assert_true(take(w, "b\n\n", 1, &other));
	slot_release(&fds[2]);
	assert_int_equal(fds[2], -1);
	assert_true(take(w, "a\n\n", 4, &fds[2]));
	assert_false(take(w, "a\n\n", 4, &none));
	for (int i = 0; i < 4; i++) {
		slot_release(&fds[i]);
	}
	slot_release(&other);
}

static int take_all(struct world *w, const void *data)
{
	int fd, count = 0;

	while (take(w, data, 3, &fd)) {
		count++;
	}
	return count;
}

static void counted_across_processes(void **state)
{
	struct world *w = *state;
	int mine;

	assert_int_equal(in_child(take_all, w, "g"), 3);
	assert_true(take(w, "g", 3, &mine));
	assert_int_equal(in_child(take_all, w, "g"), 2);
	slot_release(&mine);
	assert_int_equal(in_child(take_all, w, "g"), 3);
}

/*
 * Who goes on in the background has the slot, whatever becomes of the process that it left.
 * What it gives back is free at once, though that process still has the descriptor.
 */
static void inherited(void **state)
{
	struct world *w = *state;
	int fd, other, hold[2], go[2], status;
	char byte;

	assert_int_equal(pipe(hold), 0);
	assert_int_equal(pipe(go), 0);
	assert_true(take(w, "g", 1, &fd));
	pid_t pid = fork();
	if (pid == 0) {
		close(hold[1]);
		if (read(hold[0], &byte, 1) != 0) {
			_exit(1);
		}
		slot_release(&fd);
		_exit(write(go[1], "", 1) == 1 ? 0 : 1);
	}
	int left = fd;	/* the parent's copy: it stays open */
	assert_false(take(w, "g", 1, &other));
	close(hold[1]);
	assert_int_equal(read(go[0], &byte, 1), 1);
	assert_true(take(w, "g", 1, &other));
	slot_release(&other);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(left);
	close(hold[0]);
	close(go[0]);
	close(go[1]);
}

static void without_a_lock_file_there_is_no_limit(void **state)
{
	struct world *w = *state;
	int fd;

	/* The hash of the empty text is FNV's offset. */
	assert_int_equal(mkdir(path_of(w, "sessions", ""), 0700), 0);
	assert_int_equal(symlink("/nowhere", path_of(w, "sessions", "cbf29ce484222325.0")), 0);
	assert_true(slot_take(w->q, "", 1, &fd));
	assert_int_equal(fd, -1);
}

static int sweep_here(struct world *w, const void *now)
{
	slot_sweep(w->q, *(const int64_t *)now);
	return 0;
}

/* What is in use, by whomever, stays; and so do slots, though their files go. */
static void old_lock_files_are_removed(void **state)
{
	struct world *w = *state;
	int64_t now = time(NULL);
	int fds[2], late, none;

	slot_sweep(w->q, now);	/* without a folder */
	assert_true(take(w, "", 1, &fds[0]));
	assert_true(take(w, "b", 1, &fds[1]));
	slot_release(&fds[0]);
	slot_sweep(w->q, now + 6 * 86400);
	assert_true(there(w, "sessions", "cbf29ce484222325.0"));
	/* Opened before it is removed, locked after. */
	late = open(path_of(w, "sessions", "cbf29ce484222325.0"), O_RDWR);
	now += 8 * 86400;
	assert_int_equal(in_child(sweep_here, w, &now), 0);
	assert_false(there(w, "sessions", "cbf29ce484222325.0"));
	assert_false(take(w, "b", 1, &none));
	assert_int_equal(flock(late, LOCK_EX | LOCK_NB), 0);
	assert_true(take(w, "", 1, &fds[0]));
	assert_false(take(w, "", 1, &none));
	close(late);
	slot_release(&fds[0]);
	slot_release(&fds[1]);
	/* Nothing else is removed there. */
	write_file(path_of(w, "sessions", "README"), "x", 1);
	slot_sweep(w->q, now);
	assert_true(there(w, "sessions", "README"));
	assert_false(there(w, "sessions", "cbf29ce484222325.0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(no_more_than_max_and_each_group_its_own),
		in_a_world(counted_across_processes),
		in_a_world(inherited),
		in_a_world(without_a_lock_file_there_is_no_limit),
		in_a_world(old_lock_files_are_removed),
	};
	return cmocka_run_group_tests_name("queue/slot", tests, NULL, NULL);
}
