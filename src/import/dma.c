/* SPDX-License-Identifier: ISC */
/*
 * dma: dma.conf is `KEY value`, or a KEY alone; # begins a comment anywhere.  AUTHPATH has
 * `user|host:password`.
 */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/lines.h"

#include <stdlib.h>

enum flag {
	FLAG_SECURE = 1, FLAG_STARTTLS = 2, FLAG_MAYBE = 4, FLAG_VERIFY = 8, FLAG_NULLCLIENT = 16,
};

struct dma {
	struct import *im;
	const struct import_env *env;
	struct import_account *a;
	unsigned flags;
	struct span host, masquerade, mail_name, aliases, auth;
	unsigned port;
	struct import_place host_at, tls_at, masquerade_at, name_at, aliases_at, auth_at;
};

struct row {
	const char *name;
	enum flag flag;
	enum key key;
	const char *left;	/* "" = not needed */
};

static const struct row rows[] = {
	{ "SECURETRANSFER", FLAG_SECURE, KEY_TLS, NULL },
	{ "STARTTLS", FLAG_STARTTLS, KEY_TLS, NULL },
	{ "OPPORTUNISTIC_TLS", FLAG_MAYBE, KEY_TLS, NULL },
	{ "VERIFYCERT", FLAG_VERIFY, KEY_TLS, NULL },
	{ "NULLCLIENT", FLAG_NULLCLIENT, KEY_ALIASES, NULL },
	{ "FINGERPRINT", 0, KEY_TLS_FINGERPRINT, NULL },
	{ "CERTFILE", 0, KEY_TLS_CERT_FILE, NULL },
	{ "SPOOLDIR", 0, KEY_QUEUE, "" },
	{ "FULLBOUNCE", 0, KEY_QUEUE, "" },
	{ "SECURE", 0, KEY_QUEUE, "" },
	{ "INSECURE", 0, KEY_AUTH_CLEARTEXT, "relay needs TLS for a login; see auth_cleartext" },
	{ "DEFER", 0, KEY_DELIVERY_MODE, "set delivery_mode queue" },
};

static bool keep(struct dma *d, struct span name, struct span value, struct import_place at)
{
	struct {
		const char *name;
		struct span *value;
		struct import_place *at;
	} const kept[] = {
		{ "SMARTHOST", &d->host, &d->host_at },
		{ "MASQUERADE", &d->masquerade, &d->masquerade_at },
		{ "MAILNAME", &d->mail_name, &d->name_at },
		{ "ALIASES", &d->aliases, &d->aliases_at },
		{ "AUTHPATH", &d->auth, &d->auth_at },
	};

	if (text_equal_fold(name, span_str("PORT"))) {
		d->port = build_port(value);
		d->im->carried++;
		return true;
	}
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		if (text_equal_fold(name, span_str(kept[i].name))) {
			*kept[i].value = value;
			*kept[i].at = at;
			d->im->carried++;
			return true;
		}
	}
	return false;
}

static void take_line(struct dma *d, struct span line, struct import_place at)
{
	const char *hash = line.size ? memchr(line.data, '#', line.size) : NULL;
	struct span value, name = lines_split(
		span_trim(hash ? span_first(line, (size_t)(hash - line.data)) : line), &value);

	if (name.size == 0 || keep(d, name, value, at)) {
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		if (!text_equal_fold(name, span_str(row->name))) {
			continue;
		}
		if (row->left && row->left[0]) {
			build_note(d->im, IMPORT_LEFT, at, row->name, "%s", row->left);
		} else if (row->left) {
			build_mention(d->im, IMPORT_NOT_NEEDED, at, row->name);
		} else if (row->flag) {
			d->flags |= row->flag;
			d->tls_at = row->key == KEY_TLS && row->flag != FLAG_VERIFY ? at : d->tls_at;
			d->im->carried++;
		} else {
			d->im->carried += build_set(d->im, d->a, row->key, value, at, row->name);
		}
		return;
	}
	char *unknown MEM_AUTO = mem_copy(name.data, name.size);
	build_mention(d->im, IMPORT_UNKNOWN, at, unknown);
}

/* A login for this host, of `user|host:password`. */
static bool set_login(struct dma *d)
{
	char *path MEM_AUTO = mem_copy(d->auth.data, d->auth.size);
	struct import_place at = { build_keep_file(d->im, path), 0 };
	struct buf text BUF_AUTO;
	struct lines l;
	struct span line;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (path[0] == '\0') {
		return false;
	}
	if (!build_read(d->env, path, &text, &e)) {
		build_obstacle(d->im, "the login could not be read: %s", e.text);
		return true;
	}
	lines_init(&l, &text);
	while (lines_next(&l, &line, &at.line)) {
		const char *bar = memchr(line.data, '|', line.size);
		size_t size = bar ? (size_t)(bar - line.data) : line.size;
		struct span user = span_first(line, size), rest = span_from(line, size + 1);
		const char *colon = rest.size ? memchr(rest.data, ':', rest.size) : NULL;
		size_t host = colon ? (size_t)(colon - rest.data) : 0;
		if (colon && text_equal_fold(span_first(rest, host), d->host)) {
			return build_set(d->im, d->a, KEY_USER, user, at, "AUTHPATH") &&
			       build_set(d->im, d->a, KEY_PASSWORD, span_from(rest, host + 1), at,
					 "AUTHPATH");
		}
	}
	return false;
}

/* MAILNAME: a name, or the file that has it. */
static void set_mail_name(struct dma *d)
{
	char *value = mem_copy(d->mail_name.data, d->mail_name.size);
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (value[0] == '/') {
		if (!build_read(d->env, value, &text, &e)) {
			build_note(d->im, IMPORT_LEFT, d->name_at, "MAILNAME", "%s", e.text);
			buf_reset(&text);
		}
		free(value);
		struct span line = span_trim(span_of(text.data, strcspn(text.data, "\n")));
		value = mem_copy(line.data, line.size);
	}
	if (value[0] && !text_equal_fold(span_str(value), span_str(d->env->mail_name))) {
		build_set(d->im, d->a, KEY_MAILDOMAIN, span_str(value), d->name_at, "MAILNAME");
	}
	free(value);
}

/* [user@][host] */
static void set_masquerade(struct dma *d)
{
	static const char name[] = "MASQUERADE";
	struct span value = d->masquerade;
	const char *sign = value.size ? memrchr(value.data, '@', value.size) : NULL;
	size_t size = sign ? (size_t)(sign - value.data) : 0;

	if (value.size == 0) {
		return;
	}
	if (sign && size + 1 < value.size) {
		if (build_from(d->im, d->a, value, d->masquerade_at, name)) {
			build_put(d->im, d->a, KEY_ALLOW_FROM_OVERRIDE, "off");
		}
	} else if (!sign &&
		   build_set(d->im, d->a, KEY_MAILDOMAIN, value, d->masquerade_at, name)) {
		build_note(d->im, IMPORT_CHANGED, d->masquerade_at, name,
			   "became maildomain, for senders that have no domain");
	} else if (sign) {
		build_note(d->im, IMPORT_LEFT, d->masquerade_at, name,
			   "write the whole address into from");
	}
}

static void set_server(struct dma *d)
{
	bool is_checked = d->flags & FLAG_VERIFY || build_value(d->a, KEY_TLS_FINGERPRINT);
	struct build_tls tls = {
		.mode = !(d->flags & FLAG_SECURE)  ? BUILD_TLS_NONE
			: d->flags & FLAG_STARTTLS ? BUILD_TLS_STARTTLS : BUILD_TLS_IMPLICIT,
		.was_verified = is_checked && !(d->flags & FLAG_MAYBE),
		.at = d->tls_at.file ? d->tls_at : d->host_at,
		.name = d->tls_at.file ? "SECURETRANSFER" : "SMARTHOST",
	};

	if (d->host.size == 0 ||
	    !build_set(d->im, d->a, KEY_HOST, d->host, d->host_at, "SMARTHOST")) {
		build_obstacle(d->im, "no server: dma sends to each recipient's own server, which "
			       "relay does not do; your provider has one: host NAME, user NAME "
			       "(SMARTHOST is not set)");
		return;
	}
	build_set_port(d->im, d->a, d->port ? d->port : 25);
	tls.has_login = set_login(d);
	build_tls(d->im, d->a, &tls);
	if (build_value(d->a, KEY_TLS_CERT_FILE)) {
		build_copy(d->a, KEY_TLS_KEY_FILE, build_value(d->a, KEY_TLS_CERT_FILE));
	}
}

static void set_aliases(struct dma *d)
{
	char *path MEM_AUTO = d->aliases.size ? mem_copy(d->aliases.data, d->aliases.size)
					      : mem_str("/etc/aliases");
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (d->flags & FLAG_NULLCLIENT) {
		return;
	}
	if (build_read(d->env, path, &text, &e)) {
		build_set(d->im, d->a, KEY_ALIASES, span_str(path), d->aliases_at, "ALIASES");
	} else if (d->aliases.size > 0) {
		build_note(d->im, IMPORT_LEFT, d->aliases_at, "ALIASES", "%s", e.text);
	}
	build_note(d->im, IMPORT_CHANGED, (struct import_place){ d->im->source, 0 }, "mailboxes",
		   "relay has none: mail to local users without an alias goes to system_mail, "
		   "which you should set");
}

bool import_dma(struct import *im, const struct import_env *env, const char *path,
		struct err *e)
{
	struct dma d = { .im = im, .env = env };
	struct buf text BUF_AUTO;
	unsigned line = 0;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	im->program = "dma";
	im->source = mem_str(path);
	if (!build_read(env, path, &text, e)) {
		return false;
	}
	d.a = build_account(im, span_str("default"));
	for (struct span rest = buf_span(&text), one; lines_take(&rest, &one);) {
		take_line(&d, one, (struct import_place){ im->source, ++line });
	}
	set_server(&d);
	set_mail_name(&d);
	set_masquerade(&d);
	set_aliases(&d);
	return true;
}
