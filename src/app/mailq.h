/* SPDX-License-Identifier: ISC */
/*
 * mailq: the list of the queue (mailq, sendmail -bp, relay queue list), in the columns of
 * Postfix's `postqueue -p`, or with --json as `postqueue -j`.  Changes nothing, locks
 * nothing.
 */
#ifndef APP_MAILQ_H
#define APP_MAILQ_H

#include "app/call.h"

/* Prints it and returns the exit status. */
int mailq(struct call *c);

/* What it prints when there is nothing. */
extern const char mailq_empty[];

#endif
