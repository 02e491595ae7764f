/* SPDX-License-Identifier: ISC */
/* compose: from what the caller gave to the header and the envelope that leave. */
#ifndef APP_COMPOSE_H
#define APP_COMPOSE_H

#include "app/call.h"

/*
 * After call_prepare: reads the header from standard input, finishes account and envelope,
 * and puts the header that leaves in the place of the one that came.  The body is not read
 * yet.
 */
bool compose_header(struct call *c, struct err *e) RELAY_CHECKED;

/* The queue's view of it: all but the size.  The caller clears *v, also after an error. */
bool compose_entry(struct call *c, struct queue_entry *v, struct err *e) RELAY_CHECKED;

#endif
