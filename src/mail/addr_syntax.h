/* SPDX-License-Identifier: ISC */
/*
 * addr_syntax: what may stand in an address, for the parser and for addr_is_safe, so
 * that the two cannot disagree.  Only the addr files include it.
 */
#ifndef MAIL_ADDR_SYNTAX_H
#define MAIL_ADDR_SYNTAX_H

#include "mail/addr_fault.h"

/* One character of UTF-8, or one byte that is none. */
struct addr_character {
	size_t size;		/* at least 1; 0 for an empty text */
	unsigned code;
	/* Why it can never stand in an address: ADDR_CONTROL, ADDR_INVISIBLE … */
	enum addr_wrong wrong;
};
struct addr_character addr_character(struct span text);

/* It stands in for the "@" of a bare local part. */
bool addr_has_wide_at(struct span local, size_t *ret_at);

/* RFC 5322 §3.2.3 atext, and any byte above 127 (RFC 6532). */
bool addr_is_atext(char c);

/* Bytes of a domain label: letters, digits, '-', '_' and any byte above 127. */
bool addr_is_label(char c);

/* Atoms with single dots between them: needs no quotes as a local part. */
bool addr_is_dot_atom(struct span local);

/*
 * ADDR_FINE for labels of up to 63 characters with a dot between them, 253 in all
 * (RFC 1035 §2.3.4); else why not, and where.
 */
enum addr_wrong addr_check_domain(struct span domain, size_t *ret_at);

/*
 * The same for RFC 5321 §4.1.3, with its brackets: IPv4, IPv6: or another tag.  Stricter
 * than the RFC: nothing that could mean something elsewhere.
 */
enum addr_wrong addr_check_literal(struct span domain, size_t *ret_at);

#endif
