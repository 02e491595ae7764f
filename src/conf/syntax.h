/* SPDX-License-Identifier: ISC */
/* syntax: host names, domains, addresses of machines, fingerprints: is it well formed? */
#ifndef CONF_SYNTAX_H
#define CONF_SYNTAX_H

#include "base/err.h"
#include "base/span.h"

/* Errors say what is wrong, without quoting the text. */
bool syntax_host(const char *text, struct err *e) RELAY_CHECKED;
bool syntax_domain(const char *text, struct err *e) RELAY_CHECKED;
bool syntax_fingerprint(const char *text, struct err *e) RELAY_CHECKED;

/* An IPv4 or IPv6 address without brackets, perhaps with %interface: 4, 6; 0 = no. */
int syntax_ip_version(const char *text);

#endif
