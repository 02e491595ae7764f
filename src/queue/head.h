/* SPDX-License-Identifier: ISC */
/* head: what the writer and the reader of a message file's first line have in common. */
#ifndef QUEUE_HEAD_H
#define QUEUE_HEAD_H

/* What the first line begins with; then the version. */
#define HEAD_MAGIC   "relay-queue "
#define HEAD_VERSION "1"

#endif
