/* SPDX-License-Identifier: ISC */
/*
 * addr: RFC 5322 §3.4 address lists and RFC 5321 §4.1.2 mailboxes.  Pure.
 *
 * Reads what people and programs write (comments, groups, quoted strings, folding,
 * routes, missing domains, UTF-8 of RFC 6531) and gives what goes into the envelope.
 */
#ifndef MAIL_ADDR_H
#define MAIL_ADDR_H

#include "base/buf.h"
#include "mail/addr_fault.h"

/* Most bytes of one address with its domain (RFC 5321 §4.5.3.1.3 has 254; we are wider). */
#define ADDR_MAX 1024
/* Most addresses in one list. */
#define ADDR_LIST_MAX 100000

struct addr {
	/*
	 * For the envelope, without angle brackets, comments and blanks; quotes only where
	 * the local part needs them.  `local@domain`, or `local` when no domain was given,
	 * or "" for the null address <>.
	 */
	char *spec;
	/* The addr-spec's bytes in the text that was parsed (lives as long as that). */
	struct span where;
	/* The address it came from, when it was changed (aliases); NULL: spec is as given. */
	char *origin;
};

struct addr_list {
	struct addr *at;
	size_t count, room;
};

void addr_list_init(struct addr_list *list);
void addr_list_clear(struct addr_list *list);
#define ADDR_LIST_AUTO __attribute__((cleanup(addr_list_clear)))

/* Adds a copy of spec; `where` is empty.  False beyond ADDR_LIST_MAX (CAUSE_DATA). */
bool addr_list_add(struct addr_list *list, const char *spec, struct err *e) RELAY_CHECKED;

/*
 * Appends every mailbox of an RFC 5322 address-list; a group gives its members, an
 * empty group or an empty list none; empty elements (",,") are skipped.  Text may be
 * folded (CRLF and a blank).  False (CAUSE_DATA) when any part is malformed: *e has the
 * column, the address and what is wrong (addr_fault.h), ready for err_ctx; the list then
 * holds what came before.
 */
bool addr_list_parse(struct addr_list *list, struct span text, struct err *e) RELAY_CHECKED;

/* The same for one who knows where the text stands, or must not quote it. */
bool addr_list_read(struct addr_list *list, struct span text, struct addr_fault *ret_fault)
	RELAY_CHECKED;

/*
 * Is one of the addresses from index `first` on, which were read from text, "<>"?  It cannot
 * be a recipient; *ret_fault says so.
 */
bool addr_list_has_null(const struct addr_list *list, size_t first, struct span text,
			struct addr_fault *ret_fault);

/* Removes duplicates (addr_equal); the first of each stays, in the order they have. */
void addr_list_unique(struct addr_list *list);

/*
 * Exactly one mailbox, as for -f: "a@b", "<a@b>", "Name <a@b>", "root@h (comment)",
 * "root".  "" and "<>" give the null sender: *ret_spec is "".  The caller frees it.
 */
bool addr_parse_one(char **ret_spec, struct span text, struct err *e) RELAY_CHECKED;
bool addr_read_one(char **ret_spec, struct span text, struct addr_fault *ret_fault)
	RELAY_CHECKED;

/*
 * True when spec may stand between < and > in MAIL and RCPT: a valid dot-string or
 * quoted-string local part, a valid domain or address literal (or none), no CR, LF, NUL,
 * other control byte or invisible character, at most ADDR_MAX bytes.  "" (null sender) is
 * safe.
 */
bool addr_is_safe(struct span spec);

/* What follows the last '@' outside quotes; empty when there is none. */
struct span addr_domain(struct span spec);
/* A name without a domain?  "" is none. */
bool addr_is_bare(const char *spec);
/* What stands before it (quotes kept). */
struct span addr_local(struct span spec);

/* spec itself, or spec@domain when it has no domain and is not "".  The caller frees it. */
char *addr_qualify(const char *spec, const char *domain) __attribute__((returns_nonnull));

/* Same mailbox for removing duplicates: local part exactly, domain without case. */
bool addr_equal(const char *a, const char *b);

/*
 * Appends a display name as a phrase: as it is when it is plain atoms, else a quoted
 * string, or RFC 2047 encoded-words (UTF-8, B) when it is not ASCII.
 */
bool addr_add_phrase(struct buf *to, struct span name) RELAY_CHECKED;

#endif
