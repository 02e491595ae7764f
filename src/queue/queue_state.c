/* SPDX-License-Identifier: ISC */
/*
 * queue_state: the state files: read, replaced, and collected when their message is gone.
 * Who holds the lock of a message's file owns its state file too.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "queue/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What becomes the state file; with the dot it can be no ID. */
#define NEW_SUFFIX ".new"
enum { NEW_NAME_MAX = QUEUE_ID_MAX + sizeof(NEW_SUFFIX) };

/* How long a state may be without a message before it is collected. */
enum { SWEEP_AGE = 3600 };

/* -- read ------------------------------------------------------------------------------ */

/*
 * Most state files are smaller than q->first and need one read: *ret is there then, else in
 * `more`.  *is_damaged: what is there is no state file.
 */
static bool read_state(struct queue *q, int fd, bool is_claimed, struct buf *more,
		       struct span *ret, bool *is_damaged, struct err *e)
{
	struct stat st;

	if (is_claimed) {
		if (fstat(fd, &st) != 0) {
			return err_errno(e, CAUSE_OS, "cannot look at it");
		}
		if (!folder_owns(q, &st)) {
			*is_damaged = true;
			err_set(e, CAUSE_DATA, "it is not a file of this queue's owner");
			return true;
		}
	}
	ssize_t n = fs_read(fd, q->first, sizeof(q->first));
	if (n < 0 && (errno == EISDIR || errno == EAGAIN || errno == EINVAL)) {
		*is_damaged = true;
		err_errno(e, CAUSE_DATA, "cannot read it");
		return true;
	}
	if (n < 0) {
		return err_errno(e, CAUSE_OS, "cannot read it");
	}
	*ret = span_of(q->first, (size_t)n);
	if ((size_t)n < sizeof(q->first)) {
		return true;
	}
	bool ok = buf_add_span(more, *ret);
	BUG_ON(!ok);
	ok = fs_read_all(fd, more, e);
	*ret = buf_span(more);
	*is_damaged = !ok && e->cause == CAUSE_DATA;
	return ok || *is_damaged;
}

bool queue_load_state(struct queue *q, struct queue_entry *v, bool is_claimed, struct err *e)
{
	int folder;
	bool is_damaged = false, ok = true;
	struct span text = span_of(NULL, 0);
	struct buf more BUF_AUTO;

	buf_init(&more, QUEUE_STATE_MAX);
	if (!folder_get(q, FOLDER_STATE, false, &folder, e)) {
		return false;
	}
	if (folder < 0) {
		return true;
	}
	int fd FS_AUTO = folder_open_file(folder, v->id);
	if (fd < 0 && errno == ENOENT) {
		return true;
	}
	if (fd < 0) {
		is_damaged = errno == ELOOP || errno == ENXIO || errno == EACCES;
		ok = is_damaged;
		err_errno(e, is_damaged ? CAUSE_DATA : CAUSE_OS, "cannot open it");
	}
	ok = ok && (is_damaged || read_state(q, fd, is_claimed, &more, &text, &is_damaged, e));
	if (ok && !is_damaged) {
		is_damaged = !queue_state_parse(v, text, e);
	}
	if (!ok || is_damaged) {
		err_ctx(e, "%s/%s/%s", q->path, folder_name(FOLDER_STATE), v->id);
	}
	if (ok && is_damaged) {
		v->is_state_lost = true;
		if (is_claimed) {
			char name[QUEUE_ID_MAX + 8];
			struct err ignored;
			snprintf(name, sizeof(name), "%s.state", v->id);
			/* If that fails too, the message still goes on: the next save
			 * takes the damaged file's place. */
			bool is_aside = folder_set_aside(q, FOLDER_STATE, v->id, name, &ignored);
			(void)is_aside;
		}
	}
	return ok;
}

/* -- write ----------------------------------------------------------------------------- */

/* Is there something in it that a later crash must not forget? */
static bool has_outcomes(const struct queue_entry *v)
{
	for (size_t i = 0; i < v->rcpt_count; i++) {
		if (v->rcpts[i].status != QUEUE_WAITING || v->rcpts[i].maybe_sent) {
			return true;
		}
	}
	return v->is_warned;
}

/* Made anew: what a killed process has left there is removed; also what a stranger has. */
static int make_new(struct queue *q, int folder, const char *name)
{
	const int flags = O_CREAT | O_EXCL | O_WRONLY | FILE_FLAGS;
	int fd = openat(folder, name, flags, 0600);
	struct err ignored;

	if (fd < 0 && errno == EEXIST &&
	    (unlinkat(folder, name, 0) == 0 ||
	     folder_set_aside(q, FOLDER_STATE, name, name, &ignored))) {
		fd = openat(folder, name, flags, 0600);
	}
	return fd;
}

static bool sync_file(int fd)
{
	int result;

	do {
		result = fsync(fd);
	} while (result != 0 && errno == EINTR);
	return result == 0;
}

/*
 * The rename may reach the disk before the bytes do.  A file that only says when to try again
 * may be lost by that; one with outcomes takes the place of another with outcomes, so its
 * bytes go first.
 */
bool queue_save(struct queue *q, struct queue_entry *v, bool must_last, struct err *e)
{
	int folder;
	char name[NEW_NAME_MAX];
	struct buf text BUF_AUTO;

	buf_init(&text, QUEUE_STATE_MAX);
	if (!queue_state_write(v, &text, e) || !folder_get(q, FOLDER_STATE, true, &folder, e)) {
		return false;
	}
	snprintf(name, sizeof(name), "%s" NEW_SUFFIX, v->id);
	int fd FS_AUTO = make_new(q, folder, name);
	bool ok = fd >= 0 && fs_write_all(fd, text.data, text.size) &&
		  ((!must_last && !has_outcomes(v)) || sync_file(fd)) &&
		  renameat(folder, name, folder, v->id) == 0;
	if (!ok) {
		err_errno(e, CAUSE_OS, "cannot write %s/%s/%s", q->path,
			  folder_name(FOLDER_STATE), v->id);
		if (fd >= 0) {
			unlinkat(folder, name, 0);
		}
		return false;
	}
	v->has_state = q->has_saved = true;
	if (must_last && !folder_sync(folder)) {
		return err_errno(e, CAUSE_OS, "cannot keep %s/%s/%s on disk", q->path,
				 folder_name(FOLDER_STATE), v->id);
	}
	return true;
}

/* -- collect --------------------------------------------------------------------------- */

static bool has_message(struct queue *q, const char *id)
{
	/* The most likely place first. */
	static const enum queue_place places[] = { QUEUE_DEFERRED, QUEUE_INCOMING, QUEUE_HOLD,
						   QUEUE_FAILED, QUEUE_CORRUPT };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int folder;
		struct stat st;
		struct err ignored;
		if (!folder_get(q, places[i], false, &folder, &ignored)) {
			return true;	/* not known: not gone */
		}
		if (folder >= 0 && (fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
				    errno != ENOENT)) {
			return true;
		}
	}
	return false;
}

struct sweep {
	struct queue *q;
	int folder;
	int64_t now;
};

static bool sweep_one(void *data, const struct dirent *entry)
{
	struct sweep *s = data;
	char id[QUEUE_ID_MAX];
	struct span name = span_str(entry->d_name), part = span_first(name, QUEUE_ID_MAX - 1);
	struct span suffix = span_from(name, part.size);

	if (!queue_id_is(part) ||
	    (suffix.size > 0 && !span_equal(suffix, span_str(NEW_SUFFIX)))) {
		return true;
	}
	memcpy(id, part.data, part.size);
	id[part.size] = '\0';
	if (queue_id_time(id) >= s->now - SWEEP_AGE) {
		return true;
	}
	/* Twice: it may have been moved from a place not yet seen to one that was. */
	if (!has_message(s->q, id) && !has_message(s->q, id)) {
		unlinkat(s->folder, entry->d_name, 0);
	}
	return true;
}

void queue_sweep(struct queue *q, int64_t now)
{
	struct sweep s = { .q = q, .now = now };
	struct err ignored;

	if (!folder_get(q, FOLDER_STATE, false, &s.folder, &ignored) || s.folder < 0 ||
	    !folder_each(q, FOLDER_STATE, sweep_one, &s, &ignored)) {
		return;	/* nothing to collect, or another time */
	}
}
