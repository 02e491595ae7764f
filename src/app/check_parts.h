/* SPDX-License-Identifier: ISC */
/*
 * check_parts: what the check*.c files share.  Each looks at one thing that the settings
 * name and adds to the findings; none changes anything, nor makes a file, nor a connection to
 * another machine.
 */
#ifndef APP_CHECK_PARTS_H
#define APP_CHECK_PARTS_H

#include "app/identity.h"
#include "conf/finding.h"

#include <stdint.h>

/* ---- check_path.c ---- */

/*
 * Who could put another file in the place of this one: tells of the first folder on its way
 * that others can change.  The file need not be there.  a NULL: the file is a relayrc.
 */
void check_path(const char *path, const struct account *a, enum key key,
		struct findings *to);

/* The folder that the last part of a path is in; the caller frees it. */
char *check_parent(const char *path);

/* ---- check_files.c ---- */

/* The relayrc files that the accounts come from. */
void check_sources(const struct conf *c, struct findings *to);

/* Certificates, keys, passwords, aliases, log, socket. */
void check_files(const struct account *a, struct identity *id, struct findings *to);

/* What several accounts share is looked at once. */
struct check_seen {
	char **names;
	size_t count;
};
/* Was it there before?  Now it is. */
bool check_is_seen(struct check_seen *seen, const char *name);
void check_seen_clear(struct check_seen *seen);

/* ---- check_queue.c ---- */

/* The queue's folder: can mail be kept there, and does anybody send it? */
void check_queue(const struct account *a, struct identity *id, struct check_seen *folders,
		 struct findings *to);

/* ---- check_host.c ---- */

/* What was asked of DNS so far. */
struct check_hosts {
	struct check_seen names;
	int64_t until;		/* deadline of all; 0 = nothing was asked yet */
	bool is_silent;		/* DNS did not answer in time: nothing more is asked */
};

/* Does the name of the server, or of the proxy, have an address? */
void check_host(const struct account *a, struct check_hosts *hosts, struct findings *to);

/* ---- check_service.c ---- */

/*
 * Does the service of the machine take the mail of those who have no account?  is_own: the
 * caller is one of them; not: whoever runs it.
 */
void check_service(bool is_own, enum severity severity, bool is_offline, struct findings *to);

/* ---- check_print.c ---- */

/*
 * Settings on standard output, findings on standard error, each one line; or both as one
 * JSON object on standard output.  False: it cannot be written.
 */
bool check_print_text(const struct conf *c, const char *only, const struct findings *list)
	RELAY_CHECKED;
bool check_print_json(const struct conf *c, const char *only, const struct findings *list)
	RELAY_CHECKED;

#endif
