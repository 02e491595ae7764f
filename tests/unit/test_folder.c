/* SPDX-License-Identifier: ISC */
#include "queue_unit.h"

#include <sys/resource.h>

static void made_with_its_parents_for_us_alone(void **state)
{
	struct world *w = *state;
	struct queue *q;
	struct err e;
	struct stat st;
	char path[120];

	snprintf(path, sizeof(path), "%s/a/b//c", w->top);
	assert_true(queue_open(path, false, &q, &e));
	assert_null(q);
	assert_true(queue_open(path, true, &q, &e));
	assert_string_equal(queue_path(q), path);
	queue_close(q);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_true(queue_open(path, false, &q, &e));
	queue_close(q);
	queue_close(NULL);
	assert_false(there(w, "incoming", ""));
}

static void wrong_folders_are_refused(void **state)
{
	enum { GROUP, OTHERS, FILE_THERE, FILE_ABOVE, OWNER, KINDS };
	struct world *w = *state;

	for (int kind = 0; kind < KINDS; kind++) {
		struct queue *q = (struct queue *)-1;
		struct err e = { 0 };
		char path[120];
		snprintf(path, sizeof(path), "%s/kind%d", w->top, kind);
		if (kind == FILE_THERE || kind == FILE_ABOVE) {
			write_file(path, "x", 1);
		} else {
			assert_int_equal(mkdir(path, 0700), 0);
		}
		switch (kind) {
		case GROUP:
			assert_int_equal(chmod(path, 0710), 0);
			break;
		case OTHERS:
			assert_int_equal(chmod(path, 0702), 0);
			break;
		case FILE_ABOVE:
			snprintf(path, sizeof(path), "%s/kind%d/x", w->top, kind);
			break;
		case OWNER:
			if (geteuid() != 0) {
				continue;
			}
			assert_int_equal(chown(path, 4242, 4242), 0);
			break;
		default:
			break;
		}
		assert_false(queue_open(path, true, &q, &e));
		assert_null(q);
		assert_int_equal(e.cause, CAUSE_OS);
		assert_non_null(strstr(e.text, path));
	}
}

static void wrong_sub_folders_are_refused(void **state)
{
	enum { LINK, MODE, FILE_THERE, OWNER, KINDS };
	static const char id[] = "1R4XKQ700000000";

	for (int kind = 0; kind < KINDS; kind++) {
		struct world *w = *state;
		struct queue_names names = { 0 };
		struct queue_file f;
		struct queue_entry v;
		struct err e = { 0 };
		const char *path = path_of(w, "hold", "");
		char name[120];
		snprintf(name, sizeof(name), "%.*s", (int)strlen(path) - 1, path);
		switch (kind) {
		case LINK:
			assert_int_equal(symlink(w->top, name), 0);
			break;
		case FILE_THERE:
			write_file(name, "x", 1);
			break;
		case MODE:
			assert_int_equal(mkdir(name, 0700), 0);
			assert_int_equal(chmod(name, 0750), 0);
			break;
		default:
			if (geteuid() != 0) {
				continue;
			}
			assert_int_equal(mkdir(name, 0700), 0);
			assert_int_equal(chown(name, 4242, 4242), 0);
		}
		assert_false(queue_list(w->q, QUEUE_HOLD, &names, &e));
		assert_true(e.cause == CAUSE_OS && strstr(e.text, name));
		fill_entry(&v, 1);
		assert_false(queue_put_begin(w->q, QUEUE_HOLD, &v, &f, &e));
		queue_entry_clear(&v);
		assert_int_equal(queue_claim(w->q, QUEUE_HOLD, id, &f, &v, &e), QUEUE_ERROR);
		assert_int_equal(queue_peek(w->q, QUEUE_HOLD, id, &v, &e), QUEUE_ERROR);
		/* The other places are as good as before. */
		put_message(w, QUEUE_DEFERRED, 1, 1, &f, &v);
		assert_false(queue_move(w->q, &f, QUEUE_HOLD, &e));
		assert_int_equal(f.place, QUEUE_DEFERRED);
		queue_file_close(&f);
		queue_entry_clear(&v);
		assert_int_equal(remove(name), 0);
	}
}

/* The state of a message cannot be known: then it is not tried, and not lost. */
static void refused_state_folder_stops_the_claim(void **state)
{
	struct world *w = *state;
	char id[QUEUE_ID_MAX];
	struct err e;

	leave_message(w, QUEUE_DEFERRED, 1, 1, id);
	assert_int_equal(mkdir(path_of(w, "state", ""), 0700), 0);
	assert_int_equal(chmod(path_of(w, "state", ""), 0777), 0);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_ERROR);
	assert_true(there(w, "deferred", id));
	assert_int_equal(chmod(path_of(w, "state", ""), 0700), 0);
	assert_int_equal(try_claim(w, QUEUE_DEFERRED, id, &e), QUEUE_CLAIMED);
}

struct few {
	int left;	/* descriptors */
	char id[QUEUE_ID_MAX];
};

static int claim_with_few(struct world *w, const void *data)
{
	const struct few *few = data;
	const struct rlimit most = { 64, 64 };
	int last = -1;
	struct err e;

	setrlimit(RLIMIT_NOFILE, &most);
	for (int fd; (fd = dup(0)) >= 0;) {
		last = fd;
	}
	for (int i = 0; i < few->left; i++) {
		close(last - i);
	}
	return (int)try_claim(w, QUEUE_DEFERRED, few->id, &e);
}

/* Out of descriptors is no reason to think that there is no state, or no message. */
static void no_descriptors_left_is_an_error(void **state)
{
	struct world *w = *state;
	struct queue_file f;
	struct queue_entry v;
	struct err e;
	struct few few = { 0 };

	put_message(w, QUEUE_DEFERRED, 1, 1, &f, &v);
	memcpy(few.id, v.id, sizeof(few.id));
	assert_true(queue_save(w->q, &v, false, &e));
	queue_file_close(&f);
	queue_entry_clear(&v);
	for (few.left = 0; few.left < 2; few.left++) {
		assert_int_equal(in_child(claim_with_few, w, &few), QUEUE_ERROR);
	}
	assert_int_equal(in_child(claim_with_few, w, &few), QUEUE_CLAIMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_a_world(made_with_its_parents_for_us_alone),
		in_a_world(wrong_folders_are_refused),
		in_a_world(wrong_sub_folders_are_refused),
		in_a_world(refused_state_folder_stops_the_claim),
		in_a_world(no_descriptors_left_is_an_error),
	};
	return cmocka_run_group_tests_name("queue/folder", tests, NULL, NULL);
}
