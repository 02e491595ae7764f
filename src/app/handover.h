/* SPDX-License-Identifier: ISC */
/*
 * handover: the mail of a user who has no account for it, and may not read the machine's: it
 * is given to the service of the machine (scope.h), with our own SMTP client, over the socket
 * /run/relay/submit.
 *
 * The message goes as it came (with a From field made of a -F that is too long for a parameter);
 * the envelope as it was given.
 * What the service says is what the caller hears, with the exit status of a message that was
 * sent from here.  A service that is full is tried again for half a minute.  When it
 * cannot be had, a user with accounts of his own finds the message in his own queue, which hands
 * it over later; other callers keep it: EX_TEMPFAIL, or EX_CONFIG when there is no service.
 */
#ifndef APP_HANDOVER_H
#define APP_HANDOVER_H

#include "app/call.h"

/*
 * After call_prepare or compose_header has failed because there is no account
 * (id.may_hand_over): reads what is left of the message from standard input.  Returns the exit
 * status; c->answer is filled.
 */
int handover(struct call *c);

/* To say what would be done: c->envelope as it would be handed over.  False: nobody takes it. */
bool handover_envelope(struct call *c, struct err *e) RELAY_CHECKED;

/* For a command that is about an account of one's own, where there is none.  False. */
bool handover_refuse(struct err *e);
/* What to do when the service cannot be had, for this reason. */
const char *handover_remedy(int os_errno);

/*
 * The account that stands for the service, in a queue and in a session; its name is the path
 * of the socket.
 */
bool handover_is_account(const char *name);
struct account *handover_account(struct conf *c, struct err *e) RELAY_CHECKED;

#endif
