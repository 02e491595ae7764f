/* SPDX-License-Identifier: ISC */
/*
 * risk: what is accepted, but dangerous, or without any effect: for `relay check`.  Pure;
 * what needs a look at files, the queue or DNS is in app/check_*.c.
 */
#ifndef CONF_RISK_H
#define CONF_RISK_H

#include "conf/finding.h"

/*
 * One account by itself: the faults of conf_check, which are errors, and the table of risks,
 * which are warnings.  system_file: the name of the file for all users.
 */
void risk_account(const struct account *a, const char *system_file, struct findings *to);

/* The accounts together: who takes which sender.  only: about this account; NULL = all. */
void risk_senders(const struct conf *c, const struct account *only, struct findings *to);
/* Who has the mail that no account takes. */
void risk_default(const struct conf *c, struct findings *to);

/* The same for recipients, and where `fallback` leads. */
void risk_routes(const struct conf *c, const struct account *only, struct findings *to);

#endif
