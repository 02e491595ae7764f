/* SPDX-License-Identifier: ISC */
/* notify: RFC 3461's NOTIFY as the queue's files write it: "failure,delay".  Pure. */
#ifndef QUEUE_NOTIFY_H
#define QUEUE_NOTIFY_H

#include "base/buf.h"

/* Most bytes of the words, with a short lead. */
#define QUEUE_NOTIFY_MAX ((size_t)64)

/* The words of queue_entry.notify behind `lead`; nothing when there is none. */
bool queue_notify_add(struct buf *to, const char *lead, unsigned notify) RELAY_CHECKED;
/* False when a word is not known, stands there twice, or is missing. */
bool queue_notify_read(struct span words, unsigned *ret_notify) RELAY_CHECKED;

#endif
