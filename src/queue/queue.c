/* SPDX-License-Identifier: ISC */
/*
 * queue: the life of a message's file: claim, read, move, remove.  Putting is in queue_put.c,
 * the state file in queue_state.c, lists in queue_list.c, the folders in folder.c.
 *
 * What a crash can leave, and what the next claim of it does (relay-queue(7) has the whole
 * table).  "Process": the process is killed at this instant; its lock ends with it.
 * "Machine": also the power fails, so that only what was fsynced is sure.
 *
 *	on disk						next claim
 *	an empty file					removed: nothing was promised
 *	first line "writing"				removed: nothing was promised
 *	"complete", the file cut (a killed write(2))	set aside to corrupt/: the same
 *	"complete", whole, never fsynced (a direct	tried: the sender was told nothing, or
 *	  send that was killed)				  a failure; sent is better than lost
 *	"complete", whole, fsynced			tried: this was promised
 *	fsynced, an attempt was under way		tried again; a recipient whose 250 had
 *							  come and was not saved gets it twice
 *	state/ID.new					the state before it counts; replaced by
 *							  the next save, removed by queue_sweep
 *	state/ID cut or damaged				set aside to corrupt/ID.state, tried
 *	renamed to another place			there, or still here: never in neither
 *	message removed, state/ID left			removed by queue_sweep
 *	machine: removed, not yet on disk		may be back, with its last state: tried
 *							  again; recipients may get it twice
 */
#include "queue/queue.h"
#include "base/fs.h"
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* What a claim reads at first: head and message of most mail. */
#define START_MOST ((size_t)64 << 10)

/* What queue_read asks for at once. */
#define WINDOW_MOST ((size_t)512 << 10)

void queue_file_init(struct queue_file *f)
{
	*f = (struct queue_file){ .fd = -1 };
	buf_init(&f->start, QUEUE_HEAD_MAX + WINDOW_MOST);
}

void queue_file_close(struct queue_file *f)
{
	folder_unlock(&f->fd);
	buf_clear(&f->start);
}

/* -- claim ----------------------------------------------------------------------------- */

/* Reads from the start of the file until the head is whole; size is the file's. */
static bool read_head(struct queue_file *f, unsigned long long size, struct queue_entry *v,
		      enum queue_parsed *ret, struct err *e)
{
	struct buf *b = &f->start;

	for (size_t want = START_MOST;; want *= 2) {
		want = want > size ? (size_t)size : want;
		want = want > QUEUE_HEAD_MAX ? QUEUE_HEAD_MAX : want;
		while (b->size < want) {
			char *to = buf_room(b, want - b->size);
			BUG_ON(!to);
			ssize_t n = fs_pread(f->fd, to, want - b->size, (off_t)b->size);
			if (n < 0) {
				return err_errno(e, CAUSE_OS, "cannot read it");
			}
			if (n == 0) {
				break;	/* it has been cut in this moment */
			}
			buf_grew(b, (size_t)n);
		}
		*ret = queue_head_parse(v, buf_span(b), e);
		if (*ret != QUEUE_CUT || b->size < want || want == size ||
		    want == QUEUE_HEAD_MAX) {
			return true;
		}
	}
}

/* The whole judgement of a file that is locked by us.  False: it could not be read. */
static bool judge(struct queue *q, struct queue_file *f, const struct stat *st,
		  struct queue_entry *v, enum queue_claim *ret, struct err *e)
{
	enum queue_parsed parsed = QUEUE_CUT;

	*ret = QUEUE_SET_ASIDE;
	if (!folder_owns(q, st)) {
		err_set(e, CAUSE_DATA, "it is not a file of this queue's owner");
		return true;
	}
	if (st->st_size == 0) {
		*ret = QUEUE_UNFINISHED;
		return true;
	}
	unsigned long long size = (unsigned long long)st->st_size;
	if (!read_head(f, size, v, &parsed, e)) {
		return false;
	}
	if (parsed == QUEUE_CUT) {
		err_set(e, CAUSE_DATA, "its head is cut, or has no end");
	} else if (parsed == QUEUE_PARSED && v->message_at + v->size != size) {
		err_set(e, CAUSE_DATA, "it has %llu bytes where its head says %llu", size,
			v->message_at + v->size);
	} else if (parsed != QUEUE_DAMAGED) {
		*ret = parsed == QUEUE_PARSED ? QUEUE_CLAIMED : QUEUE_UNFINISHED;
	}
	return true;
}

/* Opens and locks what has the name now. */
static enum queue_claim open_locked(int folder, struct queue_file *f, struct stat *st,
				    struct err *e)
{
	struct stat named;

	f->fd = openat(folder, f->id, O_RDWR | FILE_FLAGS);
	if (f->fd < 0) {
		bool is_foreign = errno == ELOOP || errno == EISDIR || errno == ENXIO ||
				  errno == EACCES || errno == EPERM;
		bool is_gone = errno == ENOENT;
		err_errno(e, is_foreign ? CAUSE_DATA : CAUSE_OS, "cannot open it");
		return is_gone ? QUEUE_GONE : is_foreign ? QUEUE_SET_ASIDE : QUEUE_ERROR;
	}
	if (!folder_lock(f->fd)) {
		if (errno == EWOULDBLOCK) {
			return QUEUE_BUSY;
		}
		err_errno(e, CAUSE_OS, "cannot lock it");
		return QUEUE_ERROR;
	}
	/* Only now: before the lock it could still be written, moved or removed. */
	if (fstat(f->fd, st) != 0) {
		err_errno(e, CAUSE_OS, "cannot look at it");
		return QUEUE_ERROR;
	}
	if (fstatat(folder, f->id, &named, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT) {
			return QUEUE_GONE;
		}
		err_errno(e, CAUSE_OS, "cannot look at it");
		return QUEUE_ERROR;
	}
	if (named.st_ino != st->st_ino || named.st_dev != st->st_dev || st->st_nlink == 0) {
		return QUEUE_GONE;
	}
	return QUEUE_CLAIMED;
}

static enum queue_claim claim(struct queue *q, int folder, struct queue_file *f,
			      struct queue_entry *v, struct err *e)
{
	struct stat st;
	struct err why = { 0 };
	enum queue_claim result = open_locked(folder, f, &st, &why);

	if (result == QUEUE_CLAIMED && !judge(q, f, &st, v, &result, &why)) {
		result = QUEUE_ERROR;
	}
	switch (result) {
	case QUEUE_CLAIMED:
		if (queue_load_state(q, v, true, e)) {
			f->has_state = v->has_state;
			/* What is in these places was fsynced before it came there, or
			 * was not promised to anybody. */
			f->is_synced = f->place == QUEUE_DEFERRED || f->place == QUEUE_HOLD ||
				       f->place == QUEUE_FAILED;
			return QUEUE_CLAIMED;
		}
		return QUEUE_ERROR;
	case QUEUE_UNFINISHED:
		unlinkat(folder, f->id, 0);
		return QUEUE_UNFINISHED;
	case QUEUE_SET_ASIDE:
		if (!folder_set_aside(q, f->place, f->id, f->id, e)) {
			return QUEUE_ERROR;
		}
		break;
	case QUEUE_ERROR:
	case QUEUE_BUSY:
	case QUEUE_GONE:
		break;
	}
	*e = why;
	if (result == QUEUE_ERROR || result == QUEUE_SET_ASIDE) {
		err_ctx(e, "%s/%s/%s", q->path, folder_name(f->place), f->id);
	}
	return result;
}

enum queue_claim queue_claim(struct queue *q, enum queue_place place, const char *id,
			     struct queue_file *f, struct queue_entry *v, struct err *e)
{
	int folder;

	queue_file_init(f);
	queue_entry_init(v);
	if (!queue_id_is(span_str(id))) {
		return QUEUE_GONE;
	}
	memcpy(f->id, id, sizeof(f->id));
	memcpy(v->id, id, sizeof(v->id));
	f->place = place;
	if (!folder_get(q, place, false, &folder, e)) {
		return QUEUE_ERROR;
	}
	enum queue_claim result = folder < 0 ? QUEUE_GONE : claim(q, folder, f, v, e);
	if (result != QUEUE_CLAIMED) {
		queue_file_close(f);
		queue_entry_clear(v);
		memcpy(v->id, f->id, sizeof(v->id));
	}
	return result;
}

/* -- a file that is ours --------------------------------------------------------------- */

bool queue_read(const struct queue_file *f, const struct queue_entry *v,
		unsigned long long offset, size_t max, struct buf *window, struct span *ret,
		struct err *e)
{
	BUG_ON(offset >= v->size || max == 0);
	unsigned long long at = v->message_at + offset, left = v->size - offset;
	size_t want = left < max ? (size_t)left : max;

	if (at < f->start.size) {
		*ret = span_first(span_from(buf_span(&f->start), (size_t)at), want);
		return true;
	}
	want = want > WINDOW_MOST ? WINDOW_MOST : want;
	want = want > window->max ? window->max : want;
	buf_reset(window);
	char *to = buf_room(window, want);
	BUG_ON(!to || want == 0);
	ssize_t n = fs_pread(f->fd, to, want, (off_t)at);
	if (n < 0) {
		return err_errno(e, CAUSE_OS, "cannot read the queue file %s/%s",
				 queue_place_name(f->place), f->id);
	}
	if (n == 0) {
		return err_set(e, CAUSE_OS, "the queue file %s/%s was cut while it was read",
			       queue_place_name(f->place), f->id);
	}
	buf_grew(window, (size_t)n);
	*ret = buf_span(window);
	return true;
}

static bool sync_file(struct queue_file *f)
{
	int result;

	do {
		result = fsync(f->fd);
	} while (result != 0 && errno == EINTR);
	f->is_synced = result == 0;
	return f->is_synced;
}

static bool cannot_keep(const struct queue *q, const struct queue_file *f, struct err *e)
{
	return err_errno(e, CAUSE_OS, "cannot keep %s/%s/%s on disk", q->path,
			 folder_name(f->place), f->id);
}

bool queue_sync(struct queue *q, struct queue_file *f, struct err *e)
{
	int folder;

	if (!folder_get(q, f->place, true, &folder, e)) {
		return false;
	}
	return (sync_file(f) && folder_sync(folder)) || cannot_keep(q, f, e);
}

bool queue_move(struct queue *q, struct queue_file *f, enum queue_place place, struct err *e)
{
	int from, to;

	if (place == f->place) {
		return true;
	}
	if (!folder_get(q, f->place, true, &from, e) || !folder_get(q, place, true, &to, e)) {
		return false;
	}
	if (!f->is_synced && !sync_file(f)) {
		return cannot_keep(q, f, e);
	}
	if (renameat(from, f->id, to, f->id) != 0) {
		return err_errno(e, CAUSE_OS, "cannot move %s/%s/%s to %s", q->path,
				 folder_name(f->place), f->id, folder_name(place));
	}
	f->place = place;
	return folder_sync(to) || cannot_keep(q, f, e);
}

void queue_sync_descriptors(const struct queue *q, const struct queue_file *f, int ret_fds[2])
{
	ret_fds[0] = f->fd;
	ret_fds[1] = f->fd >= 0 ? q->folders[f->place] : -1;
}

/* An empty file is as good as none: the next claim removes it. */
static bool unlink_or_empty(struct queue *q, const struct queue_file *f, struct err *e)
{
	int folder;

	if (!folder_get(q, f->place, false, &folder, e)) {
		return false;
	}
	if (folder < 0 || unlinkat(folder, f->id, 0) == 0 || errno == ENOENT) {
		return true;
	}
	err_errno(e, CAUSE_OS, "cannot remove %s/%s/%s", q->path, folder_name(f->place), f->id);
	return ftruncate(f->fd, 0) == 0;
}

bool queue_remove(struct queue *q, struct queue_file *f, struct err *e)
{
	int states;
	struct err ignored;

	if (f->fd < 0) {
		return true;
	}
	if (!unlink_or_empty(q, f, e)) {
		return false;
	}
	/*
	 * The state last: without its message it does no harm.  One that was saved since the
	 * claim is not known here, so a process that saves always looks.
	 */
	if ((f->has_state || q->has_saved) &&
	    folder_get(q, FOLDER_STATE, false, &states, &ignored) && states >= 0) {
		unlinkat(states, f->id, 0);
	}
	fs_close(&f->fd);	/* whoever has its lock has nothing */
	queue_file_close(f);
	return true;
}
