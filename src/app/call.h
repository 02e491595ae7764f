/* SPDX-License-Identifier: ISC */
/* call: what one call of the sendmail personality works with. */
#ifndef APP_CALL_H
#define APP_CALL_H

#include "app/envelope.h"
#include "app/message.h"
#include "app/settings.h"

struct smtp_answer;
struct smtp_envelope;

struct call {
	struct options options;
	struct identity id;
	struct conf conf;
	struct account *account;
	struct envelope envelope;
	struct message message;
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
