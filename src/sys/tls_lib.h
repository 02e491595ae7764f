/* SPDX-License-Identifier: ISC */
/*
 * tls_lib: libgnutls, loaded when TLS is needed.  For tls only.  It brings eight more
 * libraries, and loading them takes longer than all the rest of a start: who only puts a
 * message into the queue, or looks into it, must not pay for that.
 */
#ifndef SYS_TLS_LIB_H
#define SYS_TLS_LIB_H

#include "base/err.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

/* The functions in tls_lib.def, with the types that the headers give them. */
struct tls_lib {
#define GNUTLS(name) __typeof__(gnutls_##name) *name;
#include "sys/tls_lib.def"
#undef GNUTLS
};

/*
 * gnutls.init() is gnutls_init(), and so on: the linker knows none of these names.  All are
 * NULL up to tls_lib_load, and never change after it.
 */
extern struct tls_lib gnutls;

/* Does nothing when the library is there.  False: CAUSE_TLS, it cannot be loaded. */
bool tls_lib_load(struct err *e) RELAY_CHECKED;

#endif
