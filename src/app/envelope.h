/* SPDX-License-Identifier: ISC */
/* envelope: who sends to whom, from options, account and header. */
#ifndef APP_ENVELOPE_H
#define APP_ENVELOPE_H

#include "app/local.h"
#include "app/options.h"
#include "mail/addr.h"

struct envelope {
	char *sender;		/* "" = null sender; NULL = not known yet */
	char *author;		/* address for a From field of ours; "" = none */
	/* The account has an address of its own that can be answered: local names become it. */
	bool has_own;
	struct addr_list recipients;
	/* What the aliases file was found to say (app/refusals.h). */
	struct local_problems problems;
};

void envelope_init(struct envelope *v);
void envelope_clear(struct envelope *v);

/* Reads -f and the recipients of the command line; sender stays NULL without -f. */
bool envelope_from_options(struct envelope *v, const struct options *o, struct err *e)
	RELAY_CHECKED;

/* The parts that -t and --read-envelope-from ask for. */
bool envelope_from_header(struct envelope *v, const struct options *o, struct span header,
			  struct err *e) RELAY_CHECKED;

/*
 * Finishes it with the account: the sender by `from` and allow_from_override, or
 * login@mailname; a name of this machine as the sender (cron's -f root) is `from`, too, when
 * that is an address.  The readers of local recipients (local.h), of whom none may be left
 * when `problems` says why; no duplicates.  Every address is safe for a command afterwards.
 * header: for `from %F`; may be empty.
 */
bool envelope_finish(struct envelope *v, const struct account *a, struct identity *id,
		     struct span header, struct err *e) RELAY_CHECKED;

#endif
