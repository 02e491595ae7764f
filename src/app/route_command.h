/* SPDX-License-Identifier: ISC */
/*
 * route_command: sendmail -bv and `relay route`: what would be done with these recipients.
 * Sends nothing, and asks DNS for nothing.
 */
#ifndef APP_ROUTE_COMMAND_H
#define APP_ROUTE_COMMAND_H

#include "app/call.h"

/*
 * -bv: for each account sender, recipients with the reason, From and servers, a line each.
 * Returns the exit status.
 */
int route_verify(struct call *c);

/* relay route [-a ACCOUNT] [-f SENDER] ADDRESS…: the same for each address. */
int route_command(int argc, char **argv);

#endif
