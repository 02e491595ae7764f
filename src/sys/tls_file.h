/* SPDX-License-Identifier: ISC */
/* tls_file: opens the files that the TLS settings name.  For tls and trust only. */
#ifndef SYS_TLS_FILE_H
#define SYS_TLS_FILE_H

#include "base/err.h"

/* The largest that is read: a CRL can be some MiB. */
enum { TLS_FILE_MIB = 64 };

/*
 * For reading; -1 with *e set (CAUSE_CONFIG, with the setting's name) when it cannot be
 * opened, is no regular file or larger than TLS_FILE_MIB.  Never waits: not for a FIFO either.
 */
int tls_file_open(const char *setting, const char *path, struct err *e) RELAY_CHECKED;
/* The same for a file that GnuTLS opens itself afterwards. */
bool tls_file_check(const char *setting, const char *path, struct err *e) RELAY_CHECKED;

#endif
