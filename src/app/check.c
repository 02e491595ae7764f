/* SPDX-License-Identifier: ISC */
/* check: see check.h. */
#include "app/check.h"
#include "app/say.h"
#include "app/settings.h"

#include <sysexits.h>

int check_print(const struct account *a)
{
	struct buf text BUF_AUTO;

	buf_init(&text, 1 << 20);
	if (!conf_print(a, &text)) {
		say("account %s: too much to print", a->name);
		return EX_SOFTWARE;
	}
	fwrite(text.data, 1, text.size, stdout);
	return EX_OK;
}

static int check_all(struct conf *c, const struct options *o, struct identity *id)
{
	struct err e;
	int status = EX_OK;

	for (size_t i = 0; i < c->count; i++) {
		struct options one = *o;
		one.account = c->accounts[i].name;
		struct account *a = settings_account(c, &one, id, NULL, &e);
		if (a == NULL) {
			status = say_error(&e);
		} else if (a == &c->accounts[i]) {
			if (i > 0) {
				putchar('\n');
			}
			int printed = check_print(a);
			status = status != EX_OK ? status : printed;
		}
	}
	return status;
}

int check_command(int argc, char **argv)
{
	struct options o;
	struct identity id = { 0 };
	struct conf conf;
	struct err e;
	int status;

	conf_init(&conf);
	if (!options_parse(&o, argc, argv, &e)) {
		status = say_error(&e);
	} else if (o.recipient_count > 0 || o.mode != MODE_SEND) {
		say("only -C FILE, -a ACCOUNT and --settings may stand here; see relay(1)");
		status = EX_USAGE;
	} else if (!settings_read(&conf, &o, &id, &e)) {
		status = say_error(&e);
	} else if (!o.account && conf.count > 0) {
		status = check_all(&conf, &o, &id);
	} else {
		struct account *a = settings_account(&conf, &o, &id, NULL, &e);
		status = a ? check_print(a) : say_error(&e);
	}
	conf_clear(&conf);
	identity_clear(&id);
	options_clear(&o);
	return status;
}
