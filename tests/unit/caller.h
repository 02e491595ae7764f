/* SPDX-License-Identifier: ISC */
/*
 * caller: the caller's part of a replayed transcript: hands over messages and their bytes,
 * and sees to it that every message is SETTLED once, in order.
 */
#ifndef TESTS_CALLER_H
#define TESTS_CALLER_H

#include "transcript.h"

#define CALLER_MESSAGES 32

struct run {
	const struct transcript *t;
	struct smtp_client *c;
	size_t cut;		/* the server's bytes are cut in two here; 0 = whole */
	bool is_bytewise;
	bool quits_early;	/* with the last message, not when it is asked */
	size_t fed;		/* of the server's bytes */
	bool is_early;
	size_t at;		/* the step that is being done */
	struct {
		const struct message *message;
		struct smtp_txn txn;
		bool is_adapted;
	} given[CALLER_MESSAGES];
	struct smtp_txn further;	/* when the session is dead, but nobody has said so */
	struct smtp_rcpt further_rcpt;
	size_t given_count, settled_count;
	size_t asked_after;	/* how many were given when NEXT came */
	size_t checked_count;	/* by =settled */
	char error[1024];
};

__attribute__((format(printf, 3, 4)))
bool wrong(struct run *r, const struct step *s, const char *format, ...);

void caller_submit(struct run *r, const struct message *m);
/* What the engine wants that is not the caller's own business, or is of this kind. */
struct smtp_action caller_drive(struct run *r, enum smtp_action_kind wanted);
/* The same, but only NEXT, ADAPT and SETTLED are the caller's own business. */
struct smtp_action caller_next(struct run *r);
/* All messages of the file were submitted, and adapted if the file says so. */
bool caller_is_done(const struct run *r);
void caller_free(struct run *r);

#endif
