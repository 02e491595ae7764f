/* SPDX-License-Identifier: ISC */
/*
 * message: a message in wire form, wherever its bytes are: the header in memory; the body in
 * memory while it is small, else in its queue file, or without a queue in an unnamed
 * temporary file.
 */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

#include "mail/wire.h"
#include "queue/queue.h"

/* A header larger than this is refused (CAUSE_DATA). */
#define MESSAGE_HEADER_MAX ((size_t)16 << 20)
/* A body up to this stays in memory. */
#define MESSAGE_MEMORY_MAX ((size_t)64 << 10)

/* Where a message that arrives is stored: queue NULL = nowhere but in a temporary file. */
struct message_store {
	struct queue *queue;
	enum queue_place place;
	struct queue_entry *entry;
	struct queue_file file;
	struct err why;		/* when `queue` became NULL while the message was read */
};

struct message {
	struct buf header;	/* without the blank line; app/compose puts the new one here */
	struct buf body;	/* the body, or the part not yet written */
	unsigned long long body_size;
	bool is_8bit;		/* header or body: what leaves */
	int fd;			/* the unnamed file; -1: there is none */
	/* The queue file that has all of it, and nothing is in memory; NULL: there is none. */
	const struct queue_file *file;
	const struct queue_entry *entry;
	struct buf window;	/* for message_read */
	struct buf start;	/* for message_header */
	/* While it is read. */
	struct wire wire;	/* its facts are those of the body */
	bool in_body, is_read;
	unsigned long long size_max;	/* as it came; 0 = no bound */
	struct message_store *store;	/* its file is begun */
};

void message_init(struct message *m);
void message_clear(struct message *m);

/*
 * Reads fd until the header is whole (or to the end, or to the lone dot); then, with the
 * header that shall leave in m->header, message_read_body reads the rest.  A body that is
 * too large for memory goes into store's queue file, whose entry is complete but for size
 * and is_8bit; without a queue into an unnamed one, and also when no file can be made in
 * incoming/: then store->queue is NULL afterwards.  m->size_max may be set before or
 * between.  Errors: CAUSE_INPUT when reading fails, CAUSE_DATA when it is too large,
 * CAUSE_OS when it cannot be stored.
 */
bool message_read_header(struct message *m, int fd, bool ends_at_dot, struct err *e)
	RELAY_CHECKED;
bool message_read_body(struct message *m, int fd, struct message_store *store, struct err *e)
	RELAY_CHECKED;

/*
 * Puts a message that was read into the queue file of `store`, complete (queue_put_end).
 * The entry's size and is_8bit are set.  After an error there is no file.
 */
bool message_store(struct message *m, struct message_store *store, struct err *e) RELAY_CHECKED;

/*
 * Makes a message that is not read: m->header is set; then its body comes in pieces, in wire
 * form, and is put where message_read_body puts it.
 */
bool message_put(struct message *m, struct span bytes, struct message_store *store,
		 struct err *e) RELAY_CHECKED;
bool message_put_end(struct message *m, struct message_store *store, struct err *e)
	RELAY_CHECKED;

/* The message of a claimed file; both must live as long as *m. */
void message_from_queue(struct message *m, const struct queue_file *file,
			const struct queue_entry *entry);

/* Bytes of header, blank line and body. */
unsigned long long message_size(const struct message *m);

/*
 * Bytes from offset on, at most max, at least one; valid until the next call.  offset is
 * below message_size.
 */
bool message_read(struct message *m, unsigned long long offset, size_t max,
		  struct span *ret_bytes, struct err *e) RELAY_CHECKED;

/* All of it behind the head of another file, which is being put (queue/queue.h). */
bool message_copy(struct message *m, struct queue_file *to, struct err *e) RELAY_CHECKED;

/*
 * The header without its blank line, valid until the next of these calls; of a queued
 * message with a huge header only its first 512 KiB, cut at a line end.
 */
bool message_header(struct message *m, struct span *ret_header, struct err *e) RELAY_CHECKED;

#endif
