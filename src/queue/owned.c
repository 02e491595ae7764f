/* SPDX-License-Identifier: ISC */
/*
 * owned: whose the messages in the queue are, without reading more of each than its first
 * lines: a user's limit must not become a load on the machine.
 */
#include "base/fs.h"
#include "base/text.h"
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The first line, and the second with the longest uid. */
enum { READ_SIZE = 64 + 5 + 10 + 1 };

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

/* What a user has; no more is counted than is asked for. */
struct share {
	size_t count, max;
	unsigned long long bytes;
};

static void look(int folder, const char *id, int64_t uid, struct share *share)
{
	int fd FS_AUTO = openat(folder, id, O_RDONLY | FILE_FLAGS);
	struct stat st;

	if (uid_in(fd) == uid) {
		share->count++;
		share->bytes += fd >= 0 && fstat(fd, &st) == 0 ? (unsigned long long)st.st_size
							       : 0;
	}
}

/* least: with fewer messages of all users there is nothing to look for. */
static bool add_up(struct queue *q, int64_t uid, size_t least, struct share *share,
		   struct err *e)
{
	struct queue_names names[PLACES] = { 0 };
	size_t all = 0;
	bool ok = true;

	for (size_t p = 0; ok && p < PLACES; p++) {
		ok = queue_list(q, places[p], &names[p], e);
		all += names[p].count;
	}
	for (size_t p = 0; ok && all >= least && p < PLACES; p++) {
		int folder = -1;
		ok = folder_get(q, places[p], false, &folder, e);
		for (size_t i = 0; ok && folder >= 0 && i < names[p].count; i++) {
			if (share->count < share->max) {
				look(folder, names[p].at[i].id, uid, share);
			}
		}
	}
	for (size_t p = 0; p < PLACES; p++) {
		queue_names_clear(&names[p]);
	}
	return ok;
}

bool queue_has_room(struct queue *q, int64_t uid, size_t max, bool *ret, struct err *e)
{
	struct share share = { .max = max };
	bool ok = add_up(q, uid, max, &share, e);

	*ret = share.count < max;
	return ok;
}

bool queue_used(struct queue *q, int64_t uid, unsigned long long *ret_bytes, struct err *e)
{
	struct share share = { .max = SIZE_MAX };
	bool ok = add_up(q, uid, 0, &share, e);

	*ret_bytes = share.bytes;
	return ok;
}
