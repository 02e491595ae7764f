/* SPDX-License-Identifier: ISC */
/*
 * nullmailer: one value a file; `remotes` has a server a line, tried in their order.  All
 * these files stand in one folder.
 */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/lines.h"
#include "import/quoted.h"

#include <stdlib.h>

struct nullmailer {
	struct import *im;
	const struct import_env *env;
	int folder;		/* bytes of im->source, with the slash */
};

/* What a line of `remotes` says. */
struct remote {
	struct import_account *a;
	struct import_place at;
	bool ssl, starttls, insecure;
	unsigned port;
};

struct option {
	const char *name;
	void (*apply)(struct nullmailer *n, struct remote *r, struct span value);
	enum key key;
	const char *left;
};

static void take_port(struct nullmailer *n, struct remote *r, struct span value)
{
	(void)n;
	r->port = build_port(value);
}

static void take_ssl(struct nullmailer *n, struct remote *r, struct span value)
{
	(void)n;
	(void)value;
	r->ssl = true;
}

static void take_starttls(struct nullmailer *n, struct remote *r, struct span value)
{
	(void)n;
	(void)value;
	r->starttls = true;
}

static void take_insecure(struct nullmailer *n, struct remote *r, struct span value)
{
	(void)n;
	(void)value;
	r->insecure = true;
}

static void take_login(struct nullmailer *n, struct remote *r, struct span value)
{
	(void)value;
	build_put(n->im, r->a, KEY_AUTH, "login");
}

static void take_external(struct nullmailer *n, struct remote *r, struct span value)
{
	(void)value;
	build_put(n->im, r->a, KEY_AUTH, "external");
}

static const struct option options[] = {
	{ "port", take_port, KEY_PORT, NULL },
	{ "user", NULL, KEY_USER, NULL },
	{ "pass", NULL, KEY_PASSWORD, NULL },
	{ "source", NULL, KEY_SOURCE_IP, NULL },
	{ "auth-login", take_login, KEY_AUTH, NULL },
	{ "auth-external", take_external, KEY_AUTH, NULL },
	{ "ssl", take_ssl, KEY_TLS, NULL },
	{ "tls", take_ssl, KEY_TLS, NULL },
	{ "starttls", take_starttls, KEY_TLS, NULL },
	{ "insecure", take_insecure, KEY_TLS_CERTCHECK, NULL },
	{ "tls-anon-auth", take_insecure, KEY_TLS_CERTCHECK, NULL },
	{ "x509cafile", NULL, KEY_TLS_TRUST_FILE, NULL },
	{ "x509crlfile", NULL, KEY_TLS_CRL_FILE, NULL },
	{ "x509certfile", NULL, KEY_TLS_CERT_FILE, NULL },
	{ "x509keyfile", NULL, KEY_TLS_KEY_FILE, NULL },
	{ "x509fmtder", NULL, KEY_TLS_CERT_FILE, "relay reads PEM files" },
};

static void take_option(struct nullmailer *n, struct remote *r, struct span word)
{
	if (span_equal(span_first(word, 2), span_str("--"))) {
		word = span_from(word, 2);
	}
	const char *equals = word.size ? memchr(word.data, '=', word.size) : NULL;
	size_t size = equals ? (size_t)(equals - word.data) : word.size;
	struct span name = span_first(word, size), value = span_from(word, size + 1);

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		const struct option *o = &options[i];
		if (!text_equal_fold(name, span_str(o->name))) {
			continue;
		}
		if (o->left) {
			build_note(n->im, IMPORT_LEFT, r->at, o->name, "%s", o->left);
		} else if (o->apply) {
			o->apply(n, r, value);
			n->im->carried++;
		} else {
			n->im->carried +=
				build_set(n->im, r->a, o->key, value, r->at, o->name);
		}
		return;
	}
	/* Only what cannot be a password of somebody who forgot its name. */
	char *unknown MEM_AUTO = mem_copy(name.data, equals ? name.size : 0);
	build_mention(n->im, IMPORT_UNKNOWN, r->at, equals ? unknown : "an option");
}

static void finish_remote(struct nullmailer *n, struct remote *r)
{
	struct build_tls tls = {
		.mode = r->starttls ? BUILD_TLS_STARTTLS
			: r->ssl    ? BUILD_TLS_IMPLICIT : BUILD_TLS_NONE,
		.has_login = build_value(r->a, KEY_USER),
		.was_verified = !r->insecure, .at = r->at,
		.name = r->insecure ? "insecure" : "remotes",
	};

	build_set_port(n->im, r->a, r->port ? r->port : tls.mode == BUILD_TLS_IMPLICIT ? 465 : 25);
	build_tls(n->im, r->a, &tls);
	if (!build_value(r->a, KEY_TLS_CERT_FILE) != !build_value(r->a, KEY_TLS_KEY_FILE)) {
		const char *file = build_value(r->a, KEY_TLS_CERT_FILE);
		build_copy(r->a, file ? KEY_TLS_KEY_FILE : KEY_TLS_CERT_FILE,
			   file ? file : build_value(r->a, KEY_TLS_KEY_FILE));
	}
}

/* host [smtp|qmqp] [option]… */
static void take_remote(struct nullmailer *n, struct span line, struct import_place at,
			struct buf *spares)
{
	struct remote r = { .at = at };
	struct buf word BUF_AUTO;

	buf_init_secret(&word, 4096);
	if (!quoted_next(&line, "", &word)) {
		return;
	}
	bool is_first = n->im->account_count == 0;
	r.a = build_account(n->im, is_first ? span_str("default") : buf_span(&word));
	if (!r.a || !build_set(n->im, r.a, KEY_HOST, buf_span(&word), at, "remotes")) {
		if (r.a) {
			build_drop(n->im, r.a);
		}
		return;
	}
	bool has_more = quoted_next(&line, "", &word);
	if (has_more && span_equal(buf_span(&word), span_str("qmqp"))) {
		build_note(n->im, IMPORT_LEFT, at, "remotes", "relay does not speak QMQP");
		build_drop(n->im, r.a);
		return;
	}
	if (has_more && span_equal(buf_span(&word), span_str("smtp"))) {
		has_more = quoted_next(&line, "", &word);
	}
	while (has_more) {
		take_option(n, &r, buf_span(&word));
		has_more = quoted_next(&line, "", &word);
	}
	finish_remote(n, &r);
	if (!is_first && !buf_printf(spares, "%s%s", spares->size ? " " : "", r.a->name)) {
		build_note(n->im, IMPORT_LEFT, at, "remotes", "too many servers");
	}
}

/* -- the other files ----------------------------------------------------------- */

/* The first line of a file of the folder; NULL when it is not there.  The caller frees it. */
static char *first_line(struct nullmailer *n, const char *name, struct import_place *at)
{
	char *path MEM_AUTO = mem_printf("%.*s%s", n->folder, n->im->source, name);
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (!build_read(n->env, path, &text, &e)) {
		return NULL;
	}
	*at = (struct import_place){ build_keep_file(n->im, path), 1 };
	struct span line = span_trim(span_first(buf_span(&text), strcspn(text.data, "\n")));
	return line.size > 0 ? mem_copy(line.data, line.size) : NULL;
}

static void take_addresses(struct nullmailer *n, struct import_account *a)
{
	struct import_place at;
	char *admin MEM_AUTO = first_line(n, "adminaddr", &at);

	if (admin && !strchr(admin, ',')) {
		n->im->carried += build_set(n->im, a, KEY_SYSTEM_MAIL, span_str(admin), at,
					    "adminaddr");
	} else if (admin) {
		build_note(n->im, IMPORT_LEFT, at, "adminaddr",
			   "system_mail is one address; use aliases for several");
	}
	char *all MEM_AUTO = first_line(n, "allmailfrom", &at);
	if (all && build_from(n->im, a, span_str(all), at, "allmailfrom")) {
		build_put(n->im, a, KEY_ALLOW_FROM_OVERRIDE, "off");
		n->im->carried++;
	}
}

static void take_domain(struct nullmailer *n, struct import_account *a)
{
	struct import_place at, unused;
	const char *name = "defaulthost";
	char *host = first_line(n, name, &at);
	char *domain MEM_AUTO = first_line(n, "defaultdomain", &unused);

	if (!host) {
		name = "me";
		host = first_line(n, name, &at);
	}
	if (host) {
		bool is_short = domain && !strchr(host, '.');
		char *full MEM_AUTO =
			mem_printf("%s%s%s", host, is_short ? "." : "", is_short ? domain : "");
		n->im->carried +=
			build_set(n->im, a, KEY_MAILDOMAIN, span_str(full), at, name);
	}
	free(host);
}

static void take_values(struct nullmailer *n, struct import_account *a)
{
	static const struct {
		const char *name;
		enum key key;
		const char *unit, *left;
	} values[] = {
		{ "helohost", KEY_DOMAIN, "", NULL },
		{ "pausetime", KEY_MINIMAL_BACKOFF_TIME, "s", NULL },
		{ "maxpause", KEY_MAXIMAL_BACKOFF_TIME, "s", NULL },
		{ "queuelifetime", KEY_MAXIMAL_QUEUE_LIFETIME, "s", NULL },
		{ "bounceto", KEY_HOST, NULL, "delivery reports go to the sender, or to system_mail" },
		{ "doublebounceto", KEY_HOST, NULL,
		  "delivery reports go to the sender, or to system_mail" },
		{ "idhost", KEY_HOST, NULL, "Message-ID has the name of `domain`" },
		{ "bouncelines", KEY_HOST, NULL, "" },
		{ "sendtimeout", KEY_HOST, NULL, "" },
	};
	struct import_place at;

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		char *value MEM_AUTO = first_line(n, values[i].name, &at);
		if (!value) {
			continue;
		}
		char *text MEM_AUTO =
			mem_printf("%s%s", value, values[i].unit ? values[i].unit : "");
		if (!values[i].left) {
			n->im->carried += build_set(n->im, a, values[i].key, span_str(text), at,
						    values[i].name);
		} else if (values[i].left[0]) {
			build_note(n->im, IMPORT_LEFT, at, values[i].name, "%s", values[i].left);
		} else {
			build_mention(n->im, IMPORT_NOT_NEEDED, at, values[i].name);
		}
	}
	/* What nullmailer has when nothing is said is too long for relay's own maximum. */
	if (build_value(a, KEY_MINIMAL_BACKOFF_TIME) && !build_value(a, KEY_MAXIMAL_BACKOFF_TIME)) {
		build_put(n->im, a, KEY_MAXIMAL_BACKOFF_TIME, "86400s");
	}
}

bool import_nullmailer(struct import *im, const struct import_env *env, const char *path,
		       struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct nullmailer n = { im, env, slash ? (int)(slash - path) + 1 : 0 };
	struct buf text BUF_AUTO;
	struct buf spares BUF_AUTO;
	struct lines l;
	struct span line;
	unsigned number;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	buf_init(&spares, 32768);
	im->program = "nullmailer";
	im->source = mem_str(path);
	if (!build_read(env, path, &text, e)) {
		return false;
	}
	lines_init(&l, &text);
	while (lines_next(&l, &line, &number)) {
		take_remote(&n, line, (struct import_place){ im->source, number }, &spares);
	}
	if (im->account_count == 0) {
		build_obstacle(im, "%s names no server that relay can use", path);
		return true;
	}
	struct import_account *a = im->accounts[0];
	if (spares.size > 0) {
		build_set(im, a, KEY_FALLBACK, buf_span(&spares),
			  (struct import_place){ im->source, 0 }, "remotes");
	}
	take_addresses(&n, &im->defaults);
	take_domain(&n, &im->defaults);
	take_values(&n, &im->defaults);
	return true;
}
