/* SPDX-License-Identifier: ISC */
/* check: shows which settings are in force and where they come from. */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "conf/conf.h"

/* Prints one account on stdout, secrets masked; returns the exit status. */
int check_print(const struct account *a);

/* relay check [-C FILE] [-a ACCOUNT]: every account, or that one, checked and printed. */
int check_command(int argc, char **argv);

#endif
