/* SPDX-License-Identifier: ISC */
/*
 * folder: the queue's folder and its sub-folders: made, opened and trusted here.  Known only
 * to the files of this room.
 */
#ifndef QUEUE_FOLDER_H
#define QUEUE_FOLDER_H

#include "queue/queue.h"

#include <sys/stat.h>

/* The sub-folders: the places, and these; the last one not in every queue. */
enum { FOLDER_STATE = QUEUE_PLACES, FOLDER_SESSIONS, FOLDER_USERS, FOLDER_COUNT };

struct queue {
	char *path;
	int top;			/* descriptor */
	int folders[FOLDER_COUNT];	/* descriptors; -1 = not needed yet */
	uid_t owner;
	dev_t device;
	bool has_saved;			/* this process has written a state file */
	/* queue_peek: since the last queue_list; and hashes of the names in state/, sorted. */
	unsigned peeks;
	bool knows_states;
	uint64_t *states;
	size_t state_count;
	/* What is read of a file at first: of most it is all.  Here, as it is too large to be
	 * cleared for each of 50,000. */
	char first[4096];
};

/* For every file that is opened by its name: what was planted there cannot lead away or
 * make us wait. */
#define FILE_FLAGS (O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

/* openat for reading; without a mark of it in the file (its atime), where that can be had. */
int folder_open_file(int folder, const char *name);

const char *folder_name(unsigned which);

/*
 * The descriptor of a sub-folder: the queue's own, not to be closed.  Missing: made when
 * may_create, else *ret_fd is -1 and true is returned.
 */
bool folder_get(struct queue *q, unsigned which, bool may_create, int *ret_fd, struct err *e)
	RELAY_CHECKED;

/* fsync; a file system that cannot do it for folders has done it. */
bool folder_sync(int fd) RELAY_CHECKED;

/* A regular file of ours? */
bool folder_owns(const struct queue *q, const struct stat *st);

/* Calls see(name) for every name but "." and ".." until it returns false. */
struct dirent;
bool folder_each(struct queue *q, unsigned which,
		 bool (*see)(void *data, const struct dirent *entry), void *data,
		 struct err *e) RELAY_CHECKED;

/* flock, without waiting.  False with errno EWOULDBLOCK: somebody else has it. */
bool folder_lock(int fd) RELAY_CHECKED;
/* Unlocks, also for other processes that have this descriptor, and closes. */
void folder_unlock(int *fd);

/*
 * Renames what has this name in a sub-folder to `to` in corrupt/, or to.1, to.2, … when that
 * is taken.
 */
bool folder_set_aside(struct queue *q, unsigned which, const char *name, const char *to,
		      struct err *e) RELAY_CHECKED;

/* Reads the state file of v, whose head was read; is_claimed: sets a damaged one aside. */
bool queue_load_state(struct queue *q, struct queue_entry *v, bool is_claimed, struct err *e)
	RELAY_CHECKED;

#endif
