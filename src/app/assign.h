/* SPDX-License-Identifier: ISC */
/*
 * assign: which account sends to whom, once all recipients are known: by -a, by the sender,
 * by recipient (`to`), else the default; and with which envelope sender.
 */
#ifndef APP_ASSIGN_H
#define APP_ASSIGN_H

#include "app/call.h"

/*
 * After the envelope was read: finishes it (app/envelope.h), with c->account as the account of
 * the message, and fills c->routes and c->vias.  The account of the message is the one that
 * the sender or the default says, unless none of the recipients is its; then that of the
 * first recipient.  Every account is checked.  header: for `from %F`; may be empty.
 */
bool assign_accounts(struct call *c, struct span header, struct err *e) RELAY_CHECKED;

/* Why it is that account: of one recipient, as it is after that. */
bool assign_find(struct call *c, const char *recipient, struct route *ret,
		 struct err *e) RELAY_CHECKED;

#endif
