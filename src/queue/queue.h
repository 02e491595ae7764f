/* SPDX-License-Identifier: ISC */
/*
 * queue: the folder on disk.  Owns every name in it, its locks, and the order of writes and
 * fsyncs; the table of states a crash can leave is in queue.c and in relay-queue(7).  It
 * must never know an account, a server or what an attempt means.
 *
 *	incoming/ID	being written, tried for the first time, or waiting for a session
 *	deferred/ID	durable, waits for a queue run
 *	hold/ID		durable, waits for a person
 *	failed/ID	given up
 *	corrupt/ID	damaged: set aside
 *	state/ID	what became of the message so far, wherever its file is
 *	sessions/…	locks: queue/slot.h
 *	users/UID	what a user has at most, in the queue of the machine: owned.c
 *
 * The folder that a message's file stands in is its status; rename(2) changes it at once.
 * Who works with a message holds flock(2) on its file; the lock ends with the descriptor,
 * also in a killed process.
 */
#ifndef QUEUE_QUEUE_H
#define QUEUE_QUEUE_H

#include "queue/entry.h"

enum queue_place {
	QUEUE_INCOMING, QUEUE_DEFERRED, QUEUE_HOLD, QUEUE_FAILED, QUEUE_CORRUPT,
	QUEUE_PLACES
};

/* "incoming", "deferred", …: the folder's name. */
const char *queue_place_name(enum queue_place place);

struct queue;

/*
 * Opens the queue in the folder `path` (absolute).  Missing: made with its parents, mode
 * 0700, when may_create; else *ret is NULL and true is returned.  The sub-folders are opened,
 * and made, when they are first needed.  Refused (CAUSE_OS, names the path and what to do):
 * not ours, others may enter or write it, not a folder, a sub-folder that is a symlink.
 */
bool queue_open(const char *path, bool may_create, struct queue **ret, struct err *e)
	RELAY_CHECKED;
void queue_close(struct queue *q);	/* NULL is nothing */
const char *queue_path(const struct queue *q);

/* A message's file, open and locked by us. */
struct queue_file {
	int fd;			/* -1 = none */
	enum queue_place place;
	const char *queue;	/* put: the path of the queue, and as long there as that */
	char id[QUEUE_ID_MAX];
	/* The first bytes of the file: written but not on disk yet (put), or read (claim). */
	struct buf start;
	unsigned long long written;	/* put: bytes on disk */
	bool is_synced;		/* the file's bytes are on disk; its name may be not */
	bool has_state;			/* claim: there was a state file */
};

void queue_file_init(struct queue_file *f);
/* Unlocks and closes; the file stays as it is. */
void queue_file_close(struct queue_file *f);

/* -- put ------------------------------------------------------------------------------- */

/*
 * Makes a locked file with a new ID (v->id) in `place` and begins it with the head of *v,
 * marked "writing".  v->arrival is set by the caller.  When this or a later step of the
 * putting fails, the caller calls queue_remove: nothing of it may stay.
 */
bool queue_put_begin(struct queue *q, enum queue_place place, struct queue_entry *v,
		     struct queue_file *f, struct err *e) RELAY_CHECKED;
/* The next bytes of the message.  Up to 512 KiB are gathered before they are written. */
bool queue_put(struct queue_file *f, struct span bytes, struct err *e) RELAY_CHECKED;
/*
 * Writes what was gathered; then queue_read works, too, with v->size set by the caller.  The
 * file stays one that is being written.
 */
bool queue_put_flush(struct queue_file *f, struct err *e) RELAY_CHECKED;
/*
 * All bytes are there: v->size and is_8bit are set by the caller, v->is_complete here.  From
 * now on the message survives this process (not the machine): a small one is written with
 * one write, complete from the start.
 */
bool queue_put_end(struct queue_file *f, struct queue_entry *v, struct err *e) RELAY_CHECKED;
/*
 * fsync of the file and of its folder: afterwards the message survives the machine, and
 * exit status 0 may be given.  After a failure it is not known what is on disk, and a second
 * call would not tell: the message was not kept.
 */
bool queue_sync(struct queue *q, struct queue_file *f, struct err *e) RELAY_CHECKED;
/*
 * The descriptors whose fsync is queue_sync, for a signal handler: [0] the file, [1] its
 * folder.  -1 each when there is none.
 */
void queue_sync_descriptors(const struct queue *q, const struct queue_file *f, int ret_fds[2]);
/*
 * Done with it, or not to be kept: removes the file and its state, and closes it.  A file
 * that cannot be unlinked is emptied: then it is as good as gone.  False when that fails too:
 * it is still there, open and locked.
 */
bool queue_remove(struct queue *q, struct queue_file *f, struct err *e) RELAY_CHECKED;

/* -- claim ----------------------------------------------------------------------------- */

enum queue_claim {
	QUEUE_CLAIMED,
	QUEUE_BUSY,	/* another process has it */
	QUEUE_GONE,	/* it is not there any more */
	QUEUE_UNFINISHED,	/* its writer was killed before it had promised anything: removed */
	QUEUE_SET_ASIDE,	/* damaged: it is in corrupt/ now; *e says what is wrong */
	QUEUE_ERROR,	/* *e */
};

/*
 * Locks it, reads head and state into *v (initialised by this function).  Unless it is
 * QUEUE_CLAIMED, *f holds nothing and *v only the ID.  A damaged state file is set aside to
 * corrupt/ID.state and passed over: v->is_state_lost, and *e says what is wrong.
 */
enum queue_claim queue_claim(struct queue *q, enum queue_place place, const char *id,
			     struct queue_file *f, struct queue_entry *v, struct err *e);

/*
 * The same without a lock, for lists: QUEUE_CLAIMED = read; QUEUE_UNFINISHED = being
 * written, or left behind; QUEUE_SET_ASIDE = damaged, still where it was (a file that is cut
 * behind its first 4 KiB is not noticed here).  When many messages are looked into after one
 * queue_list, the names in state/ are read once: a message that gets its first state after
 * that is shown without.
 */
enum queue_claim queue_peek(struct queue *q, enum queue_place place, const char *id,
			    struct queue_entry *v, struct err *e);

/* As queue_peek, and *f is the open file, not locked, for queue_read; nothing else may be
 * done with it. */
enum queue_claim queue_look(struct queue *q, enum queue_place place, const char *id,
			    struct queue_file *f, struct queue_entry *v, struct err *e);

/* Removes a file that was set aside: corrupt/ID, and what was known of it. */
bool queue_discard(struct queue *q, const char *id, struct err *e) RELAY_CHECKED;

/*
 * Message bytes from `offset` (less than v->size) on, at most max, at least one; valid until
 * the next call with this window, which is given its bytes by one read: ask for much.  For a
 * claimed file, and for one that was put to its end.
 */
bool queue_read(const struct queue_file *f, const struct queue_entry *v,
		unsigned long long offset, size_t max, struct buf *window, struct span *ret,
		struct err *e) RELAY_CHECKED;

/*
 * Replaces the state file of a message that is locked by us.  must_last: with fsync of file
 * and folder, when a recipient has a new final outcome that no crash may forget.  (Older ones
 * are safe without: then the file is fsynced before it takes the place of the one before.)
 */
bool queue_save(struct queue *q, struct queue_entry *v, bool must_last, struct err *e)
	RELAY_CHECKED;

/*
 * fsync of the file when that was not done yet (f->is_synced: by queue_sync, and for a file
 * that was claimed in deferred/, hold/ or failed/); rename to another place; fsync of that
 * folder.  f->place is where the file is now, also when only the last step failed.
 */
bool queue_move(struct queue *q, struct queue_file *f, enum queue_place place, struct err *e)
	RELAY_CHECKED;

/* -- lists ----------------------------------------------------------------------------- */

struct queue_name {
	char id[QUEUE_ID_MAX];
	uint64_t inode;
};

struct queue_names {
	struct queue_name *at;	/* sorted by ID: the oldest first */
	size_t count, room;
};

/* Names that are IDs; foreign files are passed over.  Appends, then sorts all. */
bool queue_list(struct queue *q, enum queue_place place, struct queue_names *names,
		struct err *e) RELAY_CHECKED;
void queue_names_add(struct queue_names *names, const char *id);	/* at the end, unsorted */
void queue_names_clear(struct queue_names *names);

/* Is there a message with this ID, in whatever place? */
bool queue_has(struct queue *q, const char *id);

/* Is there a file in incoming/ other than our own?  One look at the folder. */
bool queue_has_others(struct queue *q, const char *own_id);

/* Removes state files whose message is gone, when their ID is older than an hour. */
void queue_sweep(struct queue *q, int64_t now);

/* -- what a user has -------------------------------------------------------------------- */

struct queue_share {
	unsigned long long messages, bytes;
};

/* User IDs of one user; -1 is all who are not known. */
struct queue_uids {
	int64_t first, last;
};

/*
 * What the user has there, with all his IDs, at least one; uids[0].first stands for him.  What
 * is in corrupt/ does not count.
 * Cheap, and no matter how much is there, as long as he has not more than *may: then *ret is
 * what he has at most.  Else, and for a user who is new, every file is looked into; in a large
 * queue not again for some seconds (relay-queue(7)), so that nobody can make us count all day.
 */
bool queue_share(struct queue *q, const struct queue_uids *uids, size_t uid_count,
		 const struct queue_share *may, int64_t now, struct queue_share *ret,
		 struct err *e) RELAY_CHECKED;
/* Before a message of his (uids[0].first) is put, of at most so many bytes. */
void queue_share_add(struct queue *q, int64_t uid, unsigned long long bytes);

/* Device of the files, for who compares inodes with /proc/locks. */
uint64_t queue_device(const struct queue *q);

#endif
