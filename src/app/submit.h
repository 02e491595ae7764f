/* SPDX-License-Identifier: ISC */
/*
 * submit: sendmail's main job: message from stdin, delivered now, or kept in the queue; and
 * what the caller hears about it.
 */
#ifndef APP_SUBMIT_H
#define APP_SUBMIT_H

#include "app/call.h"

/* Returns the exit status; errors are said. */
int submit(struct call *c);

#endif
