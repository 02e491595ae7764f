/* SPDX-License-Identifier: ISC */
/*
 * handover_tell: what the caller hears of a message that was handed over: what the service says
 * that a call for it would have said, or what became of the session.
 */
#ifndef APP_HANDOVER_TELL_H
#define APP_HANDOVER_TELL_H

#include "app/handover_keep.h"

/* After the session: h->has_result, h->status and h->some_have_it, of h->told (server.h). */
void handover_take_result(struct handover *h);

/* The exit status, when nothing is kept. */
int handover_status(const struct handover *h) RELAY_CHECKED;

/* Lines on standard error. */
void handover_tell(const struct handover *h, int status);

/* c->answer, for an SMTP client of ours: "250 2.0.0 Ok: queued as ID". */
void handover_answer_client(const struct handover *h);

#endif
