/* SPDX-License-Identifier: ISC */
/*
 * owned: how much a user has in the queue.  To look into every file costs the more, the more
 * mail of others waits, so it is done seldom: a record, users/UID, has what was counted, and
 * what has been put since.  Mail that leaves is not taken off: the record may say too much,
 * and then it is counted again.  It says too little by the reports about his mail, by what was
 * on its way in while it was counted, and after a power failure: until it is counted again.
 *
 * The record is locked while it is read, counted and written.  One that is missing, damaged
 * or cannot be had is as good as none.
 */
#include "base/fs.h"
#include "base/text.h"
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line of a message file, and the second with the longest uid. */
enum { READ_SIZE = 64 + 5 + 10 + 1 };

/* What is counted again at most once a second for so many files. */
enum { FILES_A_SECOND = 5000 };

/* -- counted --------------------------------------------------------------------------- */

/* The uid in the file, or -1: none, or it cannot be read. */
static int64_t uid_in(int fd)
{
	const size_t lead = strlen(QUEUE_UID_LINE);
	char text[READ_SIZE];
	unsigned long long uid;

	ssize_t n = fd < 0 ? -1 : fs_pread(fd, text, sizeof(text), 0);
	if (n < (ssize_t)(QUEUE_FIRST_LINE + lead)) {
		return -1;
	}
	struct span line = span_from(span_of(text, (size_t)n), QUEUE_FIRST_LINE);
	const char *end = memchr(line.data, '\n', line.size);
	if (memcmp(line.data, QUEUE_UID_LINE, lead) != 0 || !end) {
		return -1;
	}
	struct span digits = span_of(line.data + lead, (size_t)(end - line.data) - lead);
	return text_unsigned(digits, QUEUE_UID_MAX, &uid) ? (int64_t)uid : -1;
}

static const enum queue_place places[] = { QUEUE_INCOMING, QUEUE_DEFERRED, QUEUE_HOLD,
					   QUEUE_FAILED };
enum { PLACES = sizeof(places) / sizeof(places[0]) };

/* The share, when it was counted, and how many files were looked into for that. */
struct record {
	struct queue_share share;
	unsigned long long counted_at, files;
};

/* Whose messages are counted; the first of them names the record. */
struct owners {
	const struct queue_uids *uids;
	size_t count;
};

static bool has_uid(const struct owners *o, int64_t uid)
{
	for (size_t i = 0; i < o->count; i++) {
		if (uid >= o->uids[i].first && uid <= o->uids[i].last) {
			return true;
		}
	}
	return false;
}

static void look(int folder, const char *id, const struct owners *o, struct record *r)
{
	int fd FS_AUTO = folder_open_file(folder, id);
	struct stat st;

	r->files++;
	if (has_uid(o, uid_in(fd))) {
		r->share.messages++;
		r->share.bytes += fd >= 0 && fstat(fd, &st) == 0
					  ? (unsigned long long)st.st_size
					  : 0;
	}
}

static bool count(struct queue *q, const struct owners *o, struct record *ret, struct err *e)
{
	*ret = (struct record){ 0 };
	for (size_t p = 0; p < PLACES; p++) {
		struct queue_names names = { 0 };
		int folder = -1;
		bool ok = queue_list(q, places[p], &names, e) &&
			  folder_get(q, places[p], false, &folder, e);
		for (size_t i = 0; ok && folder >= 0 && i < names.count; i++) {
			look(folder, names.at[i].id, o, ret);
		}
		queue_names_clear(&names);
		if (!ok) {
			return false;
		}
	}
	return true;
}

/* -- on record ------------------------------------------------------------------------- */

#define RECORD_MAGIC "relay-user 1"

/* Of fixed size, so that one write takes the place of all that was there. */
static const struct {
	const char *name;
	int digits;
} numbers[] = { { " messages=", 20 }, { " bytes=", 20 }, { " counted=", 12 },
		{ " files=", 20 } };

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]), RECORD_MAX = 160 };

/* Open and locked; -1: it cannot be had. */
static int open_record(struct queue *q, int64_t uid)
{
	int folder, result;
	char name[24] = "unknown";
	struct err ignored;

	if (uid >= 0) {
		snprintf(name, sizeof(name), "%lld", (long long)uid);
	}
	if (!folder_get(q, FOLDER_USERS, true, &folder, &ignored)) {
		return -1;
	}
	int fd = openat(folder, name, O_CREAT | O_RDWR | FILE_FLAGS, 0600);
	/* Waited for: who has it counts for us too. */
	do {
		result = fd < 0 ? 0 : flock(fd, LOCK_EX);
	} while (result != 0 && errno == EINTR);
	if (result != 0) {
		fs_close(&fd);
	}
	return fd;
}

static bool take_number(struct span *text, const char *name, int digits,
			unsigned long long *ret)
{
	struct span lead = span_first(*text, strlen(name));
	struct span number = span_first(span_from(*text, lead.size), (size_t)digits);

	*text = span_from(*text, lead.size + number.size);
	return span_equal(lead, span_str(name)) && text_unsigned(number, ULLONG_MAX, ret);
}

static bool read_record(int fd, struct record *r)
{
	char text[RECORD_MAX];
	unsigned long long *const values[NUMBERS] = { &r->share.messages, &r->share.bytes,
						      &r->counted_at, &r->files };

	ssize_t n = fd < 0 ? -1 : fs_pread(fd, text, sizeof(text), 0);
	struct span rest = span_of(text, n < 0 ? 0 : (size_t)n);
	bool ok = span_equal(span_first(rest, strlen(RECORD_MAGIC)), span_str(RECORD_MAGIC));
	rest = span_from(rest, strlen(RECORD_MAGIC));
	for (size_t i = 0; ok && i < NUMBERS; i++) {
		ok = take_number(&rest, numbers[i].name, numbers[i].digits, values[i]);
	}
	return ok && span_equal(rest, span_str("\n"));
}

/* One that cannot be written says nothing. */
static void write_record(int fd, const struct record *r)
{
	char text[RECORD_MAX] = RECORD_MAGIC;
	const unsigned long long values[NUMBERS] = { r->share.messages, r->share.bytes,
						     r->counted_at, r->files };
	size_t at = strlen(text);

	for (size_t i = 0; i < NUMBERS; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%0*llu", numbers[i].name,
				       numbers[i].digits, values[i]);
	}
	text[at++] = '\n';
	if (fd >= 0 && pwrite(fd, text, at, 0) != (ssize_t)at && ftruncate(fd, 0) != 0) {
		return;	/* what it said before was counted: it is not far off */
	}
}

/* A clock that was set back makes nothing young. */
static bool is_young(const struct record *r, int64_t now)
{
	return now >= 0 && (unsigned long long)now >= r->counted_at &&
	       (unsigned long long)now - r->counted_at < r->files / FILES_A_SECOND;
}

bool queue_share(struct queue *q, const struct queue_uids *uids, size_t uid_count,
		 const struct queue_share *may, int64_t now, struct queue_share *ret,
		 struct err *e)
{
	const struct owners owners = { uids, uid_count };
	struct record r;
	int fd FS_AUTO = open_record(q, uids[0].first);
	bool is_known = read_record(fd, &r);
	bool is_within = is_known && r.share.messages <= may->messages &&
			 r.share.bytes <= may->bytes;

	if (!is_within && !(is_known && is_young(&r, now))) {
		if (!count(q, &owners, &r, e)) {
			return false;
		}
		r.counted_at = now < 0 ? 0 : (unsigned long long)now;
		/* A damaged one may be longer. */
		if (fd >= 0 && !is_known && ftruncate(fd, 0) != 0) {
			fs_close(&fd);
		}
		write_record(fd, &r);
	}
	*ret = r.share;
	return true;
}

void queue_share_add(struct queue *q, int64_t uid, unsigned long long bytes)
{
	struct record r;
	int fd FS_AUTO = open_record(q, uid);

	if (read_record(fd, &r)) {
		r.share.messages++;
		r.share.bytes = r.share.bytes + bytes < bytes ? ULLONG_MAX
							       : r.share.bytes + bytes;
		write_record(fd, &r);
	}
}
