/* SPDX-License-Identifier: ISC */
/* The store: what comes in through a pipe comes out in wire form, at every offset. */
#include "unit.h"

#include "app/message.h"
#include "base/fs.h"

#include <unistd.h>

/* A file descriptor from which text can be read. */
static int input(const char *text, size_t size)
{
	struct err e;
	int fd = fs_unnamed(&e);

	assert_true(fd >= 0);
	assert_true(fs_write_all(fd, text, size));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Without a queue. */
static bool read_all(struct message *m, int fd, unsigned long long size_max, struct err *e)
{
	struct message_store nowhere = { .queue = NULL };

	m->size_max = size_max;
	return message_read_header(m, fd, true, e) && message_read_body(m, fd, &nowhere, e);
}

static void expect(const struct message *m, const char *want, size_t size, size_t step)
{
	struct message *mutable = (struct message *)(uintptr_t)m;
	unsigned long long at = 0;

	assert_int_equal(message_size(m), size);
	while (at < size) {
		struct span got;
		struct err e;
		assert_true(message_read(mutable, at, step, &got, &e));
		assert_true(got.size > 0 && got.size <= step);
		assert_memory_equal(got.data, want + at, got.size);
		at += got.size;
	}
	assert_int_equal(at, size);
}

static void small_messages_come_back(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "Subject: x\n\nbody\n", "Subject: x\r\n\r\nbody\r\n" },
		{ "Subject: x\r\n\r\nbody", "Subject: x\r\n\r\nbody\r\n" },
		{ "Subject: x\n", "Subject: x\r\n\r\n" },
		{ "just text\n", "\r\njust text\r\n" },
		{ "", "\r\n" },
		{ "A: b\n\na\n.\nnot this\n", "A: b\r\n\r\na\r\n" },
		{ "From me Sat Nov 21 2026\nA: b\n\nx\ry\n", "A: b\r\n\r\nx y\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct message m;
		struct err e;
		int fd = input(rows[i].in, strlen(rows[i].in));
		message_init(&m);
		assert_true(read_all(&m, fd, 0, &e));
		assert_int_equal(m.fd, -1);
		expect(&m, rows[i].out, strlen(rows[i].out), 1);
		expect(&m, rows[i].out, strlen(rows[i].out), 1000);
		message_clear(&m);
		close(fd);
	}
}

static void a_large_body_goes_to_a_file_and_back(void **state)
{
	enum { LINES = 40000 };
	size_t in_size = 0, out_size = 0;
	char *in = malloc(LINES * 32), *out = malloc(LINES * 32);
	struct message m;
	struct err e;

	(void)state;
	in_size += (size_t)sprintf(in, "Subject: big\n\n");
	out_size += (size_t)sprintf(out, "Subject: big\r\n\r\n");
	for (int i = 0; i < LINES; i++) {
		in_size += (size_t)sprintf(in + in_size, "line %d of it\n", i);
		out_size += (size_t)sprintf(out + out_size, "line %d of it\r\n", i);
	}
	int fd = input(in, in_size);
	message_init(&m);
	assert_true(read_all(&m, fd, 0, &e));
	assert_true(m.fd >= 0);
	expect(&m, out, out_size, 100000);
	expect(&m, out, out_size, 777);
	message_clear(&m);

	/* The same with a limit: refused, and nothing else happens. */
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	message_init(&m);
	assert_false(read_all(&m, fd, 100000, &e));
	assert_int_equal(e.cause, CAUSE_DATA);
	message_clear(&m);
	close(fd);
	free(in);
	free(out);
}

static void input_that_fails_is_an_error(void **state)
{
	struct message m;
	struct err e;
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	message_init(&m);
	assert_false(read_all(&m, fds[1], 0, &e));
	assert_int_equal(e.cause, CAUSE_INPUT);
	message_clear(&m);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_messages_come_back),
		cmocka_unit_test(a_large_body_goes_to_a_file_and_back),
		cmocka_unit_test(input_that_fails_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
