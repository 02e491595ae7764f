/* SPDX-License-Identifier: ISC */
/* check: see check.h. */
#include "app/check.h"
#include "app/local.h"
#include "app/say.h"
#include "app/settings.h"
#include "sys/secret.h"

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

/* The files that a mail would need: what makes it fail later is told now. */
static bool check_files(const struct account *a, struct identity *id, struct err *e)
{
	const char *aliases_file = conf_text(a, KEY_ALIASES);
	struct secret_query query = { .password_file = conf_text(a, KEY_PASSWORD_FILE) };
	struct alias_report aliases = { 0 };

	if (conf_on(a, KEY_TLS)) {
		struct tls_options options = settings_tls(a);
		struct tls *tls = tls_new(NULL, &options, e);
		tls_free(tls);
		if (!tls) {
			return false;
		}
	}
	if (aliases_file && !local_check_aliases(aliases_file, a, id, &aliases, e)) {
		return false;
	}
	if (aliases.mistakes > 0) {
		return err_set(e, CAUSE_CONFIG, "%s: %zu mistake%s", aliases_file,
			       aliases.mistakes, aliases.mistakes > 1 ? "s" : "");
	}
	if (query.password_file) {
		const char *provider;
		struct buf secret BUF_AUTO;
		buf_init_secret(&secret, SECRET_MAX);
		return secret_find(&query, &secret, &provider, e);
	}
	return true;
}

/* Prints the account, and what is wrong with its files; returns the exit status. */
static int check_account(const struct account *a, struct identity *id)
{
	struct err e;
	int status = check_print(a);

	if (!check_files(a, id, &e)) {
		err_ctx(&e, "account %s", a->name);
		return say_error(&e);
	}
	return status;
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
			int own = check_account(a, id);
			status = status != EX_OK ? status : own;
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
		status = a ? check_account(a, &id) : say_error(&e);
	}
	conf_clear(&conf);
	identity_clear(&id);
	options_clear(&o);
	return status;
}
