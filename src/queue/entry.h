/* SPDX-License-Identifier: ISC */
/*
 * entry: what the queue knows of one message: its envelope, and what became of it so far;
 * and the two texts on disk that say so (relay-queue(7)).  Pure.
 *
 * The message file is the head (a first line of fixed size, then `name: value` lines, then a
 * blank line) and the message in wire form (CRLF).  Only its first line is ever written a
 * second time: from "writing" to "complete".  The state file is written anew after each
 * attempt.
 */
#ifndef QUEUE_ENTRY_H
#define QUEUE_ENTRY_H

#include "base/buf.h"
#include "queue/id.h"

/* Most bytes of a head: 100,000 recipients with long addresses. */
#define QUEUE_HEAD_MAX ((size_t)128 << 20)
/* Most bytes of a state file: a line for each recipient. */
#define QUEUE_STATE_MAX ((size_t)128 << 20)

enum queue_rcpt_status {
	QUEUE_WAITING,	/* to be tried */
	QUEUE_SENT,	/* the server has taken it: never again */
	QUEUE_REFUSED,	/* refused for good, or given up: never again */
};

struct queue_rcpt {
	char *addr;
	char *orcpt;		/* "rfc822;…", decoded; NULL = none */
	unsigned via;		/* 0 = the entry's own account; n = vias[n - 1] */
	unsigned notify;	/* as queue_entry.notify; 0 = what that says */
	/* From here on: of the state file. */
	enum queue_rcpt_status status;
	bool is_told;		/* REFUSED: the sender knows; SENT: its report is made */
	bool maybe_sent;	/* an attempt ended unknown */
	bool is_reply;		/* text is what a server said */
	char dsn[16];		/* RFC 3463 code of the last attempt, or "" */
	char *text;		/* last reply or trouble, one line; NULL = never tried */
	char *server;		/* whose reply the text is; NULL = not known, or no reply */
};

/* A setting that was given on the command line: --port=2525. */
struct queue_setting {
	char *name, *value;
};

/* Another account than the entry's own, for some of its recipients. */
struct queue_via {
	char *account;
	char *sender;		/* for its server */
};
/* Most of them. */
#define QUEUE_VIAS_MAX 10000u

/* Every string is owned by the entry and is one line without CR, LF and NUL. */
struct queue_entry {
	char id[QUEUE_ID_MAX];
	/* The first line. */
	bool is_complete;
	bool is_8bit;
	unsigned long long size;	/* of the message in wire form */
	unsigned long long message_at;	/* where it begins in the file */
	/* The head. */
	int64_t arrival;	/* seconds since 1970 */
	int64_t uid;		/* of the user who handed it in; -1 = not known */
	char *account;
	char *config;		/* the file named with -C, absolute; NULL = the usual files */
	struct queue_setting *settings;
	size_t setting_count;
	char *sender;		/* "" = null sender */
	struct queue_via *vias;
	unsigned via_count;
	struct queue_rcpt *rcpts;
	size_t rcpt_count;
	char *envid;		/* decoded; NULL = none */
	/*
	 * RFC 3461 bits: 1 never, 2 success, 4 failure, 8 delay; 0 = unset.  For recipients
	 * that have none of their own.
	 */
	unsigned notify;
	unsigned ret;		/* 0 unset, 1 headers, 2 full */
	bool needs_smtputf8;	/* an address in the header does */
	/* The state. */
	bool has_state;		/* there is a state file */
	bool is_state_lost;	/* there was one, but damaged */
	unsigned attempts;
	int64_t since;		/* the lifetime counts from here: arrival, or the last `retry` */
	int64_t last, next;	/* attempts; 0 = none yet, at once */
	bool is_warned;		/* a delay warning was sent */
	/* IDs of the reports that tell of refused recipients: QUEUE_ID_MAX bytes each. */
	char (*reports)[QUEUE_ID_MAX];
	size_t report_count;
};

void queue_entry_init(struct queue_entry *v);
void queue_entry_clear(struct queue_entry *v);

/* Appends; strings are copied.  False beyond 100,000 recipients (CAUSE_DATA). */
bool queue_entry_add_rcpt(struct queue_entry *v, const char *addr, const char *orcpt,
			  struct err *e) RELAY_CHECKED;
/* Appends.  False beyond QUEUE_VIAS_MAX (CAUSE_DATA). */
bool queue_entry_add_via(struct queue_entry *v, const char *account, const char *sender,
			 struct err *e) RELAY_CHECKED;
void queue_entry_add_setting(struct queue_entry *v, const char *name, const char *value);
void queue_entry_add_report(struct queue_entry *v, const char *id);

size_t queue_entry_waiting(const struct queue_entry *v);	/* recipients */
/* The via of the first recipient that waits; 0 when none does. */
unsigned queue_entry_via(const struct queue_entry *v);
/* Account and sender of a via, of 0 too. */
const char *queue_via_account(const struct queue_entry *v, unsigned via);
const char *queue_via_sender(const struct queue_entry *v, unsigned via);
/* The bits of RFC 3461 that count for this recipient of v. */
unsigned queue_rcpt_notify(const struct queue_entry *v, const struct queue_rcpt *r);

/* Most bytes of queue_entry_group: a message with more would never find its session. */
#define QUEUE_GROUP_MAX ((size_t)1 << 20)
/*
 * What must be equal for two messages to share a session: account, config and settings,
 * as one text; for the recipients of that via.
 */
bool queue_entry_group(const struct queue_entry *v, unsigned via, struct buf *to) RELAY_CHECKED;

/*
 * What the second line begins with, when the user is known: whoever counts the messages of a
 * user need not read more.
 */
#define QUEUE_UID_LINE "uid: "
#define QUEUE_UID_MAX ((unsigned long long)UINT32_MAX - 1)

/* Bytes of the first line, with its LF. */
#define QUEUE_FIRST_LINE ((size_t)64)
/* The first line for v->is_complete, is_8bit and size. */
void queue_first_line(const struct queue_entry *v, char line[QUEUE_FIRST_LINE + 1]);

/*
 * Appends first line, head and blank line.  False when a value has a control byte other than
 * a tab, an address is not safe (mail/addr.h), or the buffer is full (CAUSE_DATA).
 */
bool queue_head_write(const struct queue_entry *v, struct buf *to, struct err *e)
	RELAY_CHECKED;

enum queue_parsed {
	QUEUE_PARSED,
	QUEUE_WRITING,	/* not complete: who wrote it is at it, or was killed */
	QUEUE_CUT,	/* the blank line is not in `text`: give more */
	QUEUE_DAMAGED,	/* *e says why */
};
/*
 * Reads first line and head into *v (initialised or read before; only its id, set by the
 * caller, is kept) and sets message_at and since.  Unknown names are passed over: a later
 * version may have written them; another version number in the first line is damage that
 * says so.
 */
enum queue_parsed queue_head_parse(struct queue_entry *v, struct span text, struct err *e);

/*
 * The state file's text; and back, into an entry whose head and id are there.  False when it
 * is cut or wrong anywhere: then the entry is as if there were no state file.
 */
bool queue_state_write(const struct queue_entry *v, struct buf *to, struct err *e)
	RELAY_CHECKED;
bool queue_state_parse(struct queue_entry *v, struct span text, struct err *e) RELAY_CHECKED;

#endif
