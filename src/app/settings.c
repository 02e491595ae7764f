/* SPDX-License-Identifier: ISC */
/* settings: see settings.h. */
#include "app/settings.h"
#include "app/ownership.h"
#include "app/respell.h"
#include "app/scope.h"
#include "app/settings_env.h"
#include "base/clock.h"
#include "base/mem.h"
#include "conf/route.h"
#include "sys/spawn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

const char settings_hidden[] =
	"the configuration of the machine is wrong; root sees it with relay check";

/* How long an `eval` command may take. */
enum { EVAL_SECONDS = 60 };

static bool run_eval(const char *command, struct buf *line, struct err *e)
{
	return spawn_first_line(command, clock_deadline(EVAL_SECONDS), line, CAUSE_CONFIG, e);
}

static bool run_eval_quietly(const char *command, struct buf *line, struct err *e)
{
	return spawn_quietly(command, clock_deadline(EVAL_SECONDS), line, CAUSE_CONFIG, e);
}

static struct conf_env environment(struct identity *id)
{
	return (struct conf_env){
		.home = identity_home(id),
		.run = ownership_counts(id) ? run_eval_quietly : run_eval,
		.name = identity_name,
		.name_arg = id,
	};
}

/*
 * Is the file in a folder that is closed to us?  Then it is not ours, as for a service with
 * root's HOME.
 */
static bool is_elsewhere(const char *path, const struct err *e)
{
	struct stat st;

	return e->os_errno == EACCES && stat(path, &st) != 0 && errno == EACCES;
}

static bool read_user_file(struct conf *c, const char *path, const struct conf_env *env,
			   bool *ret_found, struct err *e)
{
	if (conf_read(c, path, CONF_USER, env, ret_found, e)) {
		return true;
	}
	*ret_found = false;
	return is_elsewhere(path, e);
}

/* ~/.relayrc, or when there is none the XDG place. */
static bool read_user_files(struct conf *c, const struct conf_env *env, bool *ret_found,
			    struct err *e)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME");

	*ret_found = false;
	if (env->home) {
		char *path MEM_AUTO = mem_printf("%s/.relayrc", env->home);
		if (!read_user_file(c, path, env, ret_found, e)) {
			return false;
		}
		if (*ret_found) {
			return true;
		}
	}
	if (!(xdg && xdg[0] == '/') && !env->home) {
		return true;
	}
	char *path MEM_AUTO = xdg && xdg[0] == '/'
				      ? mem_printf("%s/relay/relayrc", xdg)
				      : mem_printf("%s/.config/relay/relayrc", env->home);
	return read_user_file(c, path, env, ret_found, e);
}

bool settings_has_own(struct identity *id)
{
	const char *xdg = secure_getenv("XDG_CONFIG_HOME"), *home = identity_home(id);
	char *usual MEM_AUTO = mem_printf("%s/.relayrc", home ? home : "");
	char *other MEM_AUTO = xdg && xdg[0] == '/'
				       ? mem_printf("%s/relay/relayrc", xdg)
				       : mem_printf("%s/.config/relay/relayrc", home ? home : "");
	const char *paths[] = { home ? usual : NULL, other };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (paths[i] && (access(paths[i], F_OK) == 0 ||
				 (errno != ENOENT && errno != ENOTDIR))) {
			return true;
		}
	}
	return false;
}

bool settings_has_host(const struct options *o)
{
	for (size_t i = 0; i < o->setting_count; i++) {
		if (o->settings[i].key == KEY_HOST && o->settings[i].value[0]) {
			return true;
		}
	}
	return false;
}

/*
 * What is wrong with the machine's file is for who may read it: the error can quote a line, and
 * a word that stands in the wrong place can be a password.
 */
static void hide(const struct identity *id, struct err *e)
{
	if (ownership_counts(id)) {
		err_set(e, CAUSE_CONFIG, "%s", settings_hidden);
	}
}

/* The machine's settings, and nothing of the caller's. */
static bool read_system(struct conf *c, const struct identity *id, const struct conf_env *env,
			struct err *e)
{
	bool found;

	if (!conf_read(c, scope_file, CONF_SYSTEM, env, &found, e)) {
		if (e->os_errno == EACCES) {
			err_set(e, CAUSE_CONFIG,
				"%s: the user %s may not read it; run: chown root:%s %s && "
				"chmod 640 %s",
				scope_file, scope_user, scope_user, scope_file, scope_file);
		}
		hide(id, e);
		return false;
	}
	if (!found) {
		err_set(e, CAUSE_CONFIG, "no configuration: write %s (see relayrc(5))", scope_file);
		e->os_errno = ENOENT;
	}
	return found;
}

/* Without any file of the caller's own. */
static bool read_no_file(struct conf *c, const struct options *o, struct identity *id,
			 const struct conf_env *env, struct err *e)
{
	struct err closed = *e;
	struct stat st;
	bool env_found;

	if (!settings_env_read(c, env, &env_found, e)) {
		return false;
	}
	if (env_found) {
		return true;
	}
	id->may_hand_over =
		!o->account && (id->is_closed || lstat(scope_socket, &st) == 0);
	if (id->is_closed && o->account) {
		return err_set(e, closed.cause,
			       "-a %s: you have no account of your own, and those of %s are not "
			       "yours to choose from: leave -a out, or write %s/.relayrc",
			       o->account, scope_file, env->home ? env->home : "~");
	}
	if (id->is_closed) {
		*e = closed;
		return false;
	}
	err_set(e, CAUSE_CONFIG, "no configuration: write %s/.relayrc or %s (see relayrc(5))",
		env->home ? env->home : "~", scope_file);
	e->os_errno = ENOENT;
	return false;
}

/* Root, shut in: neither a file nor a variable of the environment. */
static bool read_nothing(const struct options *o, struct identity *id, struct err *e)
{
	id->is_closed = true;
	id->may_hand_over = !o->account;
	return err_set(e, CAUSE_CONFIG,
		       "root may not become the user %s here, or not write in %s: the mail of the "
		       "machine goes through %s, which has its own settings",
		       scope_user, scope_spool, scope_socket);
}

static bool read_all(struct conf *c, const struct options *o, struct identity *id,
		     const struct conf_env *env, struct err *e)
{
	bool user_found, system_found;

	c->respell = respell_address;
	if (id->is_system) {
		return read_system(c, id, env, e);
	}
	if (id->is_shut_in) {
		return read_nothing(o, id, e);
	}
	if (settings_has_host(o)) {
		conf_add_account(c, "default");
		return !o->account || err_set(e, CAUSE_USAGE, "--host and --account exclude each "
						"other: with --host no file is read");
	}
	if (o->file) {
		if (!conf_read(c, o->file, CONF_NAMED, env, &user_found, e)) {
			return false;
		}
		return user_found || err_set(e, CAUSE_CONFIG, "%s: there is no such file", o->file);
	}
	if (!read_user_files(c, env, &user_found, e)) {
		return false;
	}
	if (!conf_read(c, scope_file, CONF_SYSTEM, env, &system_found, e)) {
		id->is_closed = e->os_errno == EACCES;
		if (!id->is_closed) {
			return false;
		}
		system_found = false;
	}
	return user_found || system_found || read_no_file(c, o, id, env, e);
}

bool settings_read(struct conf *c, const struct options *o, struct identity *id, struct err *e)
{
	struct conf_env env = environment(id);

	return read_all(c, o, id, &env, e);
}

bool settings_report(struct conf *c, const struct options *o, struct identity *id,
		     settings_reporter *report, void *arg, struct err *e)
{
	struct conf_env env = environment(id);

	env.report = report;
	env.report_arg = arg;
	return read_all(c, o, id, &env, e);
}

bool settings_apply(struct account *a, const struct options *o, struct identity *id,
		    struct err *e)
{
	struct conf_env env = environment(id);

	for (size_t i = 0; i < o->setting_count; i++) {
		const struct option_setting *s = &o->settings[i];
		if (!conf_set(a, s->key, span_str(s->value), "command line", &env, e)) {
			e->cause = CAUSE_USAGE;
			return false;
		}
	}
	return true;
}

bool settings_use(struct conf *c, struct account *a, const struct options *o,
		  struct identity *id, struct err *e)
{
	const struct account *chain[ROUTE_CHAIN_MAX];
	size_t count;

	if (!settings_apply(a, o, id, e)) {
		return false;
	}
	bool ok = conf_check(a, e) && route_chain(c, a, chain, &count, e);
	for (size_t i = 1; ok && i < count; i++) {
		ok = conf_check(chain[i], e);
	}
	if (!ok) {
		hide(id, e);
	}
	return ok;
}

struct account *settings_choose(struct conf *c, const struct options *o, struct identity *id,
				const char *sender, struct err *e)
{
	struct account *a = conf_choose(c, o->account, sender, e);

	id->may_hand_over = !a && !o->account && id->is_closed;
	return a;
}

struct account *settings_account(struct conf *c, const struct options *o, struct identity *id,
				 const char *sender, struct err *e)
{
	struct account *a = settings_choose(c, o, id, sender, e);

	return a && settings_use(c, a, o, id, e) ? a : NULL;
}

char *settings_default_queue(struct identity *id, struct err *e)
{
	const char *state = secure_getenv("XDG_STATE_HOME");
	const char *home = identity_home(id);

	if (id->is_system) {
		return mem_str(scope_spool);
	}
	if (state && state[0] == '/') {
		return mem_printf("%s/relay/queue", state);
	}
	if (home) {
		return mem_printf("%s/.local/state/relay/queue", home);
	}
	err_set(e, CAUSE_OS, "there is no home directory for the queue: set queue_directory");
	return NULL;
}

char *settings_queue_path(const struct account *a, struct identity *id, struct err *e)
{
	const char *folder = conf_text(a, KEY_QUEUE_DIRECTORY);

	return folder ? mem_str(folder) : settings_default_queue(id, e);
}

struct queue_times settings_times(const struct account *a, const char *sender)
{
	return (struct queue_times){
		.minimal_backoff = conf_number(a, KEY_MINIMAL_BACKOFF_TIME),
		.maximal_backoff = conf_number(a, KEY_MAXIMAL_BACKOFF_TIME),
		.lifetime = conf_number(a, sender[0] ? KEY_MAXIMAL_QUEUE_LIFETIME
						     : KEY_BOUNCE_QUEUE_LIFETIME),
		.delay_warning = conf_number(a, KEY_DELAY_WARNING_TIME),
	};
}

struct secret_query settings_secret(const struct account *a, const char *host,
				    struct identity *id)
{
	return (struct secret_query){
		.password = conf_text(a, KEY_PASSWORD),
		.password_file = conf_text(a, KEY_PASSWORD_FILE),
		.passwordeval = conf_text(a, KEY_PASSWORDEVAL),
		.account = a->name,
		.host = host,
		.user = conf_text(a, KEY_USER),
		.home = identity_home(id),
		.is_quiet = ownership_counts(id),
	};
}

struct tls_options settings_tls(const struct account *a)
{
	const char *trust = conf_text(a, KEY_TLS_TRUST_FILE);

	return (struct tls_options){
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

struct net_target settings_target(const struct account *a, const struct names *names,
				  unsigned port)
{
	return (struct net_target){
		.host = names->host,
		.port = port,
		.unix_path = conf_text(a, KEY_SOCKET),
		.source_ip = conf_text(a, KEY_SOURCE_IP),
		.family = conf_is(a, KEY_INET_PROTOCOLS, "ipv4")   ? NET_IPV4
			  : conf_is(a, KEY_INET_PROTOCOLS, "ipv6") ? NET_IPV6
								   : NET_ANY,
		.proxy_host = names->proxy_host,
		.proxy_port = (unsigned)conf_number(a, KEY_PROXY_PORT),
	};
}
