/* SPDX-License-Identifier: ISC */
/*
 * serve_queue: XQUEUE of a session with the service of the machine: a command of `relay queue`
 * for the user at the other end, who sees his own messages.  The words: perhaps "tty", perhaps
 * "mailq" or "sendmail" when it was called by that name, then
 * "list [--json]", "show ID", "flush [--now] [ID…]" and so on, as relay(1) has them; nothing
 * else of a command line.
 */
#ifndef APP_SERVE_QUEUE_H
#define APP_SERVE_QUEUE_H

#include "app/call.h"

/*
 * Answers 250 and then frames (frame.h), or a refusal.  signals, slot: what no child may have,
 * as in serve_message.h.
 */
void serve_queue(const struct call *c, struct span words, int signals[2], int slot);

#endif
