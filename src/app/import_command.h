/* SPDX-License-Identifier: ISC */
/*
 * import_command: `relay import [--write] [--root DIR] [PROGRAM] [PATH]`: the configuration
 * of another mail program as a relayrc.
 */
#ifndef APP_IMPORT_COMMAND_H
#define APP_IMPORT_COMMAND_H

/*
 * Prints the relayrc on standard output, what was not carried over on standard error.
 * EX_OK: it is complete.  EX_CONFIG: something is missing without which it cannot send.
 * EX_NOINPUT: there is nothing to import, or it cannot be read.  EX_CANTCREAT: with
 * --write, when the file is there or cannot be made.
 */
int import_command(int argc, char **argv);

#endif
