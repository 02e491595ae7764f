/* SPDX-License-Identifier: ISC */
/* settings: which files are read, which account is used, what the command line changes. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include "app/identity.h"
#include "app/options.h"
#include "sys/tls.h"

#define SETTINGS_SYSTEM_FILE "/etc/relayrc"

/*
 * Reads -C FILE, or else ~/.relayrc (or $XDG_CONFIG_HOME/relay/relayrc) and
 * /etc/relayrc.  A system file that we may not read is passed over when there is a file
 * of the user's own.  With --host no file is read at all, as in msmtp.
 */
bool settings_read(struct conf *c, const struct options *o, struct identity *id,
		   struct err *e) RELAY_CHECKED;

/*
 * The account for this message, with the options of the command line set in it, checked.
 * sender: the envelope sender that was asked for, or NULL.  NULL with *e set on failure.
 */
struct account *settings_account(struct conf *c, const struct options *o, struct identity *id,
				 const char *sender, struct err *e) RELAY_CHECKED;

/* What the account says about TLS; the texts stay the account's. */
struct tls_options settings_tls(const struct account *a);

#endif
