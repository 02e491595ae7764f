/* SPDX-License-Identifier: ISC */
/*
 * payer: to whose limits it counts what a caller does.  That is himself; but a user ID that
 * was given to a user for his containers (subuid(5)) counts to that user: he has 65,536 of
 * them, and would have the limits as often.
 */
#ifndef APP_PAYER_H
#define APP_PAYER_H

#include "app/identity.h"
#include "base/span.h"
#include "queue/queue.h"

/* More ranges of one user than this are passed over when his messages are counted. */
enum { PAYER_RANGES_MAX = 16 };

struct payer {
	int64_t uid;	/* -1: nobody knows */
	char *login;	/* NULL: nobody knows */
	struct queue_uids uids[PAYER_RANGES_MAX];	/* all that count to him */
	size_t count;
};

/* The caller of the system scope.  payer_clear frees it. */
void payer_find(struct payer *p, struct identity *id);
void payer_clear(struct payer *p);

/*
 * In the text of /etc/subuid: the first user in whose range the uid is, as he is written there:
 * a name, or a number.  Empty: nobody's.
 */
struct span payer_in(struct span table, int64_t uid);

#endif
