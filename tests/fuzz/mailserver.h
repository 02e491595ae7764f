/* SPDX-License-Identifier: ISC */
/*
 * mailserver: an SMTP server in memory that knows what it has taken.  It keeps to the order
 * of commands, and refuses, lies and hangs up as its numbers say.
 *
 * Message m has the sender s<m>@x, recipients <r>.<m>@x and "Message <m>" as its first line,
 * so that the server knows what belongs together.
 */
#ifndef TESTS_FUZZ_MAILSERVER_H
#define TESTS_FUZZ_MAILSERVER_H

#include "base/buf.h"

#include <stdint.h>

#define MAIL_MESSAGES 16
#define MAIL_RCPTS 4

struct dice {
	uint64_t state;
};

/* A number below `below`. */
unsigned roll(struct dice *d, unsigned below);

struct mailserver {
	struct dice *dice;
	/* -- what it is like */
	bool has_pipelining, has_chunking;
	bool keeps_open;	/* a refused BDAT does not end the transaction */
	bool loses_followers;	/* what stands behind the end of a message is thrown away */
	bool dislikes_followers;	/* it is answered with 503 */
	bool hates_rset;
	unsigned rcpts_max;	/* 0 = any number */
	unsigned refuses;	/* one of so many commands is refused; 0 = none */
	unsigned closes;	/* 421 instead of one of so many answers; 0 = never */
	size_t dies_after;	/* bytes of input; 0 = never */
	/* -- where it stands */
	bool has_greeted, is_dead, is_leaving, is_in_data, has_mail;
	unsigned message;	/* of the open transaction */
	unsigned rcpts;		/* bits: accepted in it */
	unsigned long long left;	/* of a BDAT */
	struct buf in, out, body;
	size_t taken_in;
	/* -- what became of each message */
	struct fate {
		bool was_seen;	/* MAIL came */
		unsigned taken[MAIL_RCPTS];	/* so many times */
		bool refused[MAIL_RCPTS];	/* for good */
		bool deferred[MAIL_RCPTS];	/* for now */
	} fates[MAIL_MESSAGES];
};

void mailserver_init(struct mailserver *s, struct dice *dice);
void mailserver_free(struct mailserver *s);
/* It follows, and it stays to the end: nothing may remain unknown. */
bool mailserver_is_sound(const struct mailserver *s);
/* Takes what the client wrote; the answers are in `out`. */
void mailserver_hear(struct mailserver *s, struct span bytes);

#endif
