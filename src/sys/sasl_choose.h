/* SPDX-License-Identifier: ISC */
/* sasl_choose: the table of login mechanisms.  For sasl.c only. */
#ifndef SYS_SASL_CHOOSE_H
#define SYS_SASL_CHOOSE_H

#include "sys/sasl.h"

enum sasl_trait {
	CLEAR = 1 << 0,		/* shows the secret to who can read the connection */
	BY_NAME = 1 << 1,	/* only when `auth` names it */
	NAME_IN_CLEAR = 1 << 2,	/* the same, but only without TLS */
	NO_SECRET = 1 << 3,
	NO_USER = 1 << 4,	/* user may be missing */
	RAW = 1 << 5,		/* no SASLprep: not a password */
	BINDS = 1 << 6,		/* needs the channel binding */
	SINGLE = 1 << 7,	/* see sasl_is_single */
	OWN = 1 << 8,		/* done in sasl.c; else libgsasl */
};

struct sasl_mechanism {
	const char *name;
	unsigned traits;
};

/* NULL = not known.  Names are compared without regard to case. */
const struct sasl_mechanism *sasl_find(struct span name);

#endif
