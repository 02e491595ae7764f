/* SPDX-License-Identifier: ISC */
/* postfix: what the files of the Postfix importer share. */
#ifndef IMPORT_POSTFIX_H
#define IMPORT_POSTFIX_H

#include "import/main_cf.h"
#include "import/master_cf.h"
#include "import/table.h"

/* A list of tables that was read before. */
struct postfix_table {
	char *spec;
	struct table table;
};

struct postfix {
	struct import *im;
	const struct import_env *env;
	const char *file;	/* main.cf, kept by im */
	struct main_cf main;
	struct master_cf master;
	struct postfix_table **tables;
	size_t table_count;
};

/* -- values -------------------------------------------------------------------- */

/*
 * The value of a parameter for a transport ("" = main.cf alone), everything replaced and
 * without blanks around; never NULL, the caller frees it.  at: where it stands, may be NULL.
 * What cannot be replaced is told once, and "".
 */
char *postfix_get(struct postfix *p, struct span transport, const char *name,
		  struct import_place *at);
/* Is it "yes"? */
bool postfix_yes(struct postfix *p, struct span transport, const char *name);
/* Does the file, or the transport, say something about it? */
bool postfix_is_set(const struct postfix *p, struct span transport, const char *name);
/* The tables of a parameter, read once; owned by p. */
const struct table *postfix_table(struct postfix *p, struct span transport,
				  const char *name, bool patterns);

/* -- the table of parameters (postfix_rows.c) ---------------------------------- */

enum row_kind {
	ROW_USED,	/* read by the code that needs it */
	ROW_APPLY,	/* apply() carries it over */
	ROW_LEFT,	/* cannot be carried over: text says why, unless it is empty or no */
	ROW_NOT_NEEDED,
};

struct postfix_row {
	const char *pattern;	/* of the name: ? * [ */
	enum row_kind kind;
	const char *text;	/* ROW_LEFT */
	/* value: not empty. */
	void (*apply)(struct postfix *p, const struct postfix_row *row, const char *value,
		      struct import_place at);
	enum key key;
};

/* NULL: not a parameter that is known. */
const struct postfix_row *postfix_row_find(struct span name);

/* -- the parts ----------------------------------------------------------------- */

/*
 * Server, TLS and login of an account: dest is "[host]:port" as Postfix has it, name the
 * parameter that says so.  sender: for smtp_sender_dependent_authentication, may be empty.
 * False, and a note: it cannot be used.
 */
bool postfix_server(struct postfix *p, struct import_account *a, struct span transport,
		    struct span dest, struct span sender, struct import_place at,
		    const char *name);
/* "[host]:port" → host; port 0: not understood.  *ret_has_brackets: no MX. */
struct span postfix_host(struct span dest, unsigned usual_port, unsigned *ret_port,
			 bool *ret_has_brackets);
/* TLS of the account (postfix_tls.c). */
void postfix_tls(struct postfix *p, struct import_account *a, struct span transport,
		 struct span dest, struct import_place at, bool has_login);
/* All accounts, from relayhost, the tables for senders and recipients. */
void postfix_routes(struct postfix *p);
/* The accounts by recipient, from transport_maps.  An entry "*" becomes *ret_all. */
void postfix_transports(struct postfix *p, struct table_entry *ret_all);
/*
 * Splits "transport:nexthop".  True when relay can send there: the command is smtp or lmtp.
 */
bool postfix_split(const struct postfix *p, struct span value, struct span *transport,
		   struct span *nexthop);
/* The account that is tried for dest when another is down; NULL: there is none. */
struct import_account *postfix_spare(struct postfix *p, struct span transport,
				     struct span dest, struct import_place at,
				     const char *name);
/* Server and spares, of a list of destinations.  As postfix_server. */
bool postfix_servers(struct postfix *p, struct import_account *a, struct span transport,
		     struct span list, struct span sender, struct import_place at,
		     const char *name);
/* What senders become: from and its friends. */
void postfix_senders(struct postfix *p);
/* Who may send (postfix_users.c); a row's apply. */
void postfix_users(struct postfix *p, const struct postfix_row *row, const char *value,
		   struct import_place at);
/* Local names: aliases, system_mail, maildomain. */
void postfix_local(struct postfix *p);

#endif
