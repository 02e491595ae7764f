/* SPDX-License-Identifier: ISC */
/*
 * sendmail: the personality every program knows.  Reads options, configuration, message,
 * in this order, so that a wrong call fails before a byte of the message is read.
 */
#include "app/app.h"
#include "app/check.h"
#include "app/flush.h"
#include "app/handover.h"
#include "app/local.h"
#include "app/queue_remote.h"
#include "app/route_command.h"
#include "app/say.h"
#include "app/scope.h"
#include "app/serve.h"
#include "app/submit.h"
#include "config.h"

#include <errno.h>
#include <sysexits.h>

/* Why there is no account to speak of.  Of root, shut in, *e says it. */
static void refuse_to_hand_over(const struct call *c, struct err *e)
{
	if (!c->id.is_shut_in) {
		handover_refuse(e);
	}
}

static int pretend(struct call *c)
{
	struct err e;

	if (envelope_from_options(&c->envelope, &c->options, &e) &&
	    settings_read(&c->conf, &c->options, &c->id, &e)) {
		c->account = settings_account(&c->conf, &c->options, &c->id, c->envelope.given, &e);
	}
	if (c->id.may_hand_over) {
		refuse_to_hand_over(c, &e);
	}
	return c->account ? check_print(c->account) : say_error(&e);
}

/* -bi, newaliases: there is no database to build; everything that is wrong is told. */
static int check_aliases(struct call *c)
{
	struct err e;
	struct alias_report r;

	if (!settings_read(&c->conf, &c->options, &c->id, &e)) {
		if (c->id.may_hand_over) {
			refuse_to_hand_over(c, &e);
			return say_error(&e);
		}
		bool is_new = e.os_errno == ENOENT && !c->options.file;
		/* Packages call this when they are installed, perhaps before us. */
		return is_new ? (say("no aliases file: %s", e.text), EX_OK) : say_error(&e);
	}
	c->account = settings_account(&c->conf, &c->options, &c->id, NULL, &e);
	if (!c->account) {
		return say_error(&e);
	}
	const char *path = conf_text(c->account, KEY_ALIASES);
	if (!path) {
		say("no aliases file: the setting aliases names none");
		return EX_OK;
	}
	if (!local_check_aliases(path, c->account, &c->id, NULL, &r, &e)) {
		return say_error(&e);
	}
	if (r.mistakes > 0) {
		say("%s: %zu mistake%s", path, r.mistakes, r.mistakes > 1 ? "s" : "");
		return EX_CONFIG;
	}
	/* These are as somebody wanted them; and packages call this when they are installed. */
	if (r.refused > 0) {
		say("%s: %zu target%s without mail", path, r.refused, r.refused > 1 ? "s" : "");
	}
	printf("%s: %zu alias%s, no mistakes\n", path, r.aliases, r.aliases == 1 ? "" : "es");
	return EX_OK;
}

static int run_mode(struct call *c)
{
	switch (c->options.mode) {
	case MODE_SEND:
		return submit(c);
	case MODE_SERVE:
		return serve(c);
	case MODE_VERIFY:
		return route_verify(c);
	case MODE_PRETEND:
		return pretend(c);
	case MODE_CHECK_ALIASES:
		return check_aliases(c);
	case MODE_LIST_QUEUE:
		return queue_remote_list(c);
	case MODE_FLUSH:
		return queue_remote_is(c) ? queue_remote_flush(&c->options.flush) : flush_run(c);
	case MODE_HELP:
		options_help();
		return EX_OK;
	case MODE_VERSION:
		puts("relay " RELAY_VERSION);
		return EX_OK;
	}
	return EX_SOFTWARE;
}

static int run_call(int argc, char **argv, enum mode mode)
{
	struct call c;
	struct err e;
	int status;

	call_init(&c);
	bool ok = options_parse(&c.options, argc, argv, &e);
	/* The name says the mode, unless an option does: "mailq -q" lists, "mailq --help" helps. */
	if (c.options.mode == MODE_SEND || (c.options.mode == MODE_FLUSH && mode != MODE_SEND)) {
		c.options.mode = mode == MODE_SEND ? c.options.mode : mode;
	}
	ok = ok && options_check(&c.options, &e) && scope_enter(&c.id, &c.options, &e);
	status = ok ? run_mode(&c) : say_error(&e);
	call_clear(&c);
	if (fflush(stdout) != 0 && status == EX_OK) {
		status = EX_IOERR;
	}
	return status;
}

int app_sendmail(int argc, char **argv)
{
	return run_call(argc, argv, MODE_SEND);
}

int app_mailq(int argc, char **argv)
{
	return run_call(argc, argv, MODE_LIST_QUEUE);
}

int app_newaliases(int argc, char **argv)
{
	return run_call(argc, argv, MODE_CHECK_ALIASES);
}
