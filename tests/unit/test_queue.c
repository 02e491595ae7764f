/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

#define ID "1R4XKQ700000000"

static void moved_from_place_to_place(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;

	put_message(w, QUEUE_INCOMING, 1, 10, &f, &v);
	for (int p = QUEUE_INCOMING; p < QUEUE_PLACES; p++) {
		enum queue_place place = (enum queue_place)p;
		assert_true(queue_move(w->q, &f, place, &e));
		assert_int_equal(f.place, place);
		assert_true(there(w, queue_place_name(place), v.id));
		assert_int_equal(try_claim(w, place, v.id, &e), QUEUE_BUSY);
		assert_true(p == 0 || !there(w, queue_place_name((enum queue_place)(p - 1)), v.id));
	}
	assert_int_equal(try_claim(w, QUEUE_INCOMING, v.id, &e), QUEUE_GONE);
	queue_file_close(&f);
	assert_int_equal(try_claim(w, QUEUE_CORRUPT, v.id, &e), QUEUE_CLAIMED);
	queue_entry_clear(&v);
}

struct asked {
	const char *id;
	enum queue_place place;
};

static int claim_in_child(struct world *w, const void *data)
{
	const struct asked *asked = data;
	struct err e;

	/* A process of its own opens the queue itself. */
	queue_close(w->q);
	return queue_open(w->path, false, &w->q, &e)
		       ? (int)try_claim(w, asked->place, asked->id, &e)
		       : 99;
}

static void one_process_at_a_time(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	char id[QUEUE_ID_MAX];
	const struct asked here = { id, QUEUE_DEFERRED }, elsewhere = { id, QUEUE_HOLD };

	leave_message(w, QUEUE_DEFERRED, 1, 10, id);
	assert_int_equal(in_child(claim_in_child, w, &here), QUEUE_CLAIMED);
	assert_int_equal(queue_claim(w->q, QUEUE_DEFERRED, id, &f, &v, &e), QUEUE_CLAIMED);
	assert_int_equal(in_child(claim_in_child, w, &here), QUEUE_BUSY);
	assert_int_equal(try_peek(w, QUEUE_DEFERRED, id), QUEUE_CLAIMED);
	assert_true(queue_move(w->q, &f, QUEUE_HOLD, &e));
	assert_int_equal(in_child(claim_in_child, w, &here), QUEUE_GONE);
	assert_int_equal(in_child(claim_in_child, w, &elsewhere), QUEUE_BUSY);
	queue_file_close(&f);
	assert_int_equal(in_child(claim_in_child, w, &elsewhere), QUEUE_CLAIMED);
	queue_entry_clear(&v);
}

enum { RACE_MESSAGES = 300, RACERS = 4 };

/* Each racer "sends" (writes one byte to a pipe for) and removes what it can claim. */
static int race(struct world *w, int pipe_fd)
{
	struct queue_names names = { 0 };
	struct err e;

	queue_close(w->q);
	if (!queue_open(w->path, false, &w->q, &e) ||
	    !queue_list(w->q, QUEUE_DEFERRED, &names, &e)) {
		return 1;
	}
	for (size_t i = 0; i < names.count; i++) {
		struct queue_file f;
		struct queue_entry v;
		if (queue_claim(w->q, QUEUE_DEFERRED, names.at[i].id, &f, &v, &e) ==
		    QUEUE_CLAIMED) {
			if (!fs_write_all(pipe_fd, "x", 1) || !queue_remove(w->q, &f, &e)) {
				return 2;
			}
		}
		queue_file_close(&f);
		queue_entry_clear(&v);
	}
	queue_names_clear(&names);
	return 0;
}

static void racing_claims_take_each_message_once(void **state)
{
	struct world *w = *state;
	int pipes[2];
	pid_t pids[RACERS];
	char id[QUEUE_ID_MAX], bytes[RACE_MESSAGES + 10];
	size_t sent = 0;
	ssize_t n;

	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < RACE_MESSAGES; i++) {
		leave_message(w, QUEUE_DEFERRED, 1, 10, id);
	}
	for (int i = 0; i < RACERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			_exit(race(w, pipes[1]));
		}
	}
	close(pipes[1]);
	while ((n = read(pipes[0], bytes, sizeof(bytes))) > 0) {
		sent += (size_t)n;
	}
	close(pipes[0]);
	for (int i = 0; i < RACERS; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
	assert_int_equal(sent, RACE_MESSAGES);
}

/* A message file cut anywhere is never taken for whole, and never lost either. */
static void cut_at_any_byte_is_set_aside(void **state)
{
	struct world *w = *state;
	struct buf text BUF_AUTO;
	struct err e;
	char id[QUEUE_ID_MAX];

	buf_init(&text, 1 << 20);
	leave_message(w, QUEUE_DEFERRED, 3, 150, id);
	read_file(path_of(w, "deferred", id), &text);
	for (size_t size = 0; size < text.size; size++) {
		write_file(path_of(w, "deferred", id), text.data, size);
		assert_int_equal(try_peek(w, QUEUE_DEFERRED, id),
				 size == 0 ? QUEUE_UNFINISHED : QUEUE_SET_ASIDE);
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e),
				 size == 0 ? QUEUE_UNFINISHED : QUEUE_SET_ASIDE);
		assert_false(there(w, "deferred", id));
		assert_int_equal(there(w, "corrupt", id), size > 0);
		if (size > 0) {
			assert_true(strstr(e.text, id) && strstr(e.text, "deferred"));
			assert_int_equal(unlink(path_of(w, "corrupt", id)), 0);
		}
	}
	/* And one that has grown. */
	assert_true(buf_add_str(&text, "x"));
	write_file(path_of(w, "deferred", id), text.data, text.size);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_SET_ASIDE);
	assert_non_null(strstr(e.text, "bytes"));
}

static void large_file_that_is_cut_is_set_aside(void **state)
{
	struct world *w = *state;
	struct err e;
	char id[QUEUE_ID_MAX];
	struct stat st;

	leave_message(w, QUEUE_DEFERRED, 1, 900000, id);
	assert_int_equal(stat(path_of(w, "deferred", id), &st), 0);
	assert_int_equal(truncate(path_of(w, "deferred", id), st.st_size - 1), 0);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_SET_ASIDE);
	/* A head that does not end, longer than the first read. */
	char *endless = mem_alloc(300001, 1);
	memset(endless, 'x', 300000);
	memcpy(endless, "relay-queue 1 complete size=00000000000000000000 body=7bit     \nx: ", 67);
	write_file(path_of(w, "deferred", ID), endless, 300000);
	free(endless);
	assert_int_equal(try_peek(w, QUEUE_DEFERRED, ID), QUEUE_SET_ASIDE);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, ID, &e), QUEUE_SET_ASIDE);
}

/* What is no file of ours, but has the name of a message. */
static void planted_things_are_set_aside(void **state)
{
	enum { SYMLINK, DANGLING, FIFO, FOLDER, FULL_FOLDER, FOREIGN, KINDS };
	struct world *w = *state;
	const char *secret = "relay-queue 1 complete size=00000000000000000000 body=7bit     \n"
			     "arrival: 5\naccount: a\nsender: <>\nrecipient: <c@d>\n\n";
	char target[100];
	struct err e;
	struct stat st;

	snprintf(target, sizeof(target), "%s/target", w->top);
	write_file(target, secret, strlen(secret));
	for (int kind = 0; kind < KINDS; kind++) {
		char id[QUEUE_ID_MAX] = "1R4XKQ70000000";
		char after[QUEUE_ID_MAX];
		id[14] = (char)('1' + kind);
		leave_message(w, QUEUE_DEFERRED, 1, 10, after);
		const char *path = path_of(w, "deferred", id);
		switch (kind) {
		case SYMLINK:
			assert_int_equal(symlink(target, path), 0);
			break;
		case DANGLING:
			assert_int_equal(symlink("/nowhere", path), 0);
			break;
		case FIFO:
			assert_int_equal(mkfifo(path, 0600), 0);
			break;
		case FOLDER:
			assert_int_equal(mkdir(path, 0700), 0);
			break;
		case FULL_FOLDER:
			assert_int_equal(mkdir(path, 0700), 0);
			write_file(path_of(w, "deferred/1R4XKQ700000005", "x"), "x", 1);
			break;
		default:
			write_file(path, secret, strlen(secret));
			if (geteuid() != 0) {
				continue;
			}
			assert_int_equal(chown(path, 4242, 4242), 0);
		}
		/* A peek sees no owner: it reads, and the claim decides. */
		assert_int_equal(try_peek(w, QUEUE_DEFERRED, id),
				 kind == FOREIGN ? QUEUE_CLAIMED
				 : kind == FIFO	 ? QUEUE_UNFINISHED
						 : QUEUE_SET_ASIDE);
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_SET_ASIDE);
		assert_true(e.text[0] && strstr(e.text, id));
		assert_int_equal(lstat(path, &st), -1);
		assert_true(there(w, "corrupt", id));
		/* It blocks nothing. */
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, after, &e), QUEUE_CLAIMED);
	}
	struct buf text BUF_AUTO;
	buf_init(&text, 10000);
	read_file(target, &text);
	assert_string_equal(text.data, secret);
}

static void set_aside_replaces_nothing(void **state)
{
	struct world *w = *state;
	struct err e;
	char first[QUEUE_ID_MAX];

	leave_message(w, QUEUE_DEFERRED, 1, 10, first);	/* so that the folder is there */
	leave_message(w, QUEUE_CORRUPT, 1, 10, first);
	for (int i = 0; i < 3; i++) {
		write_file(path_of(w, "deferred", first), "junk", 4);
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, first, &e), QUEUE_SET_ASIDE);
	}
	assert_int_equal(try_claim(w, QUEUE_CORRUPT, first, &e), QUEUE_CLAIMED);
	for (char n = '1'; n <= '3'; n++) {
		char name[40];
		snprintf(name, sizeof(name), "%s.%c", first, n);
		assert_true(there(w, "corrupt", name));
	}
}

/* What is damaged in corrupt/ stays there and says so each time. */
static void damaged_in_corrupt_stays(void **state)
{
	struct world *w = *state;
	struct err e;

	assert_int_equal(mkdir(path_of(w, "corrupt", ""), 0700), 0);
	write_file(path_of(w, "corrupt", ID), "junk", 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(try_peek(w, QUEUE_CORRUPT, ID), QUEUE_SET_ASIDE);
		assert_int_equal(try_claim(w, QUEUE_CORRUPT, ID, &e), QUEUE_SET_ASIDE);
		assert_true(there(w, "corrupt", ID));
	}
}

static void names_that_are_no_id_are_gone(void **state)
{
	static const char *const names[] = { "", ".", "..", "../../etc/passwd", "x/y",
					     "1R4XKQ70000000", "1R4XKQ7000000000" };
	struct world *w = *state;
	struct err e;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, names[i], &e), QUEUE_GONE);
		assert_int_equal(try_peek(w, QUEUE_DEFERRED, names[i]), QUEUE_GONE);
	}
	/* Also when the folder is not there: and it is not made by looking. */
	assert_int_equal(try_claim(w, QUEUE_HOLD, ID, &e), QUEUE_GONE);
	assert_int_equal(try_peek(w, QUEUE_HOLD, ID), QUEUE_GONE);
	assert_false(there(w, "hold", ""));
}

static void hard_links_of_a_backup_do_no_harm(void **state)
{
	struct world *w = *state;
	struct err e;
	char id[QUEUE_ID_MAX], copy[100];

	leave_message(w, QUEUE_DEFERRED, 1, 10, id);
	snprintf(copy, sizeof(copy), "%s/copy", w->top);
	assert_int_equal(link(path_of(w, "deferred", id), copy), 0);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_CLAIMED);
}

static void reading_a_file_that_shrinks_is_an_error(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct buf window BUF_AUTO;
	struct span part;
	struct err e = { 0 };

	buf_init(&window, (size_t)512 << 10);
	put_message(w, QUEUE_DEFERRED, 1, 2000000, &f, &v);
	assert_true(queue_read(&f, &v, 1500000, 1000, &window, &part, &e));
	assert_int_equal(ftruncate(f.fd, 1000000), 0);
	assert_false(queue_read(&f, &v, 1500000, 1000, &window, &part, &e));
	assert_true(e.cause == CAUSE_OS && strstr(e.text, v.id));
	queue_file_close(&f);
	queue_entry_clear(&v);
}

static void remove_takes_the_state_along(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	char id[QUEUE_ID_MAX];

	/* Saved since the claim, by this process. */
	put_message(w, QUEUE_INCOMING, 1, 10, &f, &v);
	memcpy(id, v.id, sizeof(id));
	assert_true(queue_save(w->q, &v, false, &e));
	assert_true(there(w, "state", id));
	assert_true(queue_remove(w->q, &f, &e));
	assert_false(there(w, "state", id) || there(w, "incoming", id));
	assert_true(queue_remove(w->q, &f, &e));	/* nothing there: nothing to do */
	queue_entry_clear(&v);

	/* Saved by an earlier process. */
	put_message(w, QUEUE_DEFERRED, 1, 10, &f, &v);
	memcpy(id, v.id, sizeof(id));
	assert_true(queue_save(w->q, &v, true, &e));
	queue_file_close(&f);
	queue_entry_clear(&v);
	queue_close(w->q);
	assert_true(queue_open(w->path, false, &w->q, &e));
	assert_int_equal(queue_claim(w->q, QUEUE_DEFERRED, id, &f, &v, &e), QUEUE_CLAIMED);
	assert_true(v.has_state);
	assert_true(queue_remove(w->q, &f, &e));
	assert_false(there(w, "state", id) || there(w, "deferred", id));
	queue_entry_clear(&v);
}

static void no_descriptor_is_left_open(void **state)
{
	struct world *w = *state;
	struct queue_names names = { 0 };
	struct err e;
	char id[QUEUE_ID_MAX];
	int before = 0;

	for (int i = 0; i < 3; i++) {
		before = i == 1 ? open_count() : before;	/* all folders are open by now */
		leave_message(w, QUEUE_DEFERRED, 1, 10, id);
		assert_true(queue_list(w->q, QUEUE_DEFERRED, &names, &e));
		assert_int_equal(try_peek(w, QUEUE_DEFERRED, id), QUEUE_CLAIMED);
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_CLAIMED);
		write_file(path_of(w, "deferred", id), "junk", 4);
		assert_int_equal(try_peek(w, QUEUE_DEFERRED, id), QUEUE_SET_ASIDE);
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_SET_ASIDE);
		assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_GONE);
		queue_has_others(w->q, id);
		queue_sweep(w->q, 0);
	}
	assert_int_equal(open_count(), before);
	queue_names_clear(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(moved_from_place_to_place),
		in_a_world(one_process_at_a_time),
		in_a_world(racing_claims_take_each_message_once),
		in_a_world(cut_at_any_byte_is_set_aside),
		in_a_world(large_file_that_is_cut_is_set_aside),
		in_a_world(planted_things_are_set_aside),
		in_a_world(set_aside_replaces_nothing),
		in_a_world(damaged_in_corrupt_stays),
		in_a_world(names_that_are_no_id_are_gone),
		in_a_world(hard_links_of_a_backup_do_no_harm),
		in_a_world(reading_a_file_that_shrinks_is_an_error),
		in_a_world(remove_takes_the_state_along),
		in_a_world(no_descriptor_is_left_open),
	};
	return cmocka_run_group_tests_name("queue/queue", tests, NULL, NULL);
}
