/* SPDX-License-Identifier: ISC */
/*
 * postfix_local: what Postfix takes for this machine's own names, and who reads their mail.
 * relay has no mailboxes: an alias, or system_mail.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/build.h"
#include "import/lines.h"
#include "mail/aliases.h"

#include <stdlib.h>

/* "/etc/mailname" stands for the first line of that file. */
static char *get_origin(struct postfix *p, struct import_place *at)
{
	char *value = postfix_get(p, span_of(NULL, 0), "myorigin", at);
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (value[0] != '/') {
		return value;
	}
	if (!build_read(p->env, value, &text, &e)) {
		build_note(p->im, IMPORT_LEFT, *at, "myorigin", "%s", e.text);
		buf_reset(&text);
	}
	free(value);
	struct span line = span_trim(span_of(text.data, strcspn(text.data, "\r\n")));
	return mem_copy(line.data, line.size);
}

/* Does relay know this name as one of the machine's by itself? */
static bool is_known(const struct postfix *p, struct span domain)
{
	const char *host = p->env->host;

	return text_starts_fold(domain, "localhost") ||
	       text_equal_fold(domain, span_str(host)) ||
	       text_equal_fold(domain, span_of(host, strcspn(host, "."))) ||
	       text_equal_fold(domain, span_str(p->env->mail_name));
}

/* True when there is a name in it at all. */
static bool take_destinations(struct postfix *p, struct span origin, bool *ret_has_origin)
{
	static const char name[] = "mydestination";
	struct import_place at;
	char *value MEM_AUTO = postfix_get(p, span_of(NULL, 0), name, &at);
	struct span list = span_str(value), domain;
	bool is_set = postfix_is_set(p, span_of(NULL, 0), name);

	*ret_has_origin = false;
	while ((domain = lines_word(&list, ", \t\r\n")).size > 0) {
		if (text_equal_fold(domain, origin)) {
			*ret_has_origin = true;
		} else if (is_set && !is_known(p, domain) &&
			   !build_has_note(p->im, IMPORT_LEFT, name)) {
			build_note(p->im, IMPORT_LEFT, at, name,
				   "%.*s: mail to such names was delivered on this machine; relay "
				   "sends it to the server, unless it is the machine's own name",
				   SPAN_ARG(span_first(domain, 255)));
		}
	}
	return span_trim(span_str(value)).size > 0;
}

static void keep_line(void *context, enum alias_trouble trouble, const char *recipient,
		      const char *text)
{
	struct postfix *p = context;

	(void)trouble;
	(void)recipient;
	build_note(p->im, IMPORT_LEFT, (struct import_place){ 0 }, "alias_maps", "%s", text);
}

static bool read_included(void *context, const char *path, struct buf *to, struct err *e)
{
	struct postfix *p = context;

	return p->env->read(p->env->context, path, to, e);
}

/* The file of the first table; "" when there is none that relay can read. */
static char *aliases_file(struct postfix *p, struct import_place *at)
{
	char *value MEM_AUTO = postfix_get(p, span_of(NULL, 0), "alias_maps", at);
	struct span list = span_str(value), first = lines_word(&list, ", \t\r\n"), other;
	const char *colon = first.size ? memchr(first.data, ':', first.size) : NULL;
	struct span path = colon ? span_from(first, (size_t)(colon - first.data) + 1) : first;

	if (first.size > 0 && (path.size == 0 || path.data[0] != '/')) {
		build_note(p->im, IMPORT_LEFT, *at, "alias_maps", "relay reads one file only");
		path = span_of(NULL, 0);
	} else if ((other = lines_word(&list, ", \t\r\n")).size > 0 &&
		   !text_starts_fold(other, "nis:")) {
		build_note(p->im, IMPORT_LEFT, *at, "alias_maps",
			   "relay reads one file only: %.*s", SPAN_ARG(span_first(path, 255)));
	}
	return mem_copy(path.data, path.size);
}

static void take_aliases(struct postfix *p)
{
	struct import_place at;
	char *path MEM_AUTO = aliases_file(p, &at);
	struct alias_env env = { p, NULL, read_included, keep_line };
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (path[0] == '\0') {
		return;
	}
	if (!build_read(p->env, path, &text, &e)) {
		/* The default names a file that need not be there. */
		if (at.line > 0) {
			build_note(p->im, IMPORT_LEFT, at, "alias_maps", "%s", e.text);
		}
		return;
	}
	build_set(p->im, &p->im->defaults, KEY_ALIASES, span_str(path), at, "alias_maps");
	aliases_check(buf_span(&text), path, &env);
}

/* luser_relay takes local names without a user and an alias: nearly system_mail. */
static void take_others(struct postfix *p)
{
	struct import_place at;
	char *value MEM_AUTO = postfix_get(p, span_of(NULL, 0), "luser_relay", &at);

	if (value[0] && strchr(value, '@') && !strchr(value, '$')) {
		if (build_set(p->im, &p->im->defaults, KEY_SYSTEM_MAIL, span_str(value), at,
			      "luser_relay")) {
			build_note(p->im, IMPORT_CHANGED, at, "luser_relay",
				   "became system_mail, which also gets the mail of local users "
				   "without an alias");
		}
		return;
	}
	if (value[0]) {
		build_note(p->im, IMPORT_LEFT, at, "luser_relay", "set system_mail");
	}
	build_note(p->im, IMPORT_CHANGED, (struct import_place){ p->file, 0 }, "mailboxes",
		   "relay has none: mail to local users without an alias goes to system_mail, "
		   "which you should set");
}

void postfix_local(struct postfix *p)
{
	struct import_place at;
	char *origin MEM_AUTO = get_origin(p, &at);
	bool has_origin;
	bool has_local = take_destinations(p, span_str(origin), &has_origin);

	/* Of a machine that was told nothing, relay finds the name by itself. */
	bool is_set = postfix_is_set(p, span_of(NULL, 0), "myorigin") ||
		      postfix_is_set(p, span_of(NULL, 0), "myhostname") ||
		      postfix_is_set(p, span_of(NULL, 0), "mydomain");
	if (is_set && origin[0] && !build_value(&p->im->defaults, KEY_MAILDOMAIN) &&
	    !text_equal_fold(span_str(origin), span_str(p->env->mail_name)) &&
	    build_set(p->im, &p->im->defaults, KEY_MAILDOMAIN, span_str(origin), at,
		      "myorigin") &&
	    has_origin) {
		build_note(p->im, IMPORT_CHANGED, at, "myorigin",
			   "mail to NAME@%.255s goes to the server; only names without a domain, "
			   "or at localhost, are local", origin);
	}
	if (has_local) {
		take_aliases(p);
		take_others(p);
	}
}
