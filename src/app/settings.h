/* SPDX-License-Identifier: ISC */
/* settings: which files are read, which account is used, what the command line changes. */
#ifndef APP_SETTINGS_H
#define APP_SETTINGS_H

#include "app/identity.h"
#include "app/names.h"
#include "app/options.h"
#include "queue/queue.h"
#include "queue/retry.h"
#include "sys/net.h"
#include "sys/secret.h"
#include "sys/tls.h"

/* What a user hears of a mistake in the machine's file. */
extern const char settings_hidden[];

/* Has the caller a file of his own, ~/.relayrc or the XDG one?  One that cannot be looked at is
 * one. */
bool settings_has_own(struct identity *id);
/* --host: no file is read. */
bool settings_has_host(const struct options *o);

/*
 * Reads -C FILE, or else ~/.relayrc (or $XDG_CONFIG_HOME/relay/relayrc) and
 * /etc/relayrc.  A system file that we may not read is passed over when there is a file
 * of the user's own.  With --host no file is read at all, as in msmtp.  Without any file
 * the account is made of RELAY_HOST and the like, if they are set (settings_env.h).  There
 * is nothing: os_errno is ENOENT.
 *
 * In the system scope (scope.h) /etc/relayrc is the only one, and a user of the service does
 * not hear what is wrong with it.
 *
 * id->may_hand_over afterwards: it failed because the caller has nothing of his own and may not
 * read the machine's file, or there is none and the service of the machine is there
 * (handover.h); settings_account sets it when no account of his own fits.
 */
bool settings_read(struct conf *c, const struct options *o, struct identity *id,
		   struct err *e) RELAY_CHECKED;

/*
 * The same for `relay check`: what struct conf_env says of `report`.  False: nothing can be
 * read.
 */
typedef void settings_reporter(void *arg, bool is_error, const char *file, unsigned line,
			       const char *text);
bool settings_report(struct conf *c, const struct options *o, struct identity *id,
		     settings_reporter *report, void *arg, struct err *e) RELAY_CHECKED;

/* Sets the options of the command line in an account.  CAUSE_USAGE. */
bool settings_apply(struct account *a, const struct options *o, struct identity *id,
		    struct err *e) RELAY_CHECKED;

/* conf_choose, with -a; sets id->may_hand_over. */
struct account *settings_choose(struct conf *c, const struct options *o, struct identity *id,
				const char *sender, struct err *e) RELAY_CHECKED;

/* settings_apply, and checks that it and its fallback accounts can be used.  Also CAUSE_CONFIG. */
bool settings_use(struct conf *c, struct account *a, const struct options *o,
		  struct identity *id, struct err *e) RELAY_CHECKED;

/*
 * The account for this message, when recipients do not count, with the options of the
 * command line set in it, checked.  sender: the envelope sender that was asked for, or NULL.  NULL with *e set on failure.
 */
struct account *settings_account(struct conf *c, const struct options *o, struct identity *id,
				 const char *sender, struct err *e) RELAY_CHECKED;

/*
 * For a queued message: the configuration that was its call's.  *c is fresh.  False (mostly
 * CAUSE_CONFIG): the file is gone or wrong now; the message waits.
 */
bool settings_read_entry(struct conf *c, const struct queue_entry *v, struct identity *id,
			 struct err *e) RELAY_CHECKED;

/*
 * May other messages, of which this is true too and `config` is the same, have the same *c?
 * Settings of a call are set in it.
 */
bool settings_may_share(const struct queue_entry *v);

/*
 * Of that configuration the account for the recipients of this via (queue/entry.h), with the
 * settings of the call, checked.  NULL with *e set: it is gone or wrong.
 */
struct account *settings_of_via(struct conf *c, const struct queue_entry *v, unsigned via,
				struct identity *id, struct err *e) RELAY_CHECKED;

/* The same the other way: what the entry must say to be given to this account again. */
bool settings_to_entry(const struct account *a, const struct options *o, struct identity *id,
		       struct queue_entry *v, struct err *e) RELAY_CHECKED;

/*
 * The folder of the account's queue: `queue_directory`, else the default one.  NULL with *e
 * set when there is no home.  The caller frees it.
 */
char *settings_queue_path(const struct account *a, struct identity *id, struct err *e)
	RELAY_CHECKED;
/* $XDG_STATE_HOME/relay/queue, else ~/.local/state/relay/queue; in the system scope its own. */
char *settings_default_queue(struct identity *id, struct err *e) RELAY_CHECKED;

/* The account's times, for a message with this sender. */
struct queue_times settings_times(const struct account *a, const char *sender);

/* What the account says about its password; nobody may be asked.  The texts stay its, and
 * host the caller's: the name that the secret is kept under. */
struct secret_query settings_secret(const struct account *a, const char *host,
				    struct identity *id);

/* Where a server is; the texts stay the account's, and those of names. */
struct net_target settings_target(const struct account *a, const struct names *names,
				  unsigned port);

/* What the account says about TLS, but not the name; the texts stay the account's. */
struct tls_options settings_tls(const struct account *a);

#endif
