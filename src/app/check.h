/* SPDX-License-Identifier: ISC */
/* check: which settings are in force, where they come from, and what is wrong with them. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "conf/conf.h"

/* Prints one account on stdout, secrets masked; returns the exit status. */
int check_print(const struct account *a);

/*
 * relay check [-C FILE] [-a ACCOUNT] [--json] [--offline]: every account, or that one,
 * checked and printed.  0: nothing is wrong; 1: only warnings; EX_CONFIG: errors.
 */
int check_command(int argc, char **argv);

#endif
