/* SPDX-License-Identifier: ISC */
/*
 * addr_syntax: what may stand in an address, for the parser and for addr_is_safe, so
 * that the two cannot disagree.  Only the addr files include it.
 */
#ifndef MAIL_ADDR_SYNTAX_H
#define MAIL_ADDR_SYNTAX_H

#include "base/span.h"

/* RFC 5322 §3.2.3 atext, and any byte above 127 (RFC 6532). */
bool addr_is_atext(char c);

/* Bytes of a domain label: letters, digits, '-', '_' and any byte above 127. */
bool addr_is_label(char c);

/* Atoms with single dots between them: needs no quotes as a local part. */
bool addr_is_dot_atom(struct span local);

/* RFC 5321 §4.1.3, with its brackets: IPv4, IPv6: or another tag. */
bool addr_is_literal(struct span domain);

#endif
