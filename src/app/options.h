/* SPDX-License-Identifier: ISC */
/* options: the command line of the sendmail personality, read before anything else. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "conf/conf.h"

enum mode { MODE_SEND, MODE_LIST_QUEUE, MODE_FLUSH, MODE_CHECK_ALIASES, MODE_VERIFY,
	    MODE_SERVE, MODE_PRETEND, MODE_HELP, MODE_VERSION };

/* -oe, -e: who learns of an error that is found while the caller waits. */
enum error_mode {
	ERRORS_PRINT,	/* p, w: standard error and the exit status */
	ERRORS_MAIL,	/* m: also the sender, with a delivery report */
	ERRORS_MAIL_ZERO,	/* e: the same, and then the exit status is 0 */
	ERRORS_QUIET,	/* q: only the exit status */
};

/* What the -q options say together (MODE_FLUSH). */
struct flush_options {
	bool now;		/* -qf: also what is not due yet */
	const char *id;		/* -qI: this message, the ID may be cut short */
	const char *recipient;	/* -qR: this in the address of a recipient */
	const char *sender;	/* -qS: this in the address of the sender */
	unsigned repeat_s;	/* -q15m: stay, and flush again and again; 0 = once */
	bool is_asked;		/* there is any -q */
};

/* --key=value: a setting of the account, as given. */
struct option_setting {
	enum key key;
	const char *value;
};

/* All strings belong to argv.  NULL = not given. */
struct options {
	enum mode mode;
	bool read_recipients, ignore_dots, read_sender, verbose;
	bool json;		/* of MODE_LIST_QUEUE */
	bool has_ignored;	/* one that is accepted and does nothing */
	enum error_mode error_mode;
	const char *delivery;	/* what -od says, which is among the settings, too; or NULL */
	struct flush_options flush;
	const char *sender;	/* may be "" */
	const char *full_name, *account, *file, *envid;
	struct option_setting *settings;
	size_t setting_count;
	const char **recipients;
	size_t recipient_count;
};

/* Errors are CAUSE_USAGE.  No input has been read and nothing was changed then. */
bool options_parse(struct options *o, int argc, char **argv, struct err *e) RELAY_CHECKED;
void options_clear(struct options *o);
/* Does the mode go with the rest?  CAUSE_USAGE. */
bool options_check(const struct options *o, struct err *e) RELAY_CHECKED;
/*
 * Is one among them that is for a message, or for nobody at all?  The commands of relay would
 * pass it over in silence, and whoever means something else by -n or -i has deleted mail.
 */
bool options_are_of_sendmail(const struct options *o);

/* Prints the list for --help. */
void options_help(void);

#endif
