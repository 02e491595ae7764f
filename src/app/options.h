/* SPDX-License-Identifier: ISC */
/* options: the command line of the sendmail personality, read before anything else. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include "conf/conf.h"

enum mode { MODE_SEND, MODE_LIST_QUEUE, MODE_FLUSH, MODE_CHECK_ALIASES, MODE_VERIFY,
	    MODE_PRETEND, MODE_HELP, MODE_VERSION };

/* --key=value: a setting of the account, as given. */
struct option_setting {
	enum key key;
	const char *value;
};

/* All strings belong to argv.  NULL = not given. */
struct options {
	enum mode mode;
	bool read_recipients, ignore_dots, read_sender, verbose;
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

/* Prints the list for --help. */
void options_help(void);

#endif
