/* SPDX-License-Identifier: ISC */
/*
 * ssmtp: ssmtp.conf is `Key=value`, case ignored; a value ends at a blank, "=" or "#", also
 * in a password.  revaliases, beside it, gives senders to login names.
 */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/lines.h"

#include <stdlib.h>

struct ssmtp {
	struct import *im;
	struct import_account *a;
	const char *file;
	struct span hub, port, method;
	bool use_tls, use_starttls, has_login, use_cert, overrides_from;
	struct span cert, key;
	struct import_place hub_at, tls_at;
};

struct row {
	const char *name;
	void (*apply)(struct ssmtp *s, const char *name, struct span value,
		      struct import_place at);
	enum key key;
	const char *left;	/* why it is not carried over; "" = not needed */
};

static bool is_yes(struct span value)
{
	return text_equal_fold(value, span_str("yes")) || text_equal_fold(value, span_str("on"));
}

static void take_hub(struct ssmtp *s, const char *name, struct span value,
		     struct import_place at)
{
	(void)name;
	s->hub = value;
	s->hub_at = at;
}

static void take_word(struct ssmtp *s, const char *name, struct span value,
		      struct import_place at)
{
	struct span *const words[] = { &s->port, &s->method, &s->cert, &s->key };
	static const char *const names[] = { "RemotePort", "AuthMethod", "TLSCert", "TLSKey" };

	(void)at;
	for (size_t i = 0; i < 4; i++) {
		if (strcmp(name, names[i]) == 0) {
			*words[i] = value;
		}
	}
}

static void take_switch(struct ssmtp *s, const char *name, struct span value,
			struct import_place at)
{
	bool is_on = is_yes(value);

	if (strcmp(name, "UseTLSCert") == 0) {
		s->use_cert = is_on;
	} else if (strcmp(name, "FromLineOverride") == 0) {
		s->overrides_from = is_on;
	} else if (is_on) {
		s->use_tls = s->use_tls || strcmp(name, "UseTLS") == 0;
		s->use_starttls = s->use_starttls || strcmp(name, "UseSTARTTLS") == 0;
		s->tls_at = at;
	}
}

/* Mail to local users below 1000 goes there; relay: to all of them. */
static void take_root(struct ssmtp *s, const char *name, struct span value,
		      struct import_place at)
{
	if (!memchr(value.data, '@', value.size)) {
		build_note(s->im, IMPORT_LEFT, at, name,
			   "has no domain; set system_mail to who reads this machine's mail");
	} else if (build_set(s->im, s->a, KEY_SYSTEM_MAIL, value, at, name)) {
		build_note(s->im, IMPORT_CHANGED, at, name,
			   "became system_mail: it gets the mail of all local users");
	}
}

static const struct row rows[] = {
	{ "Root", take_root, KEY_SYSTEM_MAIL, NULL },
	{ "MailHub", take_hub, KEY_HOST, NULL },
	{ "RemotePort", take_word, KEY_PORT, NULL },
	{ "RewriteDomain", NULL, KEY_MAILDOMAIN, NULL },
	{ "HostName", NULL, KEY_DOMAIN, NULL },
	{ "FromLineOverride", take_switch, KEY_FROM, NULL },
	{ "UseTLS", take_switch, KEY_TLS, NULL },
	{ "UseSTARTTLS", take_switch, KEY_TLS_STARTTLS, NULL },
	{ "UseTLSCert", take_switch, KEY_TLS_CERT_FILE, NULL },
	{ "TLSCert", take_word, KEY_TLS_CERT_FILE, NULL },
	{ "TLSKey", take_word, KEY_TLS_KEY_FILE, NULL },
	{ "TLS_CA_File", NULL, KEY_TLS_TRUST_FILE, NULL },
	{ "TLS_CA_Dir", NULL, KEY_TLS_TRUST_FILE, "relay reads one file: tls_trust_file" },
	{ "AuthUser", NULL, KEY_USER, NULL },
	{ "AuthPass", NULL, KEY_PASSWORD, NULL },
	{ "AuthMethod", take_word, KEY_AUTH, NULL },
	{ "AddHeader", NULL, KEY_HOST, "relay adds no fields" },
	{ "MinUserId", NULL, KEY_HOST, "system_mail gets the mail of all local users" },
	{ "UseOldAUTH", NULL, KEY_HOST, "" },
	{ "Debug", NULL, KEY_HOST, "" },
};

/* What ssmtp would take of the line: two words between "=" and blanks. */
static bool split(struct span line, struct span *name, struct span *value, bool *ret_is_cut)
{
	const char *hash = line.size ? memchr(line.data, '#', line.size) : NULL;
	struct span rest = hash ? span_first(line, (size_t)(hash - line.data)) : line;

	*name = lines_word(&rest, "= \t\r\n");
	*value = lines_word(&rest, "= \t\r\n");
	*ret_is_cut = span_trim(rest).size > 0 || (hash && hash > line.data);
	return name->size > 0;
}

static void take_line(struct ssmtp *s, struct span line, struct import_place at)
{
	struct span name, value;
	bool is_cut;

	if (!split(line, &name, &value, &is_cut)) {
		return;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		if (!text_equal_fold(name, span_str(row->name))) {
			continue;
		}
		if (row->left) {
			if (row->left[0]) {
				build_note(s->im, IMPORT_LEFT, at, row->name, "%s", row->left);
			} else {
				build_mention(s->im, IMPORT_NOT_NEEDED, at, row->name);
			}
		} else if (value.size > 0 && row->apply) {
			row->apply(s, row->name, value, at);
			s->im->carried++;
		} else if (value.size > 0 &&
			   build_set(s->im, s->a, row->key, value, at, row->name)) {
			s->im->carried++;
		}
		if (is_cut && row->key == KEY_PASSWORD) {
			build_note(s->im, IMPORT_CHANGED, at, row->name,
				   "ends at the first blank, = or #, as ssmtp reads it");
		}
		return;
	}
	char *unknown MEM_AUTO = mem_copy(name.data, name.size);
	build_mention(s->im, IMPORT_UNKNOWN, at, unknown);
}

static void finish_server(struct ssmtp *s)
{
	unsigned port;
	const char *colon = s->hub.size ? memchr(s->hub.data, ':', s->hub.size) : NULL;
	size_t size = colon ? (size_t)(colon - s->hub.data) : s->hub.size;
	struct build_tls tls = {
		.mode = s->use_starttls ? BUILD_TLS_STARTTLS
			: s->use_tls	? BUILD_TLS_IMPLICIT : BUILD_TLS_NONE,
		.has_login = build_value(s->a, KEY_USER) && build_value(s->a, KEY_PASSWORD),
		.at = s->tls_at, .name = "UseTLS",
	};

	if (s->hub.size == 0 ||
	    !build_set(s->im, s->a, KEY_HOST, span_first(s->hub, size), s->hub_at, "MailHub")) {
		build_obstacle(s->im, "no server: MailHub names none; add: host NAME");
		return;
	}
	port = build_port(colon ? span_from(s->hub, size + 1) : s->port);
	build_set_port(s->im, s->a, port ? port : 25);
	tls.at = tls.at.file ? tls.at : s->hub_at;
	build_tls(s->im, s->a, &tls);
	if (text_equal_fold(s->method, span_str("cram-md5"))) {
		build_put(s->im, s->a, KEY_AUTH, "cram-md5");
	}
	if (s->use_cert && s->cert.size > 0) {
		struct span key = s->key.size ? s->key : s->cert;
		build_set(s->im, s->a, KEY_TLS_CERT_FILE, s->cert, s->hub_at, "TLSCert");
		build_set(s->im, s->a, KEY_TLS_KEY_FILE, key, s->hub_at, "TLSKey");
	}
}

/* user:from[:hub[:port]] */
static void take_reverse(struct ssmtp *s, const struct import_env *env, const char *path)
{
	struct buf text BUF_AUTO;
	struct lines l;
	struct span line;
	struct import_place at = { build_keep_file(s->im, path), 0 };
	struct err e;
	size_t count = 0;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (!build_read(env, path, &text, &e)) {
		return;
	}
	lines_init(&l, &text);
	while (lines_next(&l, &line, &at.line)) {
		struct span user = lines_word(&line, ":"), from = lines_word(&line, ":");
		const char *old = build_value(s->a, KEY_FROM);
		if (from.size == 0) {
			continue;
		}
		count++;
		if (old && text_equal_fold(span_str(old), from)) {
			continue;
		}
		if (old || line.size > 0) {
			build_note(s->im, IMPORT_LEFT, at, "revaliases",
				   "%.*s: relay does not choose by login name; let this user have "
				   "a ~/.relayrc", SPAN_ARG(span_first(user, 64)));
		} else if (build_from(s->im, s->a, from, at, "revaliases")) {
			build_note(s->im, IMPORT_CHANGED, at, "revaliases",
				   "%.*s: the sender of every user who names none",
				   SPAN_ARG(span_first(user, 64)));
		}
	}
	s->im->carried += count > 0;
}

/* The address of From is the sender; else From becomes the sender's. */
static void finish_from(struct ssmtp *s)
{
	if (!s->overrides_from) {
		build_put(s->im, s->a, KEY_SET_FROM_HEADER, "on");
	} else if (!build_value(s->a, KEY_FROM)) {
		build_put(s->im, s->a, KEY_FROM, CONF_FROM_AUTHOR);
	}
}

bool import_ssmtp(struct import *im, const struct import_env *env, const char *path,
		  struct err *e)
{
	struct ssmtp s = { .im = im };
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash - path) + 1 : 0;
	char *reverse MEM_AUTO = mem_printf("%.*srevaliases", folder, path);
	struct buf text BUF_AUTO;
	unsigned line = 0;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	im->program = "ssmtp";
	im->source = mem_str(path);
	if (!build_read(env, path, &text, e)) {
		return false;
	}
	s.a = build_account(im, span_str("default"));
	for (struct span rest = buf_span(&text), one; lines_take(&rest, &one);) {
		take_line(&s, one, (struct import_place){ im->source, ++line });
	}
	take_reverse(&s, env, reverse);
	finish_from(&s);
	finish_server(&s);
	return true;
}
