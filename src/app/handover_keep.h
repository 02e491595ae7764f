/* SPDX-License-Identifier: ISC */
/* handover_keep: what could not be handed over waits in the user's own queue. */
#ifndef APP_HANDOVER_KEEP_H
#define APP_HANDOVER_KEEP_H

#include "app/call.h"
#include "app/session.h"

/* What the handover*.c files share. */
struct handover {
	struct call *call;
	struct account *account;	/* the service's (handover_account) */
	struct session_job job;
	bool is_given;		/* the job, to this session */
	bool has_failed;	/* the session did, as `why` says */
	bool is_missing;	/* nobody was there */
	struct err why;
	bool is_too_large;	/* for the service: `why` says it as a direct call does */
	/* What the service says that a call for it has come to; false: it did not get so far. */
	bool has_result;
	struct buf told;	/* … as it came */
	int status;
	bool some_have_it;	/* or will */
	bool is_kept;		/* in the user's own queue */
	char id[QUEUE_ID_MAX];
	int64_t next;		/* when it is tried again */
};

/* Has the user an account, and with it a queue? */
bool handover_can_keep(const struct handover *h);

/* A From made of -F, when there is none. */
bool handover_add_author(struct call *c, struct err *e) RELAY_CHECKED;

/*
 * Makes it durable, for the recipients that were neither accepted nor refused for good; a
 * queue run hands it over.  h->is_kept, h->id and h->next are set.
 */
bool handover_keep(struct handover *h, struct err *e) RELAY_CHECKED;

#endif
