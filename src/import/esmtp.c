/* SPDX-License-Identifier: ISC */
/*
 * esmtp: .esmtprc is `key value` or `key = value`, values in quotes or not; an `identity`
 * begins the settings for one sender, and takes nothing from what is above it.  The word
 * `default` makes it the one for all others; else that is what stands before the first
 * identity, or the first identity.
 */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/lines.h"
#include "import/quoted.h"

#include <stdlib.h>

struct esmtp {
	struct import *im;
	struct import_account *a;	/* that the lines belong to */
	struct import_place tls_at;
	enum build_tls_mode mode;
	char *usual;		/* name of the account with the word `default` */
};

struct row {
	const char *name;
	void (*apply)(struct esmtp *s, struct span value, struct import_place at);
	enum key key;
	const char *left;	/* "" = not needed */
};

static void take_host(struct esmtp *s, struct span value, struct import_place at)
{
	const char *colon = memchr(value.data, ':', value.size);
	size_t size = colon ? (size_t)(colon - value.data) : value.size;
	unsigned port = colon ? build_port(span_from(value, size + 1)) : 587;

	if (build_set(s->im, s->a, KEY_HOST, span_first(value, size), at, "hostname")) {
		build_set_port(s->im, s->a, port ? port : 587);
	}
}

static void take_tls(struct esmtp *s, struct span value, struct import_place at)
{
	s->mode = text_equal_fold(value, span_str("disabled")) ? BUILD_TLS_NONE
							       : BUILD_TLS_STARTTLS;
	s->tls_at = at;
	if (text_equal_fold(value, span_str("enabled"))) {
		build_note(s->im, IMPORT_CHANGED, at, "starttls",
			   "was used when the server offered it: relay needs it");
	}
}

static void take_force(struct esmtp *s, struct span value, struct import_place at)
{
	struct span rest, word = lines_split(value, &rest);

	if (text_equal_fold(word, span_str("reverse_path")) && memchr(value.data, '@', value.size) &&
	    !memchr(value.data, '%', value.size)) {
		if (build_from(s->im, s->a, rest, at, "force reverse_path")) {
			build_put(s->im, s->a, KEY_ALLOW_FROM_OVERRIDE, "off");
		}
		return;
	}
	build_note(s->im, IMPORT_LEFT, at, "force", "see from and set_from_header");
}

static const struct row rows[] = {
	{ "hostname", take_host, KEY_HOST, NULL },
	{ "host", take_host, KEY_HOST, NULL },
	{ "username", NULL, KEY_USER, NULL },
	{ "user", NULL, KEY_USER, NULL },
	{ "password", NULL, KEY_PASSWORD, NULL },
	{ "pass", NULL, KEY_PASSWORD, NULL },
	{ "starttls", take_tls, KEY_TLS, NULL },
	{ "tls", take_tls, KEY_TLS, NULL },
	{ "helo", NULL, KEY_DOMAIN, NULL },
	{ "qualifydomain", NULL, KEY_MAILDOMAIN, NULL },
	{ "force", take_force, KEY_FROM, NULL },
	{ "certificate_passphrase", NULL, KEY_HOST, "name a client certificate in tls_cert_file" },
	{ "preconnect", NULL, KEY_HOST, "relay runs no commands around a session" },
	{ "postconnect", NULL, KEY_HOST, "relay runs no commands around a session" },
	{ "message_id", NULL, KEY_HOST, "see set_msgid_header" },
	{ "mda", NULL, KEY_HOST, "relay delivers nothing on this machine" },
	{ "force_mda", NULL, KEY_HOST, "relay delivers nothing on this machine" },
};

/* The account is complete: what it did not say, esmtp has by itself. */
static void finish(struct esmtp *s)
{
	struct build_tls tls = { .mode = s->mode, .was_verified = true, .at = s->tls_at,
				 .name = "starttls" };

	if (!s->a) {
		return;
	}
	if (!build_value(s->a, KEY_HOST)) {
		build_note(s->im, IMPORT_LEFT, s->tls_at, s->a->name, "has no hostname");
		if (s->usual && strcmp(s->usual, s->a->name) == 0) {
			free(s->usual);
			s->usual = NULL;
		}
		build_drop(s->im, s->a);
	} else {
		tls.has_login = build_value(s->a, KEY_USER);
		build_tls(s->im, s->a, &tls);
	}
	s->a = NULL;
}

static void begin(struct esmtp *s, struct span address, struct import_place at)
{
	finish(s);
	s->mode = BUILD_TLS_NONE;
	s->tls_at = at;
	s->a = build_account(s->im, address.size ? address : span_str("default"));
	if (!s->a) {
		build_note(s->im, IMPORT_LEFT, at, "identity", "too many accounts");
		return;
	}
	s->a->rank = address.size ? RANK_SENDER : RANK_DEFAULT;
	if (address.size > 0 && !build_from(s->im, s->a, address, at, "identity")) {
		build_drop(s->im, s->a);
		s->a = NULL;
	}
}

static void take_setting(struct esmtp *s, struct span name, struct span value,
			 struct import_place at)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		if (!text_equal_fold(name, span_str(row->name))) {
			continue;
		}
		if (row->left) {
			build_note(s->im, IMPORT_LEFT, at, row->name, "%s", row->left);
		} else if (row->apply && value.size > 0) {
			row->apply(s, value, at);
			s->im->carried++;
		} else if (!row->apply) {
			s->im->carried += build_set(s->im, s->a, row->key, value, at, row->name);
		}
		return;
	}
	char *unknown MEM_AUTO = mem_copy(name.data, name.size);
	build_mention(s->im, IMPORT_UNKNOWN, at, unknown);
}

static void take_line(struct esmtp *s, struct span line, struct import_place at)
{
	struct buf word BUF_AUTO, value BUF_AUTO, more BUF_AUTO;

	buf_init_secret(&word, 4096);
	buf_init_secret(&value, 4096);
	buf_init_secret(&more, 4096);
	if (!quoted_next(&line, "=", &word) || word.data[0] == '#') {
		return;
	}
	if (quoted_next(&line, "=", &value)) {
		/* `force reverse_path me@x` */
		while (quoted_next(&line, "=", &more) && more.data[0] != '#') {
			if (!buf_add_byte(&value, ' ') || !buf_add_span(&value, buf_span(&more))) {
				return;
			}
		}
	}
	if (text_equal_fold(buf_span(&word), span_str("identity"))) {
		begin(s, buf_span(&value), at);
		s->im->carried++;
		return;
	}
	if (!s->a && s->im->account_count == 0) {
		begin(s, span_of(NULL, 0), at);
	}
	if (s->a && text_equal_fold(buf_span(&word), span_str("default"))) {
		free(s->usual);
		s->usual = mem_str(s->a->name);
		s->im->carried++;
	} else if (s->a) {
		take_setting(s, buf_span(&word), buf_span(&value), at);
	}
}

/* The identity for all others has a name of its own, and is "default" as well. */
static void add_default(struct esmtp *s)
{
	struct import *im = s->im;
	struct import_account *first = im->account_count > 0 ? im->accounts[0] : NULL;
	bool has_general = first && strcmp(first->name, "default") == 0;

	if (first && !s->usual && !has_general) {
		s->usual = mem_str(first->name);
	}
	if (s->usual && strcmp(s->usual, "default") != 0) {
		if (has_general) {
			build_drop(im, first);
		}
		struct import_account *a = build_account(im, span_str("default"));
		if (a) {
			a->rank = RANK_DEFAULT;
			a->parent = s->usual;
			s->usual = NULL;
		}
	}
	free(s->usual);
}

bool import_esmtp(struct import *im, const struct import_env *env, const char *path,
		  struct err *e)
{
	struct esmtp s = { .im = im };
	struct buf text BUF_AUTO;
	unsigned line = 0;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	im->program = "esmtp";
	im->source = mem_str(path);
	if (!build_read(env, path, &text, e)) {
		return false;
	}
	for (struct span rest = buf_span(&text), one; lines_take(&rest, &one);) {
		take_line(&s, one, (struct import_place){ im->source, ++line });
	}
	finish(&s);
	if (im->account_count == 0) {
		build_obstacle(im, "%s names no server", path);
	}
	add_default(&s);
	build_sort(im);
	return true;
}
