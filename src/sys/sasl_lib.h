/* SPDX-License-Identifier: ISC */
/*
 * sasl_lib: libgsasl, loaded when it is needed.  For sasl.c only.  An ordinary send with
 * PLAIN must not pay for it and the libraries it links.
 */
#ifndef SYS_SASL_LIB_H
#define SYS_SASL_LIB_H

#include "sys/sasl.h"

struct sasl_lib;

/* NULL: CAUSE_CONFIG, the library is not installed. */
struct sasl_lib *sasl_lib_open(struct err *e) RELAY_CHECKED;
void sasl_lib_close(struct sasl_lib *l);

/*
 * SASLprep (RFC 4013): adds the prepared form of text to *to.  allow_new: also characters
 * newer than Unicode 3.2, as a query may have; the library's own mechanisms refuse them.
 */
bool sasl_lib_prepare(struct sasl_lib *l, struct span text, const char *what, bool allow_new,
		      struct buf *to, struct err *e) RELAY_CHECKED;

/* What a mechanism may ask for.  NULL = it has none. */
struct sasl_lib_login {
	const char *user, *password, *host, *realm;
	const char *binding_type;
	struct span binding;
};

bool sasl_lib_start(struct sasl_lib *l, const char *mechanism,
		    const struct sasl_lib_login *login, struct err *e) RELAY_CHECKED;
/* Ends the mechanism well when *ret_done: a server's signature has been verified then. */
bool sasl_lib_step(struct sasl_lib *l, struct span challenge, struct buf *out, bool *ret_done,
		   struct err *e) RELAY_CHECKED;

#endif
