/* SPDX-License-Identifier: ISC */
/* prompt: asks the person at the terminal for a password. */
#ifndef SYS_PROMPT_H
#define SYS_PROMPT_H

#include "base/buf.h"

#include <stdint.h>

/*
 * Writes `question` to the controlling terminal and reads one line from there, without
 * echo, into *secret (empty, made with buf_init_secret).  The terminal is as before
 * afterwards, also when a signal comes, which is delivered then.
 *
 * *ret_asked = false: there is no terminal, or it belongs to another job; nothing was
 * asked.  False: an empty answer, the deadline, a signal (CAUSE_SIGNAL), or it broke.
 */
bool prompt_secret(const char *question, int64_t deadline, struct buf *secret,
		   bool *ret_asked, struct err *e) RELAY_CHECKED;

#endif
