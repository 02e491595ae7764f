/* SPDX-License-Identifier: ISC */
/* crowd: many messages on one session, with a server in memory that accepts everything. */
#ifndef TESTS_CROWD_H
#define TESTS_CROWD_H

#include "talk.h"

#define CROWD_MOST 100
#define CROWD_MANY 20		/* … with 100 recipients */

struct crowd {
	struct smtp_client *c;
	struct smtp_options options;
	struct smtp_txn txns[CROWD_MOST];
	struct smtp_rcpt rcpts[CROWD_MOST], many[CROWD_MANY][100];
	/* To be changed before the first is submitted: none of them = one small message. */
	size_t count, size, rcpt_count;
	size_t submitted, settled, asked;
	/* -- the server */
	struct buf in, out;
	size_t skip;		/* of a BDAT */
	size_t messages, writes, most_in_flight, most_bytes;
};

void crowd_open(struct crowd *w, unsigned in_flight);
void crowd_close(struct crowd *w);
void crowd_submit(struct crowd *w);
void crowd_give_body(struct crowd *w, const struct smtp_action *a);
/* Does what the engine asks for, but for WRITE, READ and the end. */
struct smtp_action crowd_go_on(struct crowd *w);
/* It must be a WRITE, which is done. */
void crowd_writes(struct crowd *w);
void crowd_hear(struct crowd *w, const char *text);
/* A whole session with so many messages. */
void crowd_run(struct crowd *w, size_t count);
void crowd_lose(struct crowd *w);

#endif
