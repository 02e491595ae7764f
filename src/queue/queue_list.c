/* SPDX-License-Identifier: ISC */
/*
 * queue_list: what is in the queue, for people and for a queue run; cheap with 50,000
 * messages: 24 bytes of memory a name, and three system calls a file to look into it.
 */
#include "base/fs.h"
#include "base/mem.h"
#include "queue/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

/* -- names ----------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, QUEUE_ID_MAX);
}

static void add(struct queue_names *names, const char *id, uint64_t inode)
{
	if (names->count == names->room) {
		names->room = names->room ? names->room * 2 : 64;
		names->at = mem_resize(names->at, names->room, sizeof(names->at[0]));
	}
	struct queue_name *name = &names->at[names->count++];
	*name = (struct queue_name){ .inode = inode };
	memcpy(name->id, id, QUEUE_ID_MAX - 1);
}

void queue_names_add(struct queue_names *names, const char *id)
{
	BUG_ON(!queue_id_is(span_str(id)));
	add(names, id, 0);
}

static bool list_one(void *data, const struct dirent *entry)
{
	if (queue_id_is(span_str(entry->d_name))) {
		add(data, entry->d_name, entry->d_ino);
	}
	return true;
}

/* Some file systems keep their names in order. */
static bool is_sorted(const struct queue_names *names)
{
	for (size_t i = 1; i < names->count; i++) {
		if (compare_names(&names->at[i - 1], &names->at[i]) > 0) {
			return false;
		}
	}
	return true;
}

bool queue_list(struct queue *q, enum queue_place place, struct queue_names *names,
		struct err *e)
{
	q->peeks = 0;
	q->knows_states = false;
	if (!folder_each(q, place, list_one, names, e)) {
		return false;
	}
	if (!is_sorted(names)) {
		qsort(names->at, names->count, sizeof(names->at[0]), compare_names);
	}
	return true;
}

void queue_names_clear(struct queue_names *names)
{
	free(names->at);
	*names = (struct queue_names){ 0 };
}

struct others {
	const char *own;
	bool is_found;
};

static bool see_other(void *data, const struct dirent *entry)
{
	struct others *o = data;

	o->is_found = queue_id_is(span_str(entry->d_name)) &&
		      (!o->own || strcmp(o->own, entry->d_name) != 0);
	return !o->is_found;
}

bool queue_has_others(struct queue *q, const char *own_id)
{
	struct others o = { .own = own_id };
	struct err ignored;

	return folder_each(q, QUEUE_INCOMING, see_other, &o, &ignored) && o.is_found;
}

bool queue_has(struct queue *q, const char *id)
{
	struct err ignored;
	struct stat st;
	bool is_found = false;

	for (unsigned place = 0; place < QUEUE_PLACES && !is_found; place++) {
		int folder;
		is_found = folder_get(q, place, false, &folder, &ignored) && folder >= 0 &&
			   fstatat(folder, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
	}
	return is_found;
}

/* -- which messages have a state ------------------------------------------------------- */

/* So many messages are asked for their state file; for more, the folder is read once. */
enum { PEEKS_MANY = 32 };

/*
 * Not a hash that must be good: two IDs with the same one cost an open that fails.  The first
 * digits of the seconds, which all have, are left out.
 */
static uint64_t hash_id(const char *id)
{
	uint64_t high, low;

	memcpy(&high, id, sizeof(high));
	memcpy(&low, id + QUEUE_ID_MAX - sizeof(low), sizeof(low));
	return high * 0x9e3779b97f4a7c15u ^ low;
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static bool add_state(void *data, const struct dirent *entry)
{
	struct queue *q = data;

	if (queue_id_is(span_str(entry->d_name))) {
		if ((q->state_count & (q->state_count - 1)) == 0) {
			q->states = mem_resize(q->states,
					       q->state_count ? q->state_count * 2 : 1,
					       sizeof(q->states[0]));
		}
		q->states[q->state_count++] = hash_id(entry->d_name);
	}
	return true;
}

/* May it have one?  When the folder cannot be read, opening the file will say so. */
static bool may_have_state(struct queue *q, const char *id)
{
	struct err ignored;

	if (q->peeks < PEEKS_MANY) {
		q->peeks++;
		return true;
	}
	if (!q->knows_states) {
		q->state_count = 0;
		if (!folder_each(q, FOLDER_STATE, add_state, q, &ignored)) {
			return true;
		}
		if (q->state_count > 1) {
			qsort(q->states, q->state_count, sizeof(q->states[0]),
			      compare_hashes);
		}
		q->knows_states = true;
	}
	uint64_t hash = hash_id(id);
	return q->state_count > 0 && bsearch(&hash, q->states, q->state_count,
					     sizeof(q->states[0]), compare_hashes);
}

/* -- peek ------------------------------------------------------------------------------ */

/* Most heads are within the first bytes: one read.  Longer ones are read as they need. */
static enum queue_parsed peek_head(struct queue *q, int fd, struct queue_entry *v,
				   struct err *e)
{
	struct buf more BUF_AUTO;

	buf_init(&more, QUEUE_HEAD_MAX);
	ssize_t n = fs_read(fd, q->first, sizeof(q->first));
	if (n < 0) {
		err_errno(e, CAUSE_DATA, "cannot read it");
		return QUEUE_DAMAGED;
	}
	if (n == 0) {
		return QUEUE_WRITING;
	}
	enum queue_parsed parsed = queue_head_parse(v, span_of(q->first, (size_t)n), e);
	if (parsed == QUEUE_PARSED && (size_t)n < sizeof(q->first) &&
	    v->message_at + v->size != (size_t)n) {
		err_set(e, CAUSE_DATA, "it has %zd bytes where its head says %llu", n,
			v->message_at + v->size);
		return QUEUE_DAMAGED;
	}
	if (parsed != QUEUE_CUT || !buf_add(&more, q->first, (size_t)n)) {
		return parsed;
	}
	for (size_t want = sizeof(q->first); n > 0 && parsed == QUEUE_CUT; want *= 4) {
		char *to = buf_room(&more, want);
		n = to ? fs_read(fd, to, want) : 0;
		if (n > 0) {
			buf_grew(&more, (size_t)n);
			parsed = queue_head_parse(v, buf_span(&more), e);
		}
	}
	return parsed;
}

enum queue_claim queue_peek(struct queue *q, enum queue_place place, const char *id,
			    struct queue_entry *v, struct err *e)
{
	int folder;

	queue_entry_init(v);
	if (!queue_id_is(span_str(id))) {
		return QUEUE_GONE;
	}
	memcpy(v->id, id, sizeof(v->id));
	if (!folder_get(q, place, false, &folder, e)) {
		return QUEUE_ERROR;
	}
	int fd FS_AUTO = folder < 0 ? -1 : folder_open_file(folder, id);
	if (fd < 0) {
		if (folder < 0 || errno == ENOENT) {
			return QUEUE_GONE;
		}
		bool is_foreign = errno == ELOOP || errno == ENXIO || errno == EACCES;
		err_errno(e, CAUSE_OS, "%s/%s/%s", q->path, folder_name(place), id);
		return is_foreign ? QUEUE_SET_ASIDE : QUEUE_ERROR;
	}
	enum queue_parsed parsed = peek_head(q, fd, v, e);
	switch (parsed) {
	case QUEUE_PARSED:
		return !may_have_state(q, id) || queue_load_state(q, v, false, e)
			       ? QUEUE_CLAIMED
			       : QUEUE_ERROR;
	case QUEUE_WRITING:
		return QUEUE_UNFINISHED;
	case QUEUE_CUT:
		err_set(e, CAUSE_DATA, "its head is cut, or has no end");
		break;
	case QUEUE_DAMAGED:
		break;
	}
	err_ctx(e, "%s/%s/%s", q->path, folder_name(place), id);
	return QUEUE_SET_ASIDE;
}
