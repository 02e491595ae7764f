/* SPDX-License-Identifier: ISC */
/* say: one line for the person or program that called us, on standard error. */
#ifndef APP_SAY_H
#define APP_SAY_H

#include "base/err.h"

/* Sets the word before the colon: "sendmail", "mailq", "relay check". */
void say_as(const char *name);
const char *say_name(void);
/* In a process whose parent draws a progress bar: each line wipes it first. */
void say_over_bar(void);
/* "NAME: text"; sanitised, written with one system call, failures ignored. */
void say(const char *format, ...) RELAY_PRINTF(1, 2);
/* Says the error and returns its exit code. */
int say_error(const struct err *e);

#endif
