/* SPDX-License-Identifier: ISC */
/*
 * domains: addresses with their domains in ASCII, for servers without SMTPUTF8: in the
 * envelope and in the header.  Pure: what makes A-labels (RFC 5890 §2.3.2.1) is the
 * caller's.  The part before the "@" has no other form: nothing can be done about that.
 */
#ifndef MAIL_DOMAINS_H
#define MAIL_DOMAINS_H

#include "mail/header.h"

struct domains {
	/* Appends the domain in ASCII; false: *e says why there is none. */
	bool (*to_ascii)(void *context, struct span domain, struct buf *to, struct err *e);
	void *context;
};

/*
 * The address in *ret_spec, which the caller frees; NULL when it is ASCII already, or cannot
 * become it.  False: what to_ascii said; or CAUSE_DATA, what came out is no address.
 */
bool domains_spec(const struct domains *d, const char *spec, char **ret_spec, struct err *e)
	RELAY_CHECKED;

/*
 * Appends the header (CRLF text, without the blank line).  Afterwards header_needs_smtputf8()
 * is false; bytes that are not of such a domain stay, but in a field that gets lines over 998
 * octets (mail/repair.h).  What to_ascii takes for no domain (CAUSE_DATA) is nobody's
 * address: it becomes one below .invalid (RFC 2606), "xc3xbc.example.invalid".  False
 * names field and address: its local part is not ASCII, or any other trouble of to_ascii;
 * CAUSE_DATA when *out is full.
 */
bool domains_header(const struct domains *d, struct span header, struct buf *out,
		    struct err *e) RELAY_CHECKED;

#endif
