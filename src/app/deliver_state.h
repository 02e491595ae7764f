/* SPDX-License-Identifier: ISC */
/* deliver_state: what the deliver*.c files share.  Nobody else includes it. */
#ifndef APP_DELIVER_STATE_H
#define APP_DELIVER_STATE_H

#include "app/deliver.h"

struct delivery_queue {
	struct delivery *first, **end;
};

/* All sessions of one deliver_run. */
struct deliver_work {
	const struct deliver_source *source;
	struct session_facts *facts;
	struct delivery_queue again;	/* to be tried in the next session */
	struct delivery_queue undecided;	/* over, but perhaps only the session was at fault */
	bool has_progress;	/* this session brought a message through */
	bool is_empty;		/* the source has no more */
	bool is_spare;		/* a server before this one could not be used */
	bool has_next;		/* there is another server to be tried after this one */
};

void deliver_work_init(struct deliver_work *w, const struct deliver_source *source,
		       struct session_facts *facts);
/* The next server gets what the last one left untouched. */
void deliver_begin_anew(struct deliver_work *w);
/*
 * Sessions with one server until there is nothing more to send, or (false) it is down.  What
 * it left untouched is in w->again then.
 */
bool deliver_to_server(struct deliver_work *w, struct session_options *options,
		       struct err *e) RELAY_CHECKED;
/* What is in w->again shares the fate of the last server. */
void deliver_give_up(struct deliver_work *w, const struct err *why);

#endif
