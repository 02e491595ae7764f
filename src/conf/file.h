/* SPDX-License-Identifier: ISC */
/* file: opens a relayrc and says whether to believe it, also with a secret in it. */
#ifndef CONF_FILE_H
#define CONF_FILE_H

#include "conf/conf.h"

#include <sys/stat.h>

#define FILE_MAX (4u << 20)

/*
 * Reads the whole file into *text (made with buf_init_secret(…, FILE_MAX)).  Missing:
 * true and *ret_found = false.  *ret_secret_refusal: as file_secret_refusal, for us.
 */
bool file_read(const char *path, enum conf_scope scope, struct buf *text,
	       char **ret_secret_refusal, bool *ret_found, struct err *e) RELAY_CHECKED;

/* Why this file must not be believed at all, for uid; NULL: it may. */
const char *file_refusal(const struct stat *status, enum conf_scope scope, uid_t uid);

/* What is wrong with a file that holds a password; the caller frees it; NULL: nothing. */
char *file_secret_refusal(const struct stat *status, enum conf_scope scope, uid_t uid,
			  const char *path);

#endif
