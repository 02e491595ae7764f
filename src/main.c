/* SPDX-License-Identifier: ISC */
/* main: picks the personality from the name we were called by; the only exit(). */
#include "app/app.h"
#include "app/output.h"
#include "app/say.h"
#include "app/signals.h"

#include <sysexits.h>

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} personalities[] = {
		{ "sendmail", app_sendmail },	/* and every other name */
		{ "relay", app_relay },
		{ "mailq", app_mailq },
		{ "newaliases", app_newaliases },
	};
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "sendmail";
	size_t choice = 0;

	signals_prepare();
	for (size_t i = 0; i < sizeof(personalities) / sizeof(personalities[0]); i++) {
		if (strcmp(name, personalities[i].name) == 0) {
			choice = i;
		}
	}
	say_as(personalities[choice].name);
	int status = personalities[choice].run(argc, argv);
	if (status == EX_IOERR) {
		output_tell_failure();
	}
	exit(status);
}
