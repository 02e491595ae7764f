/* SPDX-License-Identifier: ISC */
/*
 * queue_look: for a person who looks into the queue: a message is opened without its lock,
 * and what was set aside is removed.
 */
#include "base/fs.h"
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum queue_claim queue_look(struct queue *q, enum queue_place place, const char *id,
			    struct queue_file *f, struct queue_entry *v, struct err *e)
{
	int folder;

	queue_file_init(f);
	queue_entry_init(v);
	if (!queue_id_is(span_str(id))) {
		return QUEUE_GONE;
	}
	memcpy(f->id, id, sizeof(f->id));
	f->place = place;
	if (!folder_get(q, place, false, &folder, e)) {
		return QUEUE_ERROR;
	}
	/* Opened before it is read: an ID is never used twice, so both are the same file. */
	f->fd = folder < 0 ? -1 : folder_open_file(folder, id);
	enum queue_claim seen = f->fd < 0 && errno == ENOENT ? QUEUE_GONE
							      : queue_peek(q, place, id, v, e);
	if (seen == QUEUE_CLAIMED && f->fd < 0) {
		seen = QUEUE_GONE;
	}
	if (seen != QUEUE_CLAIMED) {
		queue_file_close(f);
	}
	return seen;
}

bool queue_discard(struct queue *q, const char *id, struct err *e)
{
	int corrupt, states;
	struct err ignored;
	char state[QUEUE_ID_MAX + 8];

	if (!folder_get(q, QUEUE_CORRUPT, true, &corrupt, e)) {
		return false;
	}
	if (unlinkat(corrupt, id, 0) != 0) {
		return err_errno(e, CAUSE_OS, "cannot remove %s/%s/%s", q->path,
				 folder_name(QUEUE_CORRUPT), id);
	}
	/* Without their message they do no harm. */
	snprintf(state, sizeof(state), "%s.state", id);
	unlinkat(corrupt, state, 0);
	if (folder_get(q, FOLDER_STATE, false, &states, &ignored) && states >= 0) {
		unlinkat(states, id, 0);
	}
	return true;
}
