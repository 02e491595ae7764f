/* SPDX-License-Identifier: ISC */
#include "unit.h"

#include "app/busy.h"

#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static void a_line_of_proc_locks(void **state)
{
	const uint64_t device = makedev(0xfe, 1);
	static const struct {
		const char *line;
		uint64_t inode;
	} rows[] = {
		{ "1: FLOCK  ADVISORY  WRITE 4711 fe:01:131090 0 EOF", 131090 },
		{ "12: FLOCK  ADVISORY  READ  4711 fe:01:7 0 EOF", 7 },
		{ "1: -> FLOCK  ADVISORY  WRITE 4712 fe:01:131090 0 EOF", 0 },
		{ "1: POSIX  ADVISORY  WRITE 4711 fe:01:131090 0 EOF", 0 },
		{ "1: FLOCK  ADVISORY  WRITE 4711 fe:02:131090 0 EOF", 0 },
		{ "1: FLOCK  ADVISORY  WRITE 4711 0fe:01:131090 0 EOF", 0 },
		{ "1: FLOCK  ADVISORY  WRITE 4711 fe:01: 0 EOF", 0 },
		{ "1: FLOCK  ADVISORY  WRITE 4711 fe:01:99999999999999999999999 0 EOF", 0 },
		{ "1: FLOCK", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t inode = busy_parse(span_str(rows[i].line), device);
		if (inode != rows[i].inode) {
			fail_msg("%s: %llu", rows[i].line, (unsigned long long)inode);
		}
	}
}

static void a_locked_file_is_busy(void **state)
{
	char folder[] = "/tmp/relay-busy.XXXXXX";
	struct queue *q;
	struct queue_file f;
	struct queue_entry v;
	struct stat st;
	struct busy busy;
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(folder));
	assert_true(queue_open(folder, true, &q, &e));
	queue_file_init(&f);
	queue_entry_init(&v);
	v.account = strdup("default");
	v.sender = strdup("");
	assert_true(queue_entry_add_rcpt(&v, "a@x.test", NULL, &e));
	assert_true(queue_put_begin(q, QUEUE_INCOMING, &v, &f, &e));
	assert_true(queue_put_end(&f, &v, &e));
	assert_int_equal(fstat(f.fd, &st), 0);
	busy_read(&busy, q);
	/* The kernel gives its list a page at a time: one that changes meanwhile has gaps. */
	for (int i = 0; i < 100 && busy.count > 0 && !busy_has(&busy, st.st_ino); i++) {
		busy_clear(&busy);
		busy_read(&busy, q);
	}
	if (busy.count == 0) {
		/* A file system whose device has another number in /proc/locks, or no /proc. */
		fprintf(stderr, "no lock of ours in /proc/locks\n");
	} else {
		assert_true(busy_has(&busy, st.st_ino));
		/* The next inode may be a file of somebody else, locked too. */
		assert_false(busy_has(&busy, ~st.st_ino));
		busy_clear(&busy);
		assert_int_equal(flock(f.fd, LOCK_UN), 0);
		busy_read(&busy, q);
		assert_false(busy_has(&busy, st.st_ino));
	}
	busy_clear(&busy);
	assert_false(busy_has(&busy, st.st_ino));
	assert_true(queue_remove(q, &f, &e));
	queue_entry_clear(&v);
	queue_close(q);
	char *incoming;
	assert_true(asprintf(&incoming, "%s/incoming", folder) > 0);
	assert_int_equal(rmdir(incoming), 0);
	assert_int_equal(rmdir(folder), 0);
	free(incoming);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_of_proc_locks),
		cmocka_unit_test(a_locked_file_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
