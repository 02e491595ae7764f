/* SPDX-License-Identifier: ISC */
/* settings: see settings.h. */
#include "app/settings.h"
#include "base/clock.h"
#include "base/mem.h"
#include "sys/spawn.h"

#include <errno.h>

/* How long an `eval` command may take. */
enum { EVAL_SECONDS = 60 };

static bool run_eval(const char *command, struct buf *line, struct err *e)
{
	return spawn_first_line(command, clock_deadline(EVAL_SECONDS), line, CAUSE_CONFIG, e);
}

static struct conf_env environment(struct identity *id)
{
	return (struct conf_env){
		.home = identity_home(id),
		.run = run_eval,
		.name = identity_name,
		.name_arg = id,
	};
}

/* ~/.relayrc, or when there is none the XDG place. */
static bool read_user_files(struct conf *c, struct identity *id, bool *ret_found, struct err *e)
{
	struct conf_env env = environment(id);
	const char *xdg = getenv("XDG_CONFIG_HOME");

	*ret_found = false;
	if (env.home) {
		char *path MEM_AUTO = mem_printf("%s/.relayrc", env.home);
		if (!conf_read(c, path, CONF_USER, &env, ret_found, e)) {
			return false;
		}
		if (*ret_found) {
			return true;
		}
	}
	if (!(xdg && xdg[0] == '/') && !env.home) {
		return true;
	}
	char *path MEM_AUTO = xdg && xdg[0] == '/'
				      ? mem_printf("%s/relay/relayrc", xdg)
				      : mem_printf("%s/.config/relay/relayrc", env.home);
	return conf_read(c, path, CONF_USER, &env, ret_found, e);
}

static bool has_host_option(const struct options *o)
{
	for (size_t i = 0; i < o->setting_count; i++) {
		if (o->settings[i].key == KEY_HOST && o->settings[i].value[0]) {
			return true;
		}
	}
	return false;
}

bool settings_read(struct conf *c, const struct options *o, struct identity *id, struct err *e)
{
	struct conf_env env = environment(id);
	bool user_found, system_found;

	if (has_host_option(o)) {
		conf_add_account(c, "default");
		return !o->account || err_set(e, CAUSE_USAGE, "--host and --account exclude each "
						"other: with --host no file is read");
	}
	if (o->file) {
		if (!conf_read(c, o->file, CONF_NAMED, &env, &user_found, e)) {
			return false;
		}
		return user_found || err_set(e, CAUSE_CONFIG, "%s: there is no such file", o->file);
	}
	if (!read_user_files(c, id, &user_found, e)) {
		return false;
	}
	if (!conf_read(c, SETTINGS_SYSTEM_FILE, CONF_SYSTEM, &env, &system_found, e)) {
		return user_found && e->os_errno == EACCES;
	}
	if (!user_found && !system_found) {
		return err_set(e, CAUSE_CONFIG,
			       "no configuration: write %s/.relayrc or " SETTINGS_SYSTEM_FILE
			       " (see relayrc(5))",
			       env.home ? env.home : "~");
	}
	return true;
}

struct account *settings_account(struct conf *c, const struct options *o, struct identity *id,
				 const char *sender, struct err *e)
{
	struct conf_env env = environment(id);
	struct account *a = conf_choose(c, o->account, sender, e);

	if (!a) {
		return NULL;
	}
	for (size_t i = 0; i < o->setting_count; i++) {
		const struct option_setting *s = &o->settings[i];
		if (!conf_set(a, s->key, span_str(s->value), "command line", &env, e)) {
			e->cause = CAUSE_USAGE;
			return NULL;
		}
	}
	return conf_check(a, e) ? a : NULL;
}

struct tls_options settings_tls(const struct account *a)
{
	const char *name = conf_text(a, KEY_TLS_HOST_OVERRIDE);
	const char *trust = conf_text(a, KEY_TLS_TRUST_FILE);

	return (struct tls_options){
		.host = name ? name : conf_text(a, KEY_HOST),
		.check_certificate = conf_on(a, KEY_TLS_CERTCHECK),
		.trust_file = trust && strcmp(trust, "system") == 0 ? NULL : trust ? trust : "",
		.crl_file = conf_text(a, KEY_TLS_CRL_FILE),
		.fingerprint = conf_text(a, KEY_TLS_FINGERPRINT),
		.cert_file = conf_text(a, KEY_TLS_CERT_FILE),
		.key_file = conf_text(a, KEY_TLS_KEY_FILE),
		.priorities = conf_text(a, KEY_TLS_PRIORITIES),
		.is_starttls = conf_starttls(a),
	};
}
