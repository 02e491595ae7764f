/* SPDX-License-Identifier: ISC */
/* What is in memory, in a file or in the queue is made fit, and is where it was then. */
#include "queue_unit.h"

#include "app/mend.h"
#include "base/text.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))
#define MIME "MIME-Version: 1.0\r\nContent-Type: text/plain; charset="
#define TEXT(literal) (literal), sizeof(literal) - 1
#define WORDS "some words of ASCII text "
#define QP "Content-Transfer-Encoding: quoted-printable\r\n"

static struct message_store nowhere(struct queue_entry *v)
{
	struct message_store store = { .queue = NULL, .entry = v };

	queue_file_init(&store.file);
	return store;
}

static struct message_store in_queue(struct world *w, struct queue_entry *v)
{
	struct message_store store = nowhere(v);

	store.queue = w->q;
	store.place = QUEUE_DEFERRED;
	return store;
}

/* Reads it to its end, as a submission does. */
static void read_in(struct message *m, struct span text, struct message_store *store)
{
	struct err e = { 0 };
	int fd = fs_unnamed(&e);

	assert_true(fd >= 0 && fs_write_all(fd, text.data, text.size));
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	message_init(m);
	if (!message_read_header(m, fd, false, &e) || !message_read_body(m, fd, store, &e)) {
		fail_msg("%s", e.text);
	}
	close(fd);
}

/* All of it, whatever the window. */
static void all_of(struct message *m, struct buf *to)
{
	struct span bytes;
	struct err e = { 0 };

	buf_reset(to);
	for (unsigned long long at = 0; at < message_size(m); at += bytes.size) {
		if (!message_read(m, at, 70001, &bytes, &e)) {
			fail_msg("%s", e.text);
		}
		assert_true(buf_add_span(to, bytes));
	}
}

static unsigned files_in(const struct world *w, const char *folder)
{
	DIR *d = opendir(path_of(w, folder, ""));
	unsigned count = 0;

	for (struct dirent *at; d && (at = readdir(d));) {
		count += at->d_name[0] != '.';
	}
	if (d) {
		closedir(d);
	}
	return count;
}

/* Header `head`, then `line` so often that it has `size` bytes; with CRLF. */
static void fill(struct buf *b, const char *head, const char *line, size_t size)
{
	buf_reset(b);
	assert_true(buf_add_str(b, head));
	while (b->size < size) {
		assert_true(buf_add_str(b, line));
	}
}

/* How often `word` is in it. */
static size_t times(const struct buf *b, const char *word)
{
	struct span rest = buf_span(b);
	size_t count = 0;

	for (const char *at; (at = memmem(rest.data, rest.size, word, strlen(word))); count++) {
		rest = span_from(rest, (size_t)(at - rest.data) + strlen(word));
	}
	return count;
}

static void what_is_in_memory_stays_there(void **state)
{
	static const struct {
		bool is_7bit, is_8bit;
		const char *in;
		size_t size;
		const char *out;
	} rows[] = {
		{ false, false, TEXT("A: b\r\n\r\nx\r\n"), "A: b\r\n\r\nx\r\n" },
		{ false, false, TEXT("A: b\r\n\r\n" WORDS "Gr\xc3\xbc\xc3\x9f" "e\r\n"),
		  "A: b\r\n" MIME "UTF-8\r\n" QP "\r\n" WORDS "Gr=C3=BC=C3=9Fe\r\n" },
		{ false, false, TEXT("\xff\xfe\r\n"), MIME "unknown-8bit\r\n" QP "\r\n=FF=FE\r\n" },
		{ false, false, TEXT(""), "\r\n" },
		{ false, false, TEXT("A: b\r\n\r\n" WORDS "w\0th NUL\r\n"),
		  "A: b\r\n" MIME "us-ascii\r\n" QP "\r\n" WORDS "w=00th NUL\r\n" },
		/* A label is missing, no more. */
		{ false, true, TEXT("Content-Type: text/plain; charset=x\r\n\r\n\xff\r\n"),
		  "Content-Type: text/plain; charset=x\r\nMIME-Version: 1.0\r\n"
		  "Content-Transfer-Encoding: 8bit\r\n\r\n\xff\r\n" },
		{ true, false,
		  TEXT("MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n" WORDS "\xff\r\n"),
		  "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n" QP "\r\n" WORDS "=FF\r\n" },
		{ true, false, TEXT("Subject: \xc3\xa4\r\n\r\nx\r\n"),
		  "Subject: =?UTF-8?B?w6Q=?=\r\n\r\nx\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message_store store = nowhere(NULL);
		struct message m;
		struct buf out BUF_AUTO;
		struct err e = { 0 };
		buf_init(&out, 10000);
		read_in(&m, span_of(rows[i].in, rows[i].size), &store);
		if (!mend_message(&m, rows[i].is_7bit, NULL, &e)) {
			fail_msg("row %zu: %s", i, e.text);
		}
		assert_int_equal(m.fd, -1);
		all_of(&m, &out);
		assert_string_equal(out.data, rows[i].out);
		assert_int_equal(m.is_8bit, rows[i].is_8bit);
		message_clear(&m);
	}
}

static void a_body_without_a_queue_goes_to_another_unnamed_file(void **state)
{
	static const size_t sizes[] = { 70000, 600000, 1200000 };
	struct buf text BUF_AUTO, out BUF_AUTO;

	(void)state;
	buf_init(&text, 5000000);
	buf_init(&out, 20000000);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct message_store store = nowhere(NULL);
		struct message m;
		struct err e = { 0 };
		fill(&text, "A: b\r\n\r\n", "some ASCII text, and Gr\xc3\xbc\xc3\x9f" "e\r\n", sizes[i]);
		size_t count = times(&text, "\xc3\xbc");
		read_in(&m, buf_span(&text), &store);
		int descriptors = open_count();
		assert_true(m.fd >= 0 && m.is_8bit);
		assert_true(mend_message(&m, false, &store, &e));
		assert_int_equal(open_count(), descriptors);
		assert_true(m.fd >= 0 && !m.is_8bit && m.body.size == 0);
		all_of(&m, &out);
		assert_int_equal(times(&out, "=C3=BC"), count);
		assert_int_equal(times(&out, "\r\n\r\nsome"), 1);
		assert_true(text_is_ascii(buf_span(&out)));
		message_clear(&m);
	}
}

/* A message of the queue, from its reading to the claim of the file that is left. */
static void put_and_claim(struct world *w, size_t size, const char *line, const char *word,
			  const char *coded)
{
	struct queue_entry v, claimed;
	struct message_store store = in_queue(w, &v);
	struct queue_file f;
	struct message m;
	struct buf text BUF_AUTO, out BUF_AUTO;
	struct err e = { 0 };
	char begun[QUEUE_ID_MAX] = "";

	buf_init(&text, 10000000);
	buf_init(&out, 50000000);
	fill(&text, "A: b\r\n\r\n", line, size);
	fill_entry(&v, 3);
	read_in(&m, buf_span(&text), &store);
	if (m.store) {
		memcpy(begun, v.id, sizeof(begun));
	}
	int descriptors = open_count();
	if (!mend_message(&m, false, &store, &e)) {
		fail_msg("%s", e.text);
	}
	assert_int_equal(open_count(), descriptors + (m.store && !begun[0]));
	if (begun[0]) {
		assert_int_equal(strcmp(begun, v.id) == 0, strcmp(word, coded) == 0);
		assert_false(v.is_complete);
	}
	assert_true(message_store(&m, &store, &e));
	assert_int_equal(files_in(w, "deferred"), 1);
	all_of(&m, &out);
	assert_int_equal(times(&out, coded), times(&text, word));
	assert_true(queue_sync(w->q, &store.file, &e));
	message_clear(&m);
	queue_file_close(&store.file);

	assert_int_equal(queue_claim(w->q, QUEUE_DEFERRED, v.id, &f, &claimed, &e), QUEUE_CLAIMED);
	assert_int_equal(claimed.size, out.size);
	assert_int_equal(claimed.rcpt_count, 3);
	assert_false(claimed.is_8bit);
	message_init(&m);
	message_from_queue(&m, &f, &claimed);
	all_of(&m, &text);
	assert_true(span_equal(buf_span(&text), buf_span(&out)));
	message_clear(&m);
	assert_true(queue_remove(w->q, &f, &e));
	queue_entry_clear(&v);
	queue_entry_clear(&claimed);
}

static void in_the_queue_a_new_file_takes_the_place_of_the_old(void **state)
{
	static const size_t sizes[] = { 10, 60000, 64 << 10, 70000, 600000, 1100000 };
	struct world *w = *state;

	/* One of 60000 bytes grows out of memory. */
	for (size_t i = 0; i < COUNT(sizes); i++) {
		put_and_claim(w, sizes[i], "text of a line, Gr\xc3\xbc\xc3\x9f" "e\r\n", "\xc3\xbc",
			      "=C3=BC");
		/* Nothing to do: the file that was begun is kept. */
		put_and_claim(w, sizes[i], "text\r\n", "text", "text");
	}
}

static void for_a_server_the_queue_file_stays(void **state)
{
	static const size_t sizes[] = { 1000, 200000, 700000 };
	struct world *w = *state;
	struct buf text BUF_AUTO, out BUF_AUTO;

	buf_init(&text, 10000000);
	buf_init(&out, 50000000);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct queue_entry v;
		struct message_store store = in_queue(w, &v);
		struct message m;
		struct err e = { 0 };
		fill(&text, "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=UTF-8\r\n"
			    "Content-Transfer-Encoding: 8bit\r\n\r\n",
		     "it stays as long as it may: \xc3\xbc\r\n", sizes[i]);
		size_t count = times(&text, "\xc3\xbc");
		fill_entry(&v, 1);
		read_in(&m, buf_span(&text), &store);
		assert_true(message_store(&m, &store, &e));
		message_clear(&m);
		message_init(&m);
		message_from_queue(&m, &store.file, &v);
		assert_true(m.is_8bit);
		assert_true(mend_message(&m, false, NULL, &e));
		assert_true(m.file && m.is_8bit);
		assert_true(mend_message(&m, true, NULL, &e));
		assert_true(!m.file && !m.is_8bit);
		assert_int_equal(m.fd >= 0, sizes[i] > MESSAGE_MEMORY_MAX);
		all_of(&m, &out);
		assert_int_equal(times(&out, "=C3=BC"), count);
		assert_int_equal(times(&out, QP), 1);
		message_clear(&m);

		message_init(&m);
		message_from_queue(&m, &store.file, &v);
		all_of(&m, &out);
		assert_true(span_equal(buf_span(&text), buf_span(&out)));
		message_clear(&m);
		assert_true(queue_remove(w->q, &store.file, &e));
		queue_entry_clear(&v);
	}
}

static void what_must_not_be_changed_is_refused(void **state)
{
	static const size_t sizes[] = { 3000, 900000 };
	struct world *w = *state;
	struct buf text BUF_AUTO, out BUF_AUTO, line BUF_AUTO;

	buf_init(&text, 1000000);
	buf_init(&out, 1000000);
	buf_init(&line, 2000);
	fill(&line, "", "x", 1500);
	assert_true(buf_add_str(&line, "\r\n"));
	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct queue_entry v;
		struct message_store store = in_queue(w, &v);
		struct message m;
		struct err e = { 0 };
		fill(&text, "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n",
		     line.data, sizes[i]);
		fill_entry(&v, 1);
		read_in(&m, buf_span(&text), &store);
		char id[QUEUE_ID_MAX];
		memcpy(id, v.id, sizeof(id));
		assert_false(mend_message(&m, false, &store, &e));
		assert_int_equal(e.cause, CAUSE_DATA);
		assert_non_null(strstr(e.text, "signed"));
		assert_string_equal(v.id, id);
		assert_int_equal(files_in(w, "deferred"), sizes[i] > 100000);
		/* As before: it can still be stored. */
		assert_true(message_store(&m, &store, &e));
		all_of(&m, &out);
		assert_true(span_equal(buf_span(&text), buf_span(&out)));
		message_clear(&m);
		assert_true(queue_remove(w->q, &store.file, &e));
		queue_entry_clear(&v);
	}
}

/* The new file has no room: the message is not lost, and nothing of the new file stays. */
static void a_full_disk_leaves_the_old_message(void **state)
{
	struct world *w = *state;
	struct queue_entry v;
	struct message_store store = in_queue(w, &v);
	struct message m;
	struct rlimit old, small = { 950000, RLIM_INFINITY };
	struct buf text BUF_AUTO, out BUF_AUTO;
	struct err e = { 0 };

	buf_init(&text, 1000000);
	buf_init(&out, 1000000);
	/* It becomes a third larger. */
	fill(&text, "\r\n", "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\r\n", 900000);
	fill_entry(&v, 1);
	read_in(&m, buf_span(&text), &store);
	int descriptors = open_count();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	bool ok = mend_message(&m, false, &store, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_false(ok);
	assert_int_equal(e.cause, CAUSE_OS);
	assert_int_equal(open_count(), descriptors);
	assert_int_equal(files_in(w, "deferred"), 1);
	assert_true(there(w, "deferred", v.id));
	assert_true(message_store(&m, &store, &e));
	all_of(&m, &out);
	assert_true(span_equal(buf_span(&text), buf_span(&out)));
	message_clear(&m);
	queue_file_close(&store.file);
	queue_entry_clear(&v);
}

/* It grows out of memory, and incoming/ cannot be used: it can still be sent at once. */
static void without_a_place_in_the_queue_it_goes_to_an_unnamed_file(void **state)
{
	struct world *w = *state;
	struct queue_entry v;
	struct message_store store = in_queue(w, &v);
	struct message m;
	struct buf text BUF_AUTO, out BUF_AUTO;
	struct err e = { 0 };

	store.place = QUEUE_INCOMING;
	char *incoming MEM_AUTO = mem_printf("%s/incoming", w->path);
	write_file(incoming, "", 0);
	buf_init(&text, 100000);
	buf_init(&out, 200000);
	fill(&text, "\r\n", "many words, and Gr\xc3\xbc\xc3\x9f" "e\r\n", 60000);
	fill_entry(&v, 1);
	read_in(&m, buf_span(&text), &store);
	assert_true(mend_message(&m, false, &store, &e));
	assert_true(m.fd >= 0 && !m.store && !store.queue && store.file.fd < 0);
	assert_int_equal(store.why.cause, CAUSE_OS);
	all_of(&m, &out);
	assert_int_equal(times(&out, "=C3=BC"), times(&text, "\xc3\xbc"));
	message_clear(&m);
	queue_entry_clear(&v);
}

static void a_header_is_changed_only_when_it_must(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "" },
		{ "Subject: x\r\n", "Subject: x\r\n" },
		{ "Subject: \xc3\xa4\r\n", "Subject: =?UTF-8?B?w6Q=?=\r\n" },
		{ "Content-Type: text/plain\r\n", "MIME-Version: 1.0\r\nContent-Type: text/plain\r\n" },
		{ "content-type: a/b\r\nmime-version: 1.0\r\n",
		  "content-type: a/b\r\nmime-version: 1.0\r\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf header BUF_AUTO;
		struct err e;
		buf_init(&header, 1000);
		assert_true(buf_add_str(&header, rows[i].in));
		const char *before = header.data;
		assert_true(mend_header(&header, &e));
		assert_string_equal(header.data, rows[i].out);
		assert_int_equal(header.data == before, strcmp(rows[i].in, rows[i].out) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_in_memory_stays_there),
		cmocka_unit_test(a_body_without_a_queue_goes_to_another_unnamed_file),
		in_a_world(in_the_queue_a_new_file_takes_the_place_of_the_old),
		in_a_world(for_a_server_the_queue_file_stays),
		in_a_world(what_must_not_be_changed_is_refused),
		in_a_world(a_full_disk_leaves_the_old_message),
		in_a_world(without_a_place_in_the_queue_it_goes_to_an_unnamed_file),
		cmocka_unit_test(a_header_is_changed_only_when_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
