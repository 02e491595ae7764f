/* SPDX-License-Identifier: ISC */
/*
 * password_command: see password_command.h.  The password is never in argv, and is never
 * printed.
 */
#include "app/password_command.h"
#include "app/handover.h"
#include "app/password_file.h"
#include "app/password_input.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/settings.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"
#include "sys/sasl.h"
#include "sys/secret_keyring.h"

#include <errno.h>
#include <stdarg.h>
#include <sysexits.h>
#include <unistd.h>

/* One account, and who asks. */
struct task {
	const struct account *account;
	struct identity *id;
	const char *host, *user;
};

/* One line on standard output. */
static void tell(const char *format, ...) RELAY_PRINTF(1, 2);
static void tell(const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	text_sanitise(line, strlen(line));
	puts(line);
}

/* -- set ---------------------------------------------------------------------------- */

/* What would be asked first, so that the new password would never be used. */
static bool check_place(const struct task *t, struct err *e)
{
	static const enum key first[] = { KEY_PASSWORD, KEY_PASSWORDEVAL };
	bool has_file = conf_is_set(t->account, KEY_PASSWORD_FILE);

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		char origin[512];
		if (!conf_is_set(t->account, first[i]) ||
		    (first[i] == KEY_PASSWORDEVAL && has_file)) {
			continue;
		}
		conf_origin(t->account, first[i], origin, sizeof(origin));
		return err_set(
			e, CAUSE_CONFIG,
			"%s: %s is set, and would be asked first: remove it, and try "
			"again",
			origin, conf_key_row(first[i])->name);
	}
	return true;
}

/* What to write into the configuration, so that the file is found. */
static void tell_file(const struct account *a, const char *path)
{
	if (a->file && a->line == 0) {
		tell("set this variable:");
		tell("RELAY_PASSWORD_FILE=%s", path);
	} else if (a->file) {
		tell("add this line to account %s in %s:", a->name, a->file);
		tell("password_file %s", path);
	}
}

static bool write_default(const struct task *t, const struct buf *secret, const char *why,
			  struct err *e)
{
	char *path MEM_AUTO = password_file_path(t->account->name, t->id, e);

	if (!path || !password_file_write(path, true, t->id, buf_span(secret), e)) {
		return false;
	}
	tell("the keyring cannot be used: %s", why);
	tell("the password is in a file instead, which only you can read: %s", path);
	tell_file(t->account, path);
	return true;
}

/* For the machine there is no keyring: nobody would open it. */
static bool write_for_system(const struct task *t, const struct buf *secret, struct err *e)
{
	char *path MEM_AUTO = password_file_path(t->account->name, t->id, e);

	if (!path || !password_file_write(path, true, t->id, buf_span(secret), e)) {
		return false;
	}
	bool has_user = scope_look().mode & 040;
	tell("the password is in a file that only root%s%s can read: %s",
	     has_user ? " and the user " : "", has_user ? scope_user : "", path);
	tell_file(t->account, path);
	return true;
}

static bool store(const struct task *t, const struct buf *secret, struct err *e)
{
	const char *file = conf_text(t->account, KEY_PASSWORD_FILE);
	struct err why;

	if (file) {
		char *usual MEM_AUTO = password_file_path(t->account->name, t->id, &why);
		bool is_usual = usual && strcmp(usual, file) == 0;
		if (!password_file_write(file, is_usual, t->id, buf_span(secret), e)) {
			return false;
		}
		tell("account %s: the password is in its password_file, %s",
		     t->account->name, file);
		return true;
	}
	if (t->id->is_system) {
		return write_for_system(t, secret, e);
	}
	char *label MEM_AUTO = mem_printf("relay: %s at %s", t->user, t->host);
	switch (keyring_store(t->host, t->user, secret->data, label, &why)) {
	case KEYRING_DONE:
		tell("account %s: the password is in the keyring", t->account->name);
		return true;
	case KEYRING_ABSENT:
		return write_default(t, secret, why.text, e);
	case KEYRING_NOTHING:
	case KEYRING_LOCKED:
	case KEYRING_FAILED:
		break;
	}
	*e = why;
	return err_ctx(e, "the password was not stored; keyring");
}

static bool run_set(const struct task *t, struct err *e)
{
	struct buf secret BUF_AUTO;

	buf_init_secret(&secret, SECRET_MAX);
	return check_place(t, e) &&
	       password_input(t->user, t->host, &secret, e) && store(t, &secret, e);
}

/* -- test --------------------------------------------------------------------------- */

static bool run_test(const struct task *t, struct err *e)
{
	static const struct {
		const char *provider, *text;
		enum key key; /* KEY_COUNT: no setting names it */
	} names[] = {
		{ "password", "password", KEY_PASSWORD },
		{ "password_file", "password_file", KEY_PASSWORD_FILE },
		{ "systemd", "systemd's credential", KEY_COUNT },
		{ "passwordeval", "passwordeval", KEY_PASSWORDEVAL },
		{ "keyring", "the keyring", KEY_COUNT },
		{ "netrc", "a netrc file", KEY_COUNT },
	};
	struct secret_query q = settings_secret(t->account, t->host, t->id);
	struct buf secret BUF_AUTO;
	const char *provider;
	char origin[512] = "";

	buf_init_secret(&secret, SECRET_MAX);
	q.may_unlock = true;
	if (!secret_find(&q, &secret, &provider, e)) {
		return false;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(provider, names[i].provider) != 0) {
			continue;
		}
		provider = names[i].text;
		if (names[i].key != KEY_COUNT) {
			conf_origin(t->account, names[i].key, origin, sizeof(origin));
		}
		break;
	}
	tell("account %s: the password for %s at %s comes from %s%s%s", t->account->name,
	     t->user, t->host, provider, origin[0] ? ", " : "", origin);
	return true;
}

/* -- forget ------------------------------------------------------------------------- */

/* What `set` did not make stays, and is named. */
static void tell_rest(const struct account *a)
{
	static const enum key keys[] = { KEY_PASSWORD, KEY_PASSWORD_FILE,
					KEY_PASSWORDEVAL };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		char origin[512];
		if (conf_is_set(a, keys[i])) {
			conf_origin(a, keys[i], origin, sizeof(origin));
			tell("%s: %s is still set", origin, conf_key_row(keys[i])->name);
		}
	}
}

static bool run_forget(const struct task *t, struct err *e)
{
	struct err why;
	char *path MEM_AUTO = password_file_path(t->account->name, t->id, &why);
	bool is_done = path && unlink(path) == 0;

	if (is_done) {
		tell("removed: %s", path);
	} else if (path && errno != ENOENT && errno != ENOTDIR) {
		return err_errno(e, CAUSE_OS, "cannot remove %s", path);
	}
	switch (t->id->is_system ? KEYRING_ABSENT : keyring_forget(t->host, t->user, &why)) {
	case KEYRING_DONE:
		tell("account %s: the password was removed from the keyring",
		     t->account->name);
		is_done = true;
		break;
	case KEYRING_NOTHING:
	case KEYRING_ABSENT:
		break;
	case KEYRING_LOCKED:
	case KEYRING_FAILED:
		*e = why;
		return err_ctx(e, "the keyring was not changed; it says");
	}
	tell_rest(t->account);
	return is_done || err_set(e, CAUSE_INPUT,
				  "there is no password of account %s that relay "
				  "could remove",
				  t->account->name);
}

/* -- the command -------------------------------------------------------------------- */

static const struct command {
	const char *name;
	bool (*run)(const struct task *t, struct err *e);
	const char *summary;
} commands[] = {
	{ "set", run_set,
	 "store a new one: in the keyring, else in a file that only you can read" },
	{ "test", run_test, "say where it comes from; it is not shown" },
	{ "forget", run_forget, "remove what `set` has stored" },
};

enum { COMMAND_COUNT = sizeof(commands) / sizeof(commands[0]) };

static int help(void)
{
	puts("usage: relay password [-C FILE] COMMAND [ACCOUNT]\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	}
	puts("\nA new password is asked for on the terminal, or read from standard "
	     "input.\n"
	     "See relay(1).");
	return EX_OK;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

/* Is there a login that needs a password? */
static bool check_account(const struct task *t, struct err *e)
{
	const struct account *a = t->account;

	if (!conf_wants_auth(a) || sasl_needs_no_secret(conf_mechanisms(a))) {
		return err_set(e, CAUSE_CONFIG, "account %s: its login needs no password",
			       a->name);
	}
	return (t->host && t->user) ||
	       err_set(e, CAUSE_CONFIG,
		       "account %s: a password belongs to a host and a user", a->name);
}

/* Root writes as root, but looks for the password as whoever sends does. */
static bool enter(const struct command *command, struct options *o, struct identity *id,
		  struct err *e)
{
	if (command->run == run_test) {
		return scope_enter(id, o, e);
	}
	scope_note(id, o);
	return true;
}

static bool run(const struct command *command, struct options *o, struct conf *conf,
		struct identity *id, struct err *e)
{
	struct task t = { .id = id };

	if (!enter(command, o, id, e)) {
		return false;
	}
	if (!settings_read(conf, o, id, e)) {
		return id->may_hand_over ? handover_refuse(e) : false;
	}
	if (!(t.account = settings_account(conf, o, id, NULL, e))) {
		return false;
	}
	char *host MEM_AUTO = conf_first_host(t.account);
	t.host = host;
	t.user = conf_text(t.account, KEY_USER);
	return check_account(&t, e) && command->run(&t, e);
}

/* [-C FILE] [-a ACCOUNT] COMMAND [ACCOUNT] */
static bool take_words(struct options *o, const struct command **ret, struct err *e)
{
	const char *name = o->recipient_count > 0 ? o->recipients[0] : NULL;

	*ret = name ? find_command(name) : NULL;
	if (!*ret) {
		return err_set(e, CAUSE_USAGE, "%.64s%s there are: set, test, forget",
			       name ? name : "a command is missing;",
			       name ? ": unknown command;" : "");
	}
	if (options_are_of_sendmail(o) || o->recipient_count > 2 ||
	    (o->recipient_count == 2 && o->account)) {
		return err_set(e, CAUSE_USAGE,
			       "usage: relay password [-C FILE] %s [ACCOUNT]; "
			       "the password is never an argument",
			       name);
	}
	if (o->recipient_count == 2) {
		o->account = o->recipients[1];
	}
	return true;
}

int password_command(int argc, char **argv)
{
	struct options o;
	struct identity id = { 0 };
	struct conf conf;
	struct err e;
	const struct command *command;
	int status;

	conf_init(&conf);
	bool ok = options_parse(&o, argc, argv, &e);
	if (ok && (o.mode == MODE_HELP ||
		   (o.recipient_count > 0 && strcmp(o.recipients[0], "help") == 0))) {
		status = help();
	} else {
		ok = ok && take_words(&o, &command, &e) &&
		     run(command, &o, &conf, &id, &e);
		status = ok ? EX_OK : say_error(&e);
	}
	conf_clear(&conf);
	identity_clear(&id);
	options_clear(&o);
	return status;
}
