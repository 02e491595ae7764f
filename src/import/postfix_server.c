/* SPDX-License-Identifier: ISC */
/*
 * postfix_server: a destination of Postfix, "[host]:port", as the server of an account, with
 * the login from smtp_sasl_password_maps.  Must never put a login's password into a note.
 */
#include "import/postfix.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/route.h"
#include "conf/syntax.h"
#include "conf/words.h"
#include "import/build.h"
#include "import/lines.h"

#include <stdlib.h>

struct span postfix_host(struct span dest, unsigned usual_port, unsigned *ret_port,
			 bool *ret_has_brackets)
{
	const char *end = dest.size ? memchr(dest.data, ']', dest.size) : NULL;
	struct span host = dest, service;

	*ret_has_brackets = dest.size > 0 && dest.data[0] == '[' && end;
	if (*ret_has_brackets) {
		size_t size = (size_t)(end - dest.data);
		host = span_from(span_first(dest, size), 1);
		service = span_from(dest, size + 1);
		if (text_starts_fold(host, "ipv6:")) {
			host = span_from(host, 5);
		}
	} else {
		const char *colon = dest.size ? memrchr(dest.data, ':', dest.size) : NULL;
		size_t size = colon ? (size_t)(colon - dest.data) : dest.size;
		host = span_first(dest, size);
		service = span_from(dest, size);
	}
	*ret_port = service.size == 0 ? usual_port
		    : service.data[0] == ':' ? build_port(span_from(service, 1)) : 0;
	return host;
}

/* -- the login ----------------------------------------------------------------- */

/* What relay chooses from by itself. */
static const char *const own_mechanisms =
	"scram-sha-256-plus scram-sha-1-plus scram-sha-256 scram-sha-1 plain login cram-md5";

/* Does the filter let this mechanism through?  "plain, !ntlm, static:all". */
static bool passes(struct span filter, struct span mechanism)
{
	struct span word;

	while ((word = lines_word(&filter, ", \t\r\n")).size > 0) {
		bool is_not = word.data[0] == '!';
		struct span rest = span_from(word, is_not);
		if (text_equal_fold(rest, mechanism) || text_starts_fold(rest, "static:")) {
			return !is_not;
		}
	}
	return false;
}

/* The words that are in our list, in our order. */
static void filter_mechanisms(struct span filter, const char *words, bool no_plaintext,
			      struct buf *to)
{
	struct span list = span_str(words), word;

	while ((word = words_next(&list, " ")).size > 0) {
		bool is_plain = span_equal(word, span_str("plain")) ||
				span_equal(word, span_str("login"));
		if (passes(filter, word) && !(no_plaintext && is_plain) &&
		    ((to->size > 0 && !buf_add_byte(to, ' ')) || !buf_add_span(to, word))) {
			return;
		}
	}
}

static void set_mechanisms(struct postfix *p, struct import_account *a, struct span transport)
{
	static const char name[] = "smtp_sasl_mechanism_filter";
	struct import_place at;
	char *filter MEM_AUTO = postfix_get(p, transport, name, &at);
	struct buf list BUF_AUTO;

	buf_init(&list, 1024);
	if (filter[0] == '\0') {
		return;
	}
	/* An exclusion, or "all the others", is said about what relay takes by itself. */
	bool is_open = strchr(filter, '!') || strstr(filter, "static:");
	filter_mechanisms(span_str(filter),
			  is_open ? own_mechanisms : conf_key_row(KEY_AUTH)->words, false, &list);
	if (list.size == 0) {
		build_note(p->im, IMPORT_LEFT, at, name,
			   "relay has none of these mechanisms");
	} else if (build_set(p->im, a, KEY_AUTH, buf_span(&list), at, name) && is_open) {
		build_note(p->im, IMPORT_CHANGED, at, name, "became a list: %s", list.data);
	}
}

/* An entry for the same host, written another way: Postfix does not find it. */
static void tell_near(struct postfix *p, const struct table *t, struct span host,
		      struct span dest, struct import_place at)
{
	static const char name[] = "smtp_sasl_password_maps";

	for (size_t i = 0; i < t->count; i++) {
		unsigned port;
		bool has_brackets;
		struct span other = postfix_host(t->at[i].key, 25, &port, &has_brackets);
		if (text_equal_fold(other, host)) {
			build_note(p->im, IMPORT_LEFT, t->at[i].at, name,
				   "is for %.*s, but the server is written %.*s: Postfix does "
				   "not use it", SPAN_ARG(span_first(t->at[i].key, 255)),
				   SPAN_ARG(span_first(dest, 255)));
			return;
		}
	}
	build_note(p->im, IMPORT_LEFT, at, name, "there is no entry for %.*s: no login",
		   SPAN_ARG(span_first(dest, 255)));
}

static const struct table_entry *find_login(struct postfix *p, const struct table *t,
					    struct span transport, struct span host,
					    struct span dest, struct span sender)
{
	const struct table_entry *entry = NULL;

	if (sender.size > 0 &&
	    postfix_yes(p, transport, "smtp_sender_dependent_authentication")) {
		entry = table_find_address(t, sender);
	}
	entry = entry ? entry : table_find(t, host);
	return entry ? entry : table_find(t, dest);
}

static bool set_login(struct postfix *p, struct import_account *a, struct span transport,
		      struct span host, struct span dest, struct span sender)
{
	static const char name[] = "smtp_sasl_password_maps";
	struct import_place at;

	if (!postfix_yes(p, transport, "smtp_sasl_auth_enable")) {
		return false;
	}
	char *maps = postfix_get(p, transport, name, &at);
	mem_free_secret(&maps);	/* only its place is wanted */
	const struct table *t = postfix_table(p, transport, name, false);
	const struct table_entry *entry = find_login(p, t, transport, host, dest, sender);
	if (!entry && t->has_unread) {
		build_obstacle(p->im, "the login for %.*s could not be read: %s",
			       SPAN_ARG(span_first(dest, 255)), name);
		return true;
	}
	if (!entry) {
		tell_near(p, t, host, dest, at);
		return false;
	}
	char *between MEM_AUTO =
		postfix_get(p, transport, "smtp_sasl_password_result_delimiter", NULL);
	const char *colon = between[0] ? memmem(entry->value.data, entry->value.size, between,
						strlen(between)) : NULL;
	size_t size = colon ? (size_t)(colon - entry->value.data) : entry->value.size;
	struct span password = colon ? span_from(entry->value, size + strlen(between))
				     : span_of(NULL, 0);
	if (!build_set(p->im, a, KEY_USER, span_first(entry->value, size), entry->at, name)) {
		return false;
	}
	if (!colon || password.size == 0) {
		build_note(p->im, IMPORT_LEFT, entry->at, name,
			   "a user without a password: give it to relay in another way, see "
			   "THE PASSWORD in relayrc(5)");
	} else if (!build_set(p->im, a, KEY_PASSWORD, password, entry->at, name)) {
		build_obstacle(p->im, "a password cannot stand in a relayrc: use password_file");
	}
	set_mechanisms(p, a, transport);
	return true;
}

/* -- the server ---------------------------------------------------------------- */

/* lmtp:unix:/path, lmtp:inet:host:port */
static bool set_lmtp(struct postfix *p, struct import_account *a, struct span dest,
		     struct import_place at, const char *name)
{
	unsigned port;
	bool has_brackets;

	build_put(p->im, a, KEY_PROTOCOL, "lmtp");
	build_put(p->im, a, KEY_TLS, "off");
	if (text_starts_fold(dest, "unix:")) {
		struct span path = span_from(dest, 5);
		if (path.size == 0 || path.data[0] != '/') {
			build_note(p->im, IMPORT_LEFT, at, name,
				   "a socket in Postfix's own folder: give it a path with /");
			return false;
		}
		return build_set(p->im, a, KEY_SOCKET, path, at, name);
	}
	dest = text_starts_fold(dest, "inet:") ? span_from(dest, 5) : dest;
	struct span host = postfix_host(dest, 24, &port, &has_brackets);
	char number[16];
	snprintf(number, sizeof(number), "%u", port);
	return build_set(p->im, a, KEY_HOST, host, at, name) &&
	       build_set(p->im, a, KEY_PORT, span_str(number), at, name);
}

static void tell_mx(struct postfix *p, struct span host, struct import_place at,
		    const char *name)
{
	char *text MEM_AUTO = mem_copy(host.data, host.size);

	if (!syntax_ip_version(text) && !build_has_note(p->im, IMPORT_CHANGED, name)) {
		build_note(p->im, IMPORT_CHANGED, at, name,
			   "without brackets Postfix asks DNS for a mail server (MX) of %.255s; "
			   "relay connects to that name itself", text);
	}
}

bool postfix_server(struct postfix *p, struct import_account *a, struct span transport,
		    struct span dest, struct span sender, struct import_place at,
		    const char *name)
{
	struct span command = master_cf_command(&p->master, transport);
	unsigned port, usual;
	bool has_brackets;
	char number[16];

	if (span_equal(command, span_str("lmtp")) || text_starts_fold(dest, "unix:")) {
		return set_lmtp(p, a, dest, at, name);
	}
	dest = text_starts_fold(dest, "inet:") ? span_from(dest, 5) : dest;
	char *service MEM_AUTO = postfix_get(p, transport, "smtp_tcp_port", NULL);
	usual = build_port(span_str(service));
	struct span host = postfix_host(dest, usual ? usual : 25, &port, &has_brackets);
	if (port == 0) {
		build_note(p->im, IMPORT_LEFT, at, name, "the port of %.*s is not understood",
			   SPAN_ARG(span_first(dest, 255)));
		return false;
	}
	if (!build_set(p->im, a, KEY_HOST, host, at, name)) {
		return false;
	}
	if (!has_brackets) {
		tell_mx(p, host, at, name);
	}
	snprintf(number, sizeof(number), "%u", port);
	build_put(p->im, a, KEY_PORT, number);
	bool has_login = set_login(p, a, transport, host, dest, sender);
	postfix_tls(p, a, transport, dest, at, has_login);
	return true;
}

struct import_account *postfix_spare(struct postfix *p, struct span transport,
				     struct span dest, struct import_place at,
				     const char *name)
{
	char *comment MEM_AUTO = mem_printf("Only when another server is down: %.*s, %s.",
					    SPAN_ARG(dest), name);
	unsigned port;
	bool has_brackets;

	for (size_t i = 0; i < p->im->account_count; i++) {
		struct import_account *a = p->im->accounts[i];
		if (a->rank == RANK_SPARE && strcmp(a->comment, comment) == 0) {
			return a;
		}
	}
	struct import_account *a = build_account(p->im, postfix_host(dest, 25, &port,
								     &has_brackets));
	if (!a) {
		build_note(p->im, IMPORT_LEFT, at, name, "too many accounts");
		return NULL;
	}
	if (!postfix_server(p, a, transport, dest, span_of(NULL, 0), at, name)) {
		build_drop(p->im, a);
		return NULL;
	}
	a->rank = RANK_SPARE;
	a->comment = comment;
	comment = NULL;
	return a;
}

/* As many as relay tries, with the first server. */
enum { SPARES_MOST = ROUTE_CHAIN_MAX - 1 };

struct spares {
	struct buf names;
	size_t count;
};

static void add_spares(struct postfix *p, struct span transport, struct span list,
		       struct import_place at, const char *name, struct spares *spares)
{
	struct buf *names = &spares->names;
	struct span dest;

	while ((dest = lines_word(&list, ", \t\r\n")).size > 0) {
		if (spares->count == SPARES_MOST) {
			build_note(p->im, IMPORT_LEFT, at, name,
				   "relay tries %d servers; not %.*s, and those behind it",
				   SPARES_MOST + 1, SPAN_ARG(span_first(dest, 255)));
			return;
		}
		struct import_account *a = postfix_spare(p, transport, dest, at, name);
		if (a && !buf_printf(names, "%s%s", names->size ? " " : "", a->name)) {
			return;
		}
		spares->count += a != NULL;
	}
}

bool postfix_servers(struct postfix *p, struct import_account *a, struct span transport,
		     struct span list, struct span sender, struct import_place at,
		     const char *name)
{
	struct span first = lines_word(&list, ", \t\r\n");
	struct import_place spares_at;
	struct spares all = { .count = 0 };

	if (!postfix_server(p, a, transport, first, sender, at, name)) {
		return false;
	}
	buf_init(&all.names, 32768);
	add_spares(p, transport, list, at, name, &all);
	if (span_equal(master_cf_command(&p->master, transport), span_str("smtp"))) {
		char *spares MEM_AUTO =
			postfix_get(p, transport, "smtp_fallback_relay", &spares_at);
		add_spares(p, transport, span_str(spares), spares_at, "smtp_fallback_relay",
			   &all);
	}
	bool ok = all.count == 0 ||
		  build_set(p->im, a, KEY_FALLBACK, buf_span(&all.names), at, name);
	buf_clear(&all.names);
	return ok;
}
