/* SPDX-License-Identifier: ISC */
/*
 * msmtp: .msmtprc has relayrc's syntax and words, and conf reads it.  What differs are the
 * defaults: everything that msmtp takes for granted is written down here.
 */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/lex.h"
#include "conf/parse.h"

#include <stdlib.h>

/* `eval`: nothing is run while somebody only looks. */
static bool run_nothing(const char *command, struct buf *line, struct err *e)
{
	(void)command;
	(void)line;
	(void)e;
	return true;
}

static struct import_place place_of(const struct import *im, const struct account *from,
				    enum key key)
{
	const struct conf_value *v = conf_value(from, key);

	return (struct import_place){ im->source, v->is_set ? v->line : from->line };
}

static bool has_text(const struct account *from, enum key key)
{
	return conf_value(from, key)->is_set && conf_value(from, key)->text;
}

static bool is_on(const struct account *from, enum key key)
{
	return conf_value(from, key)->is_set && conf_value(from, key)->number != 0;
}

/* msmtp: off, then STARTTLS, whatever the port. */
static enum build_tls_mode mode_of(const struct account *from)
{
	if (!is_on(from, KEY_TLS)) {
		return BUILD_TLS_NONE;
	}
	if (conf_value(from, KEY_TLS_STARTTLS)->is_set) {
		return is_on(from, KEY_TLS_STARTTLS) ? BUILD_TLS_STARTTLS : BUILD_TLS_IMPLICIT;
	}
	return has_text(from, KEY_PORT) && conf_value(from, KEY_PORT)->number == 465
		       ? BUILD_TLS_IMPLICIT : BUILD_TLS_STARTTLS;
}

static void take_tls(struct import *im, struct import_account *a, const struct account *from,
		     bool has_login)
{
	enum build_tls_mode mode = mode_of(from);
	bool is_unchecked = conf_value(from, KEY_TLS_CERTCHECK)->is_set &&
			    !conf_value(from, KEY_TLS_CERTCHECK)->number;
	struct build_tls t = {
		.mode = mode, .has_login = has_login,
		.was_verified = !is_unchecked,
		.at = place_of(im, from, is_unchecked ? KEY_TLS_CERTCHECK : KEY_TLS),
		.name = is_unchecked ? "tls_certcheck" : "tls",
	};
	bool is_plain = has_text(from, KEY_PROTOCOL) && conf_value(from, KEY_PROTOCOL)->number != 0;

	build_unset(a, KEY_TLS);
	build_unset(a, KEY_TLS_STARTTLS);
	build_unset(a, KEY_TLS_CERTCHECK);
	if (has_text(from, KEY_SOCKET)) {
		build_put(im, a, KEY_TLS, mode == BUILD_TLS_NONE ? "off" : "on");
		return;
	}
	build_tls(im, a, &t);
	if (!has_text(from, KEY_PORT) && !is_plain) {
		build_set_port(im, a, mode == BUILD_TLS_IMPLICIT ? 465 : 25);
	}
}

static void take_account(struct import *im, const struct account *from)
{
	struct import_account *a = build_account(im, span_str(from->name));

	if (!a) {
		build_note(im, IMPORT_LEFT, (struct import_place){ im->source, from->line },
			   "account", "too many accounts");
		return;
	}
	if (strcmp(a->name, from->name) != 0) {
		build_note(im, IMPORT_CHANGED, (struct import_place){ im->source, from->line },
			   "account", "is named %s now", a->name);
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		enum key key = (enum key)i;
		if (conf_value(from, key)->is_set) {
			build_copy(a, key, conf_value(from, key)->text);
			im->carried++;
		}
	}
	/* A user alone is no login. */
	bool has_login = is_on(from, KEY_AUTH);
	if (!has_login && has_text(from, KEY_USER)) {
		build_put(im, a, KEY_AUTH, "off");
	}
	take_tls(im, a, from, has_login);
}

/* The lines that conf cannot give back. */
static void tell_eval(struct import *im, struct span text)
{
	struct lex l;
	struct lex_line line;
	struct err e;

	lex_init(&l, text, im->source);
	while (lex_next(&l, &line, &e) && line.key.size > 0) {
		if (span_equal(line.key, span_str("eval"))) {
			build_note(im, IMPORT_LEFT, (struct import_place){ im->source, line.number },
				   "eval", "nothing is run by import: copy this line to its place");
		}
	}
}

bool import_msmtp(struct import *im, const struct import_env *env, const char *path,
		  struct err *e)
{
	const struct conf_env conf_env = { .home = env->home, .run = run_nothing };
	struct buf text BUF_AUTO;
	struct conf conf;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	im->program = "msmtp";
	im->source = mem_str(path);
	if (!build_read(env, path, &text, e)) {
		return false;
	}
	conf_init(&conf);
	bool ok = parse_text(&conf, buf_span(&text), path, NULL, &conf_env, e);
	if (ok) {
		for (size_t i = 0; i < conf.count; i++) {
			take_account(im, &conf.accounts[i]);
		}
		tell_eval(im, buf_span(&text));
		if (conf.count == 0) {
			build_obstacle(im, "%s has no account", path);
		}
	}
	conf_clear(&conf);
	return ok;
}
