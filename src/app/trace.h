/* SPDX-License-Identifier: ISC */
/* trace: the dialogue on standard error for -v.  Secrets are masked, bodies left out. */
#ifndef APP_TRACE_H
#define APP_TRACE_H

#include "base/buf.h"
#include "smtp/client.h"

struct trace {
	bool on;		/* off: all of these do nothing */
	struct buf line;	/* what has come of a line that is not complete */
	struct buf secret;	/* what was masked last: some servers repeat what they got */
};

void trace_init(struct trace *t, bool on);
/* Shows what is left of an incomplete line. */
void trace_clear(struct trace *t);

void trace_note(const struct trace *t, const char *format, ...) RELAY_PRINTF(2, 3);
void trace_received(struct trace *t, struct span bytes);
/* A WRITE action. */
void trace_sent(struct trace *t, const struct smtp_action *action);

#endif
