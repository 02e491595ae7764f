/* SPDX-License-Identifier: ISC */
/*
 * local: which addresses are names of this machine, and who reads the mail to them:
 * `aliases`, then `system_mail`.
 */
#ifndef APP_LOCAL_H
#define APP_LOCAL_H

#include "app/identity.h"
#include "conf/conf.h"
#include "mail/aliases.h"

/* Most of each kind that a struct local_problems keeps. */
#define LOCAL_PROBLEMS_MAX 20

/* What the aliases file was found to say, in a line; and whose mail it is, or NULL. */
struct local_problem {
	char *text, *recipient;
};

/* All are counted. */
struct local_problems {
	struct local_problem at[ALIAS_TROUBLES][LOCAL_PROBLEMS_MAX];
	size_t counts[ALIAS_TROUBLES];
};
void local_problems_clear(struct local_problems *p);
/* How many of a kind are kept. */
size_t local_problems_kept(const struct local_problems *p, enum alias_trouble trouble);
/* Says mistakes and refused targets on standard error. */
void local_problems_say(const struct local_problems *p);

/*
 * An address that mail cannot be sent to from elsewhere: without a domain, at localhost,
 * or at a name of this machine.  A name that is also the domain of the account's own
 * address (`from`, `system_mail`, `maildomain`) is not one: people have mailboxes there.
 */
bool local_is_own(const char *addr, const struct account *a, struct identity *id);

/* The mail domain: `maildomain`, else that of this machine (identity_mailname). */
const char *local_domain(const struct account *a, struct identity *id);
/* spec itself, or with the mail domain when it has none.  The caller frees it. */
char *local_qualify(const char *spec, const struct account *a, struct identity *id);

/*
 * Replaces the local addresses of the list by who reads their mail; without an alias and
 * without system_mail they get a domain.  When no recipient is left, `problems` has a
 * refused target or says that the mail is thrown away.  An aliases file that cannot be read
 * is a mistake, and without system_mail an error.
 */
bool local_expand(struct addr_list *list, const struct account *a, struct identity *id,
		  struct local_problems *problems, struct err *e) RELAY_CHECKED;

/*
 * Everything that is wrong with an aliases file, and what gets no mail, goes into *problems;
 * NULL: it is said on standard error.  False when the file cannot be read.
 */
bool local_check_aliases(const char *path, const struct account *a, struct identity *id,
			 struct local_problems *problems, struct alias_report *ret,
			 struct err *e) RELAY_CHECKED;

#endif
