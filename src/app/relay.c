/* SPDX-License-Identifier: ISC */
/* relay: the tool for people: relay COMMAND. */
#include "app/app.h"
#include "app/check.h"
#include "app/import_command.h"
#include "app/password_command.h"
#include "app/queue_command.h"
#include "app/route_command.h"
#include "app/say.h"
#include "config.h"

#include <sysexits.h>

static int help_command(int argc, char **argv);

static int version_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("relay " RELAY_VERSION);
	return EX_OK;
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
} commands[] = {
	{ "check", check_command, "check relayrc and print the settings in force, with their origin" },
	{ "help", help_command, "print this list" },
	{ "import", import_command, "make a relayrc of what Postfix, msmtp and others have" },
	{ "password", password_command, "store, test or forget the password of an account" },
	{ "queue", queue_command, "list the queue, look at its mail, send, hold or delete it" },
	{ "route", route_command, "say which account sends to these addresses, why, and how" },
	{ "version", version_command, "print the version" },
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static int help_command(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("usage: relay COMMAND [OPTION…]\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	}
	puts("\nTo send mail, call sendmail.  See relay(1), sendmail(8), relayrc(5).");
	return EX_OK;
}

int app_relay(int argc, char **argv)
{
	static char own_name[64];
	const char *word = argc > 1 ? argv[1] : "help";

	if (strcmp(word, "--help") == 0 || strcmp(word, "--version") == 0) {
		word += 2;
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(word, commands[i].name) == 0) {
			snprintf(own_name, sizeof(own_name), "relay %s", commands[i].name);
			say_as(own_name);
			int status = commands[i].run(argc - 1, argv + 1);
			return fflush(stdout) == 0 || status != EX_OK ? status : EX_IOERR;
		}
	}
	say("%s: unknown command; see relay help", word);
	return EX_USAGE;
}
