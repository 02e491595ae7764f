/* SPDX-License-Identifier: ISC */
/* app: the personalities main.c chooses from.  Each returns the exit status. */
#ifndef APP_APP_H
#define APP_APP_H

/* sendmail and all its modes; `name` is what we were called. */
int app_sendmail(int argc, char **argv);
/* relay COMMAND: the tool for people. */
int app_relay(int argc, char **argv);
int app_mailq(int argc, char **argv);
int app_newaliases(int argc, char **argv);

#endif
