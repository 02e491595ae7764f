/* SPDX-License-Identifier: ISC */
/* trace: the dialogue on standard error for -v.  Secrets are masked, bodies left out. */
#ifndef APP_TRACE_H
#define APP_TRACE_H

#include "base/err.h"
#include "base/span.h"
#include "smtp/client.h"

void trace_note(bool on, const char *format, ...) RELAY_PRINTF(2, 3);
void trace_received(bool on, struct span bytes);
/* A WRITE action. */
void trace_sent(bool on, const struct smtp_action *action);

#endif
