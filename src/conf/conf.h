/* SPDX-License-Identifier: ISC */
/*
 * conf: relayrc.  One row of keys.def per setting; no code per setting.
 *
 * Syntax and words are msmtprc's (see relayrc(5)).  Every value remembers where it came
 * from.  This room reads files but starts no programs: `eval` calls back.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/buf.h"

#include <stdint.h>

enum key {
#define KEY(id, ...) KEY_##id,
#include "conf/keys.def"
#undef KEY
	KEY_COUNT
};

/* What a value is; decides parsing, checking and printing. */
enum key_type {
	TYPE_STRING,	/* empty = unset */
	TYPE_PATH,	/* leading ~ is the home directory */
	TYPE_BOOL,	/* on, off; empty = on */
	TYPE_NUMBER,	/* min … max, or "off" with KEY_CAN_BE_OFF; empty = default */
	TYPE_TIME,	/* as TYPE_NUMBER, with a unit: 5d; conf_number gives seconds */
	TYPE_ENUM,	/* one word of the row's list; empty = on, or the default */
	TYPE_SECRET,	/* string, masked whenever printed, wiped when freed */
	TYPE_HOST,	/* host name, IPv4 or IPv6 address (with or without brackets) */
	TYPE_HOSTS,	/* one or several of these, or srv:DOMAIN */
	TYPE_IP,	/* IPv4 or IPv6 address */
	TYPE_DOMAIN,	/* domain or address literal, %-substitutions */
	TYPE_ADDRESS,	/* one mail address with a domain */
	TYPE_PATTERNS,	/* `from`: an address or a pattern (? * [), %-substitutions */
	TYPE_RECIPIENTS, /* `to`: addresses, patterns, domain, .domain, *; lines add up */
	TYPE_ACCOUNTS,	/* names of accounts, which may stand further down */
	TYPE_MECHANISMS,	/* auth: on, off, or a list: lower case, one blank */
	TYPE_FINGERPRINT,	/* hex digits with optional colons: SHA-256, SHA-1, MD5 */
	TYPE_NOTIFY,	/* dsn_notify: off, never, or failure,delay,success */
};

enum key_flag {
	KEY_OBSOLETE = 1,	/* msmtp's old word: accepted, translated or ignored */
	KEY_NO_OPTION = 4,	/* no --long-option on the command line */
	KEY_CAN_BE_OFF = 8,	/* TYPE_NUMBER, TYPE_TIME: "off" is 0 */
	KEY_ABSOLUTE = 16,	/* TYPE_PATH: the same wherever the caller stands */
};

/* The longest TYPE_TIME: ten years, in seconds. */
#define CONF_TIME_MAX (3650 * 86400L)

/* conf_number of TYPE_NOTIFY; the same bits as enum smtp_notify. */
enum conf_notify {
	CONF_NOTIFY_OFF = 0,
	CONF_NOTIFY_NEVER = 1,
	CONF_NOTIFY_SUCCESS = 2,
	CONF_NOTIFY_FAILURE = 4,
	CONF_NOTIFY_DELAY = 8,
};

struct key_row {
	const char *name;	/* as in relayrc; the long option has '-' for '_' */
	enum key_type type;
	const char *fallback;	/* default as text; NULL = unset */
	long min, max;		/* TYPE_NUMBER; TYPE_TIME: seconds */
	const char *words;	/* ENUM, MECHANISMS: "auto on off"; TIME: its unit, "d" */
	unsigned flags;		/* enum key_flag */
	const char *summary;	/* one sentence for the manual */
};

/* Never NULL. */
const struct key_row *conf_key_row(enum key key);
/* False when there is no such name (neither `_` nor `-` spelling). */
bool conf_key_find(struct span name, enum key *ret_key);
/* The known name that is nearest to an unknown one, or NULL when none is near. */
const char *conf_key_nearest(struct span name);

struct conf_value {
	char *text;		/* unquoted, ~ and % expanded; NULL = nothing */
	long number;		/* BOOL 0/1, NUMBER, TIME, index of ENUM's word, NOTIFY bits */
	const char *file;	/* owned by struct conf; NULL = default, "command line" */
	unsigned line;		/* 0: file is the name of a variable */
	bool is_set;		/* false: the row's default is in force */
	bool from_defaults;	/* from a `defaults` section: heirs do not inherit it */
	unsigned sharers;	/* accounts that have this value */
	struct conf_value *next; /* the next line of a setting whose lines add up: `to` */
};

/* Bits for every key. */
#define CONF_KEY_WORDS 2

struct account {
	char *name;
	const char *file;
	unsigned line;
	/* Private: see conf_value. */
	size_t next_name;
	uint64_t has[CONF_KEY_WORDS];
	struct conf_value **values;	/* only what is set, in the order of the keys */
};

struct conf {
	struct account *accounts;	/* in file order; the user's file first */
	size_t count, room;
	char **files;		/* names for conf_value.file */
	size_t file_count;
	size_t bytes;		/* of all values */
	size_t *names, name_room;	/* accounts by name: a hash table, index + 1 */
	/*
	 * Other ways to write an address that mean the same mailbox (its domain in A-labels,
	 * or without), for the choice of an account: from n = 0 on, the caller frees; NULL = no
	 * more.  The caller of conf brings it; NULL = there are none.
	 */
	char *(*respell)(const char *address, unsigned n);
};

/* What conf needs from outside. */
struct conf_env {
	const char *home;	/* for ~; NULL when unknown: then ~ is an error */
	/*
	 * Runs a shell command and gives its first output line (for `eval`); the
	 * caller of conf brings it (sys/spawn).
	 */
	bool (*run)(const char *command, struct buf *line, struct err *e);
	/*
	 * Appends what %U (user), %H (host), %C (canonical host) or %M (/etc/mailname)
	 * stand for in `from`, `domain` and `maildomain`.  NULL: they stay as written, and
	 * are not checked.
	 */
	bool (*name)(void *arg, char letter, struct buf *to, struct err *e);
	void *name_arg;
	/*
	 * For `relay check`: told of every wrong line (is_error), and of every old word;
	 * then reading goes on, and conf_read succeeds.  text: "key: what is wrong; what
	 * to do".  NULL: the first wrong line is the error, and old words are fine.
	 */
	void (*report)(void *arg, bool is_error, const char *file, unsigned line,
		       const char *text);
	void *report_arg;
};

enum conf_scope {
	/* Found in a home: the owner is us or root; with a secret, mode & 077 is 0. */
	CONF_USER,
	/* Named by the caller: any owner; with a secret, as CONF_USER. */
	CONF_NAMED,
	/* /etc/relayrc: owner root (or us); with a secret, group `relay` may read. */
	CONF_SYSTEM,
};

void conf_init(struct conf *c);
void conf_clear(struct conf *c);	/* wipes secrets */

/*
 * Reads one file and appends its accounts.  Missing file: *ret_found = false and true is
 * returned.  Errors read "FILE:LINE: key: what is wrong" (CAUSE_CONFIG).  Bounds: 1 MiB a
 * file, 64 KiB a line, 12,000 accounts, 16 MiB of values.  Not a regular file (device,
 * FIFO, directory), or writable by group or others: error.  A file that we may not read:
 * error with os_errno EACCES, so that the caller can go on without /etc/relayrc.  After
 * an error *c holds what came before; conf_clear is all that may be done with it then.
 */
bool conf_read(struct conf *c, const char *path, enum conf_scope scope,
	       const struct conf_env *env, bool *ret_found, struct err *e) RELAY_CHECKED;

/*
 * An account with defaults only, named `name`, appended: for --host and the environment.
 * Pointers to accounts that were had before are not valid any more.
 */
struct account *conf_add_account(struct conf *c, const char *name);

/*
 * Chooses: by name when given (CAUSE_CONFIG when there is none, with the nearest name);
 * else the first whose `from` patterns match sender (sender may be NULL or "": none);
 * else the one named "default".  NULL with *e set when nothing fits.
 */
struct account *conf_choose(struct conf *c, const char *name, const char *sender,
			    struct err *e) RELAY_CHECKED;

/* Does `from` take this sender: the address, with a +detail too, or the pattern? */
bool conf_takes_sender(const struct account *a, const char *sender);

/*
 * Sets one value from the command line, checked as in a file.  Errors read
 * "ORIGIN: key: what is wrong".
 */
bool conf_set(struct account *a, enum key key, struct span value, const char *origin,
	      const struct conf_env *env, struct err *e) RELAY_CHECKED;

/*
 * The same from a variable of the environment: conf_origin gives its name from then on.  A
 * control character, which no line of a file could have, is an error too.
 */
bool conf_set_variable(struct conf *c, struct account *a, enum key key, const char *value,
		       const char *variable, const struct conf_env *env,
		       struct err *e) RELAY_CHECKED;

/*
 * Cross-checks an account that is going to be used: host or socket there, auth needs a
 * user, TLS files in pairs, port and protocol fit …  Errors name file and line.
 */
bool conf_check(const struct account *a, struct err *e) RELAY_CHECKED;

/* One of the things that conf_check finds: "what is wrong; what to do". */
struct conf_fault {
	enum key key;
	char reason[256];
};
/* The next one from *at on, which starts with 0; false: there is no more. */
bool conf_fault(const struct account *a, unsigned *at, struct conf_fault *ret);

/*
 * What was set, and where; not is_set: nothing was.  Never NULL.  A setting whose lines add
 * up (`to`) has a value for each line: see `next`.
 */
const struct conf_value *conf_value(const struct account *a, enum key key);

/*
 * Values in force: what was set, else the default.  conf_text: NULL when unset, and when
 * set to nothing: `tls_trust_file` without a value is NULL (no trust), default "system".
 * The defaults of port, tls, tls_starttls and auth depend on other settings (relayrc(5));
 * these functions know.
 */
const char *conf_text(const struct account *a, enum key key);
long conf_number(const struct account *a, enum key key);
bool conf_on(const struct account *a, enum key key);
/* Set to something (not to nothing) in a file or on the command line. */
bool conf_is_set(const struct account *a, enum key key);
/* conf_number of an ENUM compared with one of its words. */
bool conf_is(const struct account *a, enum key key, const char *word);
/* STARTTLS (true) or TLS from the start?  False without TLS. */
bool conf_starttls(const struct account *a);
/*
 * `port`, else 465 (implicit TLS), 587 (STARTTLS), 25 (no TLS).  0 with a socket, and for
 * LMTP without a port.
 */
unsigned conf_port(const struct account *a);
/* Is a login wanted: auth on or a mechanism list; or auth unset and a user is set. */
bool conf_wants_auth(const struct account *a);
/* The mechanisms that `auth` lists, "scram-sha-256 plain"; NULL when it lists none. */
const char *conf_mechanisms(const struct account *a);
/* `from %F`: the author named in the message is the sender. */
#define CONF_FROM_AUTHOR "%F"
/* The most servers of one `host`, and names in one `fallback`. */
#define CONF_LIST_MAX 32
struct conf_server {
	struct span name;	/* of the host, or the domain; into the account's text */
	bool is_srv;		/* DNS says which hosts: srv:DOMAIN */
};
/*
 * The servers of `host` in order: start with rest = span_str(conf_text(a, KEY_HOST)).
 * False: there is no more.
 */
bool conf_host_next(struct span *rest, struct conf_server *ret);
/*
 * The name of the first one (of srv:DOMAIN the domain), for people, and for what keeps
 * secrets: a copy, the caller frees it.  NULL: there is none.
 */
char *conf_first_host(const struct account *a);
/* The address in `from`; NULL when unset or a pattern; CONF_FROM_AUTHOR as it is. */
const char *conf_from(const struct account *a);

/*
 * "/home/me/.relayrc:12" (the file as it was named), "RELAY_HOST" (the environment),
 * "default" or "command line".
 */
void conf_origin(const struct account *a, enum key key, char *text, size_t size);
/*
 * The same in two parts, for lists: where the setting stands, or the account when it is not
 * set (or key is KEY_COUNT).  *ret_file NULL: the command line.  Line 0: a variable.
 */
void conf_place(const struct account *a, enum key key, const char **ret_file,
		unsigned *ret_line);

/* The user's account hides one of the same name in the system's file. */
bool conf_is_hidden(const struct conf *c, const struct account *a);

/*
 * The value in force as conf_print shows it (of several lines the first): masked when it is
 * a secret, "" when it was set to nothing; any bytes.  NULL: not shown, because it is not
 * set.  The caller frees it.
 */
char *conf_shown(const struct account *a, enum key key);

/*
 * Appends "account NAME" and every setting in force, `key value<TAB># origin`, in the
 * order of keys.def, secrets as "********", unset ones left out.  What `relay check` and -P
 * print; it parses again (a TAB followed by "# " starts a comment).  False when the buffer is full.
 */
bool conf_print(const struct account *a, struct buf *to) RELAY_CHECKED;

#endif
