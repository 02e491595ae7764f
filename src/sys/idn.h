/* SPDX-License-Identifier: ISC */
/*
 * idn: domains with letters that ASCII has not, as DNS knows them: A-labels (RFC 5890
 * §2.3.2.1), after UTS 46, by libidn2.  The library is loaded when there is such a domain:
 * the ordinary mail must not pay for it.
 */
#ifndef SYS_IDN_H
#define SYS_IDN_H

#include "base/buf.h"

/*
 * Appends the domain in ASCII; what is ASCII already is appended as it is.  What comes out of
 * another domain has letters, digits, '-', '_' and dots only.  False: CAUSE_DATA, it is no
 * valid domain; CAUSE_CONFIG, libidn2 cannot be loaded.
 */
bool idn_to_ascii(struct span domain, struct buf *to, struct err *e) RELAY_CHECKED;

/*
 * The other way: appends the domain, its A-labels as the letters that they stand for.  Those
 * are letters that idn_to_ascii makes the same A-labels of, or it is false.
 */
bool idn_to_unicode(struct span domain, struct buf *to, struct err *e) RELAY_CHECKED;

#endif
