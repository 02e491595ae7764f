/* SPDX-License-Identifier: ISC */
/*
 * logsink: where the log's lines go: a file, syslog, or both; one line at a time.  It must
 * never hold mail up, and never let a stranger's text make a second line.
 */
#ifndef APP_LOGSINK_H
#define APP_LOGSINK_H

#include "app/identity.h"
#include "conf/conf.h"

#include <stdarg.h>

struct logsink;

/*
 * NULL when the account logs nowhere, or its file cannot be opened and it has no syslog.
 * The account outlives it.
 */
struct logsink *logsink_open(const struct account *a, struct identity *id);
void logsink_close(struct logsink *sink);	/* NULL is nothing */

/*
 * One line, "TIME HOST NAME/SERVICE[PID]: text", sanitised, and cut when it is very long;
 * with one write, so that lines of several processes never mix.  When that fails it is said
 * on stderr once.
 */
void logsink_put(struct logsink *sink, const char *service, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

#endif
