/* SPDX-License-Identifier: ISC */
/*
 * queue_remote: the queue of the machine, for a user who has no configuration of his own: its
 * service does with his messages what he asks for (serve_queue.h).
 */
#ifndef APP_QUEUE_REMOTE_H
#define APP_QUEUE_REMOTE_H

#include "app/queue_command.h"

/*
 * Is it the machine's queue that this call is about?  It is with -a and the path of its socket;
 * not when an option names a queue, another account, a file or a host.  Reads the settings;
 * when they are the caller's own they are in c->conf.
 */
bool queue_remote_is(struct call *c);

/*
 * A command of `relay queue`; ids may be NULL.  What it prints is printed, and its exit status is
 * returned; EX_CONFIG when there is no such service.
 */
int queue_remote(const char *command, bool is_json, bool has_now, const struct queue_ids *ids);

/*
 * mailq: of the caller's own queue, and behind it what he has in the machine's; or of that alone,
 * when it is the one that the call is about.
 */
int queue_remote_list(struct call *c);

/*
 * Would the service take a message from us?  It is asked with an empty sender, and told no more.
 * *ret_greets: it is there, and *e has the words of its refusal.
 */
bool queue_remote_takes(bool *ret_greets, struct err *e) RELAY_CHECKED;

/* sendmail -q… */
int queue_remote_flush(const struct flush_options *o);

#endif
