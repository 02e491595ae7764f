/* SPDX-License-Identifier: ISC */
/*
 * check_files: the files that an account names.  Each is read as a mail would read it, so
 * that what makes a mail fail later is told now.  Must never run a command.
 */
#include "app/check_parts.h"
#include "app/local.h"
#include "app/settings.h"
#include "base/mem.h"
#include "sys/secret_file.h"
#include "sys/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* -- seen ---------------------------------------------------------------------- */

bool check_is_seen(struct check_seen *seen, const char *name)
{
	for (size_t i = 0; i < seen->count; i++) {
		if (strcmp(seen->names[i], name) == 0) {
			return true;
		}
	}
	seen->names = mem_resize(seen->names, seen->count + 1, sizeof(seen->names[0]));
	seen->names[seen->count++] = mem_str(name);
	return false;
}

void check_seen_clear(struct check_seen *seen)
{
	for (size_t i = 0; i < seen->count; i++) {
		free(seen->names[i]);
	}
	free(seen->names);
	*seen = (struct check_seen){ 0 };
}

/* -- relayrc ------------------------------------------------------------------- */

void check_sources(const struct conf *c, struct findings *to)
{
	const char *last = NULL;

	for (size_t i = 0; i < c->count; i++) {
		const struct account *a = &c->accounts[i];
		if (a->file && a->line > 0 && a->file != last) {
			check_path(a->file, NULL, KEY_COUNT, to);
			last = a->file;
		}
	}
}

/* -- passwords ----------------------------------------------------------------- */

static void check_password(const struct account *a, struct findings *to)
{
	const char *path = conf_text(a, KEY_PASSWORD_FILE);
	struct buf secret BUF_AUTO;
	struct err e;

	buf_init_secret(&secret, SECRET_MAX);
	/* Who has a password needs no file, and risk.c has told so. */
	if (!path || conf_is_set(a, KEY_PASSWORD)) {
		return;
	}
	if (!secret_file_read(path, SECRET_FILE_OWN, &secret, &e)) {
		findings_add_error(to, a, KEY_PASSWORD_FILE, e.text,
				   "put the password there, or run: relay password set");
	} else {
		check_path(path, a, KEY_PASSWORD_FILE, to);
	}
}

/* -- TLS ----------------------------------------------------------------------- */

/* A key that others can read is theirs, too. */
static void check_key(const struct account *a, const char *path, struct findings *to)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 077)) {
		findings_add(to, SEVERITY_WARNING, a, KEY_TLS_KEY_FILE,
			     "others can read the private key %s (mode %04o); run: chmod 600 %s",
			     path, (unsigned)st.st_mode & 07777, path);
	}
}

static bool never_found(void *context, struct span der, struct err *e)
{
	(void)context;
	(void)der;
	(void)e;
	return true;
}

static bool has_certificate(const char *path, struct err *e)
{
	size_t total = 0;

	return trust_search(path, NULL, 0, never_found, NULL, &total, e) &&
	       (total > 0 || err_set(e, CAUSE_CONFIG, "no certificate in %s", path));
}

/* The options with only this setting, so that every one that is wrong is told of. */
static struct tls_options only(const struct tls_options *all, enum key key)
{
	struct tls_options one = { .host = all->host };

	switch ((int)key) {
	case KEY_TLS_TRUST_FILE:
		one.check_certificate = all->check_certificate && !all->fingerprint;
		one.trust_file = all->trust_file;
		break;
	case KEY_TLS_CRL_FILE:
		one.crl_file = all->crl_file;
		break;
	case KEY_TLS_CERT_FILE:
		one.cert_file = all->cert_file;
		one.key_file = all->key_file;
		break;
	default:
		one.priorities = all->priorities;
	}
	return one;
}

/* False: nothing more can be tried. */
static bool try_tls(const struct account *a, const struct tls_options *all, enum key key,
		    struct findings *to)
{
	const struct tls_options one = only(all, key);
	struct err e;
	struct tls *tls = tls_new(NULL, &one, &e);

	if (!tls) {
		bool has_library = e.cause != CAUSE_TLS;
		findings_add_error(to, a, has_library ? key : KEY_TLS, e.text,
				   conf_is_set(a, key) ? "mend it, or remove the line"
						       : NULL);
		return has_library;
	}
	tls_free(tls);
	return true;
}

static void check_tls(const struct account *a, struct findings *to)
{
	static const enum key keys[] = { KEY_TLS_CRL_FILE, KEY_TLS_CERT_FILE,
					 KEY_TLS_PRIORITIES };
	const struct tls_options all = settings_tls(a);
	const char *trust = conf_is_set(a, KEY_TLS_TRUST_FILE) ? all.trust_file : NULL;
	struct err e;

	if (!try_tls(a, &all, KEY_TLS_TRUST_FILE, to)) {
		return;
	}
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (conf_is_set(a, keys[i])) {
			try_tls(a, &all, keys[i], to);
		}
	}
	if (trust && trust[0]) {
		if (all.check_certificate && !all.fingerprint && access(trust, R_OK) == 0 &&
		    !has_certificate(trust, &e)) {
			findings_add_error(to, a, KEY_TLS_TRUST_FILE, e.text,
					   "name a file with certificates in PEM form");
		}
		check_path(trust, a, KEY_TLS_TRUST_FILE, to);
	}
	if (all.key_file) {
		check_key(a, all.key_file, to);
	}
}

/* -- the others ---------------------------------------------------------------- */

static void add_problems(const struct local_problems *p, enum alias_trouble trouble,
			 enum severity severity, const struct account *a, struct findings *to)
{
	size_t kept = local_problems_kept(p, trouble);

	for (size_t i = 0; i < kept; i++) {
		findings_add_at(to, severity, NULL, 0, p->at[trouble][i].text);
	}
	if (p->counts[trouble] > kept) {
		findings_add(to, severity, a, KEY_ALIASES, "%zu more such lines in %s; run: newaliases",
			     p->counts[trouble] - kept, conf_text(a, KEY_ALIASES));
	}
}

static void check_aliases(const struct account *a, struct identity *id, struct findings *to)
{
	const char *path = conf_text(a, KEY_ALIASES);
	struct local_problems problems = { 0 };
	struct alias_report report;
	struct err e;

	if (!path) {
		return;
	}
	if (!local_check_aliases(path, a, id, &problems, &report, &e)) {
		findings_add_error(to, a, KEY_ALIASES, e.text,
				   "make the file, or remove the line");
		return;
	}
	add_problems(&problems, ALIAS_MISTAKE, SEVERITY_ERROR, a, to);
	add_problems(&problems, ALIAS_REFUSED, SEVERITY_WARNING, a, to);
	local_problems_clear(&problems);
	check_path(path, a, KEY_ALIASES, to);
}

static bool can_write(const char *path)
{
	return faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) == 0;
}

static void check_log(const struct account *a, struct findings *to)
{
	const char *path = conf_text(a, KEY_LOGFILE);
	struct stat st;

	if (!path || strcmp(path, "-") == 0 || can_write(path)) {
		if (path && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			findings_add(to, SEVERITY_WARNING, a, KEY_LOGFILE,
				     "%s is a folder; name a file in it", path);
		}
		return;
	}
	int reason = errno;
	char *folder MEM_AUTO = check_parent(path);
	if (reason == ENOENT && can_write(folder)) {
		return;
	}
	findings_add(to, SEVERITY_WARNING, a, KEY_LOGFILE,
		     "cannot write %s: %s; make its folder, or name another file", path,
		     strerror(reason));
}

static void check_socket(const struct account *a, struct findings *to)
{
	const char *path = conf_text(a, KEY_SOCKET);
	struct stat st;

	if (!path) {
		return;
	}
	if (stat(path, &st) != 0) {
		findings_add(to, SEVERITY_WARNING, a, KEY_SOCKET,
			     "%s: %s; is the server running?", path, strerror(errno));
	} else if (!S_ISSOCK(st.st_mode)) {
		findings_add(to, SEVERITY_ERROR, a, KEY_SOCKET,
			     "%s is not a socket; name the one that the server made", path);
	}
}

void check_files(const struct account *a, struct identity *id, struct findings *to)
{
	if (conf_on(a, KEY_TLS)) {
		check_tls(a, to);
	}
	check_password(a, to);
	check_aliases(a, id, to);
	check_log(a, to);
	check_socket(a, to);
}
