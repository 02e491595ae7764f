/* SPDX-License-Identifier: ISC */
/* envelope: who sends to whom, from options, account and header. */
#ifndef APP_ENVELOPE_H
#define APP_ENVELOPE_H

#include "app/local.h"
#include "app/options.h"
#include "mail/addr.h"

struct envelope {
	char *given;		/* the sender that was asked for; "" = null; NULL = none was */
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

/* Reads -f (`given`) and the recipients of the command line. */
bool envelope_from_options(struct envelope *v, const struct options *o, struct err *e)
	RELAY_CHECKED;

/* The parts that -t and --read-envelope-from ask for. */
bool envelope_from_header(struct envelope *v, const struct options *o, struct span header,
			  struct err *e) RELAY_CHECKED;

/*
 * The envelope sender for that account: by `from` and allow_from_override, or
 * login@mailname; a name of this machine as the sender (cron's -f root) is `from`, too, when
 * that is an address.  It is safe for a command.  header: for `from %F`; may be empty: once
 * the message's own sender is set, an author who is missing or of this machine is that one.
 * The caller frees it.
 */
bool envelope_sender(const struct envelope *v, const struct account *a, struct identity *id,
		     struct span header, char **ret, struct err *e) RELAY_CHECKED;

/* The same, as the message's own: sender, author, has_own. */
bool envelope_set_sender(struct envelope *v, const struct account *a, struct identity *id,
			 struct span header, struct err *e) RELAY_CHECKED;

/*
 * The recipients: the readers of local ones (local.h), of whom none may be left when
 * `problems` says why; no duplicates.  Every address is safe for a command afterwards.
 */
bool envelope_expand(struct envelope *v, const struct account *a, struct identity *id,
		     struct err *e) RELAY_CHECKED;

#endif
