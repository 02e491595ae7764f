/* SPDX-License-Identifier: ISC */
/*
 * local: which addresses are names of this machine, and who reads the mail to them:
 * `aliases`, then `system_mail`.
 */
#ifndef APP_LOCAL_H
#define APP_LOCAL_H

#include "app/identity.h"
#include "conf/conf.h"
#include "mail/addr.h"

/* Most lines that a struct local_problems keeps. */
#define LOCAL_PROBLEMS_MAX 20

/* Targets of aliases that get no mail, one line each; all are counted. */
struct local_problems {
	char *lines[LOCAL_PROBLEMS_MAX];
	size_t count;
};
void local_problems_clear(struct local_problems *p);
/* Says them on standard error. */
void local_problems_say(const struct local_problems *p);

/*
 * An address that mail cannot be sent to from elsewhere: without a domain, at localhost,
 * or at a name of this machine.  A name that is also the domain of the account's own
 * address (`from`, `system_mail`, `maildomain`) is not one: people have mailboxes there.
 */
bool local_is_own(const char *addr, const struct account *a, struct identity *id);

/* spec itself, or with the mail domain when it has none.  The caller frees it. */
char *local_qualify(const char *spec, const struct account *a, struct identity *id);

/*
 * Replaces the local addresses of the list by who reads their mail; without an alias and
 * without system_mail they get a domain.  When no recipient is left, the first problem is
 * the error.
 */
bool local_expand(struct addr_list *list, const struct account *a, struct identity *id,
		  struct local_problems *problems, struct err *e) RELAY_CHECKED;

/*
 * Says everything that is wrong with an aliases file on standard error.  *ret_problems
 * and *ret_count: how much that is, and the aliases it has.  False when it cannot be
 * read.
 */
bool local_check_aliases(const char *path, const struct account *a, struct identity *id,
			 size_t *ret_problems, size_t *ret_count,
			 struct err *e) RELAY_CHECKED;

#endif
