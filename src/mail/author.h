/* SPDX-License-Identifier: ISC */
/*
 * author: who a message is from: From and Sender, and their Resent- forms.  Pure.
 *
 * Servers take a sender that can be answered, and many only the account's own address.  So
 * names of this machine, and with SET_FROM_ON all others, become that address, in a way
 * that people still see where the message comes from:
 *
 *	From: root (Cron Daemon)
 *	From: "root on host (Cron Daemon)" <me@example.org>
 *	X-Original-From: root@host (Cron Daemon)
 *
 * and Reply-To names who is not reached at the new address.  A field that cannot be parsed
 * and has an "@" stays, for it may have the right address, unless SET_FROM_ON.
 */
#ifndef MAIL_AUTHOR_H
#define MAIL_AUTHOR_H

#include "mail/header.h"

/* auto: add when missing, replace local names; on: the account's alone; off: nothing. */
enum set_from { SET_FROM_AUTO, SET_FROM_ON, SET_FROM_OFF };

/* What the pure part asks for, and only when it needs to know. */
struct author_env {
	void *context;
	/* The domain for addresses without one. */
	const char *(*domain)(void *context);
	/* A name of this machine? */
	bool (*is_local)(void *context, const char *spec);
	/* An address of the account? */
	bool (*is_own)(void *context, const char *spec);
	/* The one address that reads the mail to a local name, or NULL; the caller frees it. */
	char *(*reader)(void *context, const char *spec);
};

struct author {
	enum set_from set_from;
	const char *address;	/* ours; "" or NULL: no field is made */
	bool replaces_local;	/* it stands for local names, too */
	const char *name;	/* display name for a From that was missing, or NULL */
	const char *forced_name; /* SET_FROM_ON: the name in any case, or NULL */
	const char *host;	/* for "root on HOST" */
	const struct author_env *env;	/* NULL: no name is local, nothing is qualified */
};

/* The field's kind; a Resent- form has no fields beside it. */
enum author_kind { AUTHOR_FROM, AUTHOR_SENDER };

enum author_change {
	AUTHOR_STAYS,
	AUTHOR_QUALIFIED,	/* bare addresses get a domain */
	AUTHOR_RENAMED,		/* the address stays, the name is ours */
	AUTHOR_REPLACED,
};
enum author_change author_judge(const struct author *a, enum author_kind kind,
				struct span value);

struct author_facts {
	size_t count;		/* addresses; 0 also when it cannot be parsed */
	bool is_ours;		/* one, and it is our address */
};
struct author_facts author_look(const struct author *a, struct span value);

/* Has a field with our address to be made at all? */
bool author_can_add(const struct author *a);
/* Appends "NAME: …" with our name and address (Sender: the address alone). */
bool author_add(const struct author *a, enum author_kind kind, const char *prefix,
		struct buf *out) RELAY_CHECKED;

/*
 * Appends the field, changed.  `with_reply`: Reply-To behind it, when that is of use.
 * Beside a replaced From or Sender (not Resent-) stands its X-Original- field.
 */
bool author_rewrite(const struct author *a, enum author_kind kind,
		    enum author_change change, const struct header_field *field,
		    bool with_reply, struct buf *out) RELAY_CHECKED;

/* Appends "X-Original-From: …" or "X-Original-Sender: …" alone; an empty value: nothing. */
bool author_keep_original(const struct author *a, enum author_kind kind, struct span value,
			  struct buf *out) RELAY_CHECKED;

/* For author.c alone; in author_reply.c. */
bool author_add_reply(const struct author *a, struct span value,
		      const struct addr_list *list, struct buf *out) RELAY_CHECKED;
bool author_is_local(const struct author *a, const char *spec);

#endif
