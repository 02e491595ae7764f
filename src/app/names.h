/* SPDX-License-Identifier: ISC */
/* names: of hosts, as DNS, TLS and SMTP know them: in ASCII (sys/idn.h). */
#ifndef APP_NAMES_H
#define APP_NAMES_H

#include "app/hops.h"

struct names {
	char *host, *proxy_host;
	char *tls_host;		/* whose certificate it must be */
	char *ehlo;		/* what we say that we are */
};

/*
 * Those of the server; NULL where it has none.  ehlo: as session_options has it.  False:
 * CAUSE_CONFIG; the setting has a name that is no valid domain, or libidn2 is missing.
 * names_clear frees them, also then.
 */
bool names_find(struct names *n, const struct hop *hop, const char *ehlo, struct err *e)
	RELAY_CHECKED;
void names_clear(struct names *n);

/* One name, for reports; as it is, when it cannot be made ASCII.  The caller frees it. */
char *names_dns(const char *name);

#endif
