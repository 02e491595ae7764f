/* SPDX-License-Identifier: ISC */
/* call: what one call of the sendmail personality works with. */
#ifndef APP_CALL_H
#define APP_CALL_H

#include "app/envelope.h"
#include "app/message.h"
#include "app/settings.h"
#include "conf/route.h"

struct smtp_answer;
struct smtp_envelope;

/* An account that sends to some of the recipients. */
struct call_via {
	struct account *account;
	char *sender;		/* NULL for the first: the envelope's */
};

struct call {
	struct options options;
	struct identity id;
	struct conf conf;
	struct account *account;	/* the message's; NULL = not known yet */
	struct routes *routes;
	/* By app/assign.h; the first is c->account; none when all recipients are its. */
	struct call_via *vias;
	unsigned via_count;
	unsigned *via_of_rcpt;	/* for each of envelope.recipients */
	struct envelope envelope;
	struct message message;
	bool is_for_terminal;	/* queues.h */
	bool is_watched;	/* by somebody elsewhere: what waits is told, as on a terminal */
	bool breaks_signature;	/* From was replaced although there is a DKIM-Signature */
	/* For serve: what the SMTP client hears of its message; NULL = nobody asks. */
	struct smtp_answer *answer;
	const struct smtp_envelope *client;	/* … and the envelope that it gave; or NULL */
};

void call_init(struct call *c);
void call_clear(struct call *c);

/* Reads the envelope's options, the settings and, when it is known already, the account. */
bool call_prepare(struct call *c, struct err *e) RELAY_CHECKED;

#endif
