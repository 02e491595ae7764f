/* SPDX-License-Identifier: ISC */
/* password_command: relay password: puts an account's password where it is safe. */
#ifndef APP_PASSWORD_COMMAND_H
#define APP_PASSWORD_COMMAND_H

/* relay password set|test|forget [ACCOUNT]: returns the exit status. */
int password_command(int argc, char **argv);

#endif
