/* SPDX-License-Identifier: ISC */
/* queue_unit: a queue in a temporary folder, and messages in it, for the tests of src/queue. */
#ifndef TESTS_QUEUE_UNIT_H
#define TESTS_QUEUE_UNIT_H

#include "unit.h"

#include "base/fs.h"
#include "base/mem.h"
#include "queue/queue.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
	char top[64];	/* the temporary folder */
	char path[80];	/* the queue in it */
	struct queue *q;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static inline int world_set_up(void **state)
{
	struct world *w = mem_alloc(1, sizeof(*w));
	struct err e;

	snprintf(w->top, sizeof(w->top), "/tmp/relay-queue.XXXXXX");
	if (!mkdtemp(w->top)) {
		return -1;
	}
	snprintf(w->path, sizeof(w->path), "%s/queue", w->top);
	*state = w;
	/* Made by hand, as an administrator does: its sub-folders come as they are needed. */
	if (mkdir(w->path, 0700) != 0) {
		return -1;
	}
	return queue_open(w->path, true, &w->q, &e) ? 0 : -1;
}

static inline int world_tear_down(void **state)
{
	struct world *w = *state;

	queue_close(w->q);
	int result = nftw(w->top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(w);
	return result;
}

#define in_a_world(f) cmocka_unit_test_setup_teardown(f, world_set_up, world_tear_down)

/* "PATH/queue/folder/name"; the text is good until four calls later. */
static inline const char *path_of(const struct world *w, const char *folder, const char *name)
{
	static char text[4][256];
	static unsigned next;
	char *to = text[next++ % 4];

	snprintf(to, sizeof(text[0]), "%s/%s/%s", w->path, folder, name);
	return to;
}

static inline bool there(const struct world *w, const char *folder, const char *name)
{
	struct stat st;

	return lstat(path_of(w, folder, name), &st) == 0;
}

static inline void write_file(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(fs_write_all(fd, text, size));
	close(fd);
}

static inline void read_file(const char *path, struct buf *to)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct err e;

	assert_true(fd >= 0);
	assert_true(fs_read_all(fd, to, &e));
	close(fd);
}

static inline void fill_entry(struct queue_entry *v, size_t rcpts)
{
	struct err e;

	queue_entry_init(v);
	v->arrival = 1763776000;
	v->account = mem_str("default");
	v->sender = mem_str("me@h.example");
	for (size_t i = 0; i < rcpts; i++) {
		char *addr MEM_AUTO = mem_printf("user%zu@example.org", i);
		assert_true(queue_entry_add_rcpt(v, addr, NULL, &e));
	}
}

/* Byte number i of every test message: the lines are of different lengths. */
static inline char message_byte(unsigned long long i)
{
	return i % 71 == 69 ? '\r' : i % 71 == 70 ? '\n' : (char)('a' + i / 71 % 26);
}

static inline void put_bytes(struct queue_file *f, unsigned long long size)
{
	char bytes[10007];
	struct err e;

	for (unsigned long long at = 0; at < size;) {
		size_t n = sizeof(bytes) < size - at ? sizeof(bytes) : (size_t)(size - at);
		for (size_t i = 0; i < n; i++) {
			bytes[i] = message_byte(at + i);
		}
		assert_true(queue_put(f, span_of(bytes, n), &e));
		at += n;
	}
}

/* A message of that size, whole, still ours. */
static inline void put_message(struct world *w, enum queue_place place, size_t rcpts,
			       unsigned long long size, struct queue_file *f,
			       struct queue_entry *v)
{
	struct err e = { 0 };

	fill_entry(v, rcpts);
	if (!queue_put_begin(w->q, place, v, f, &e)) {
		fail_msg("%s", e.text);
	}
	put_bytes(f, size);
	v->size = size;
	assert_true(queue_put_end(f, v, &e));
}

/* A message that nobody holds; its ID into id. */
static inline void leave_message(struct world *w, enum queue_place place, size_t rcpts,
				 unsigned long long size, char id[QUEUE_ID_MAX])
{
	struct queue_file f;
	struct queue_entry v;

	put_message(w, place, rcpts, size, &f, &v);
	memcpy(id, v.id, QUEUE_ID_MAX);
	queue_file_close(&f);
	queue_entry_clear(&v);
}

static inline void assert_bytes(const struct queue_file *f, const struct queue_entry *v)
{
	struct buf window BUF_AUTO;
	struct span part;
	struct err e;

	buf_init(&window, (size_t)512 << 10);
	for (unsigned long long at = 0; at < v->size; at += part.size) {
		assert_true(queue_read(f, v, at, 100003, &window, &part, &e));
		assert_true(part.size > 0 && part.size <= 100003 && part.size <= v->size - at);
		for (size_t i = 0; i < part.size; i++) {
			if (part.data[i] != message_byte(at + i)) {
				fail_msg("byte %llu", at + i);
			}
		}
	}
}

/* Claims, and lets go again; *e is empty when nothing was said. */
static inline enum queue_claim try_claim(struct world *w, enum queue_place place, const char *id,
					 struct err *e)
{
	struct queue_file f;
	struct queue_entry v;

	*e = (struct err){ 0 };
	enum queue_claim result = queue_claim(w->q, place, id, &f, &v, e);
	assert_true((result == QUEUE_CLAIMED) == (f.fd >= 0));
	assert_true((result == QUEUE_CLAIMED) == (v.rcpt_count > 0));
	queue_file_close(&f);
	queue_entry_clear(&v);
	return result;
}

static inline enum queue_claim try_peek(struct world *w, enum queue_place place, const char *id)
{
	struct queue_entry v;
	struct err e = { 0 };
	enum queue_claim result = queue_peek(w->q, place, id, &v, &e);

	assert_true((result == QUEUE_SET_ASIDE || result == QUEUE_ERROR) == (e.text[0] != 0));
	queue_entry_clear(&v);
	return result;
}

/* How many descriptors are open. */
static inline int open_count(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		count += fcntl(fd, F_GETFD) >= 0;
	}
	return count;
}

/* The exit status of a child that runs f(w, data). */
static inline int in_child(int (*f)(struct world *w, const void *data), struct world *w,
			   const void *data)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		_exit(f(w, data));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#endif
