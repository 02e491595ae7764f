/* SPDX-License-Identifier: ISC */
/*
 * queue_put: a message's file is made.  The name is its own from the beginning: no temporary
 * name, no rename.  Until it is complete its first line says "writing", or it is empty, and
 * whoever can lock such a file knows that its writer is dead, and removes it.
 */
#include "base/clock.h"
#include "base/fs.h"
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* What is gathered before it is written. */
#define GATHER_MOST ((size_t)512 << 10)

enum { ID_TRIES = 100 };

/*
 * A new file that we have locked, in f.  Between its making and our lock somebody who looks
 * through the folder may have locked it, found it empty and removed it: then the next name.
 */
static bool make_file(int folder, struct queue_file *f, struct err *e)
{
	struct stat st;

	for (int i = 0; i < ID_TRIES; i++) {
		uint32_t random;
		clock_random(&random, sizeof(random));
		queue_id_make(f->id, clock_us(), random);
		f->fd = openat(folder, f->id, O_CREAT | O_EXCL | O_RDWR | FILE_FLAGS, 0600);
		if (f->fd < 0 && errno == EEXIST) {
			continue;
		}
		if (f->fd < 0) {
			return err_errno(e, CAUSE_OS, "cannot make a file");
		}
		bool is_locked = folder_lock(f->fd);
		if (is_locked && fstat(f->fd, &st) == 0 && st.st_nlink > 0) {
			return true;
		}
		if (!is_locked && errno != EWOULDBLOCK) {
			err_errno(e, CAUSE_OS, "cannot lock %s", f->id);
			unlinkat(folder, f->id, 0);
			fs_close(&f->fd);
			return false;
		}
		/* It is nobody's: who has the lock will do the same. */
		unlinkat(folder, f->id, 0);
		fs_close(&f->fd);
	}
	return err_set(e, CAUSE_OS, "no file can be kept there");
}

bool queue_put_begin(struct queue *q, enum queue_place place, struct queue_entry *v,
		     struct queue_file *f, struct err *e)
{
	int folder;

	queue_file_init(f);
	f->place = place;
	f->queue = q->path;
	v->is_complete = false;
	v->size = 0;
	if (!queue_head_write(v, &f->start, e) || !folder_get(q, place, true, &folder, e)) {
		queue_file_close(f);
		return false;
	}
	v->message_at = f->start.size;
	v->since = v->arrival;
	if (!make_file(folder, f, e)) {
		queue_file_close(f);
		return err_ctx(e, "%s/%s", q->path, folder_name(place));
	}
	memcpy(v->id, f->id, sizeof(v->id));
	return true;
}

static bool cannot_write(const struct queue_file *f, struct err *e)
{
	return err_errno(e, CAUSE_OS, "cannot write %s/%s/%s", f->queue,
			 queue_place_name(f->place), f->id);
}

bool queue_put_flush(struct queue_file *f, struct err *e)
{
	if (!fs_write_all(f->fd, f->start.data, f->start.size)) {
		return cannot_write(f, e);
	}
	f->written += f->start.size;
	buf_reset(&f->start);
	return true;
}

bool queue_put(struct queue_file *f, struct span bytes, struct err *e)
{
	while (bytes.size > 0) {
		if (f->start.size >= GATHER_MOST && !queue_put_flush(f, e)) {
			return false;
		}
		struct span part = span_first(bytes, GATHER_MOST - f->start.size);
		bool ok = buf_add_span(&f->start, part);
		BUG_ON(!ok);
		bytes = span_from(bytes, part.size);
	}
	return true;
}

/* The second and last time that bytes of the file are written. */
static bool write_first_line(struct queue_file *f, const char *line, struct err *e)
{
	for (size_t at = 0; at < QUEUE_FIRST_LINE;) {
		ssize_t n = pwrite(f->fd, line + at, QUEUE_FIRST_LINE - at, (off_t)at);
		if (n < 0 && errno != EINTR) {
			return cannot_write(f, e);
		}
		at += n > 0 ? (size_t)n : 0;
	}
	return true;
}

bool queue_put_end(struct queue_file *f, struct queue_entry *v, struct err *e)
{
	char line[QUEUE_FIRST_LINE + 1];

	BUG_ON(f->written + f->start.size != v->message_at + v->size);
	v->is_complete = true;
	queue_first_line(v, line);
	if (f->written > 0) {
		if (queue_put_flush(f, e) && write_first_line(f, line, e)) {
			return true;
		}
		v->is_complete = false;
		return false;
	}
	memcpy(f->start.data, line, QUEUE_FIRST_LINE);
	/* Not by queue_put_flush: the bytes stay, for queue_read. */
	if (!fs_write_all(f->fd, f->start.data, f->start.size)) {
		v->is_complete = false;
		return cannot_write(f, e);
	}
	f->written = f->start.size;
	return true;
}
