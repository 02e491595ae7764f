/* SPDX-License-Identifier: ISC */
/*
 * check: do the settings of an account fit together?  One function per question, all in
 * one table.  Must never change an account.
 */
#include "conf/conf.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/syntax.h"
#include "conf/users.h"

static bool fail(struct conf_fault *f, enum key key, const char *reason)
{
	f->key = key;
	snprintf(f->reason, sizeof(f->reason), "%s", reason);
	return false;
}

static bool has_srv(const struct account *a)
{
	struct span rest = span_str(conf_text(a, KEY_HOST));
	struct conf_server server;

	while (conf_host_next(&rest, &server)) {
		if (server.is_srv) {
			return true;
		}
	}
	return false;
}

static bool check_server(const struct account *a, struct conf_fault *f)
{
	bool is_lmtp = conf_is(a, KEY_PROTOCOL, "lmtp");

	if (conf_is_set(a, KEY_SOCKET)) {
		return !conf_is_set(a, KEY_PROXY_HOST) ||
		       fail(f, KEY_PROXY_HOST,
			    "a proxy does not go together with a socket");
	}
	if (!conf_is_set(a, KEY_HOST)) {
		return fail(f, KEY_HOST,
			    "the account has no server; add a line: host NAME");
	}
	if (is_lmtp && !conf_is_set(a, KEY_PORT) && !has_srv(a)) {
		return fail(f, KEY_PROTOCOL,
			    "LMTP has no usual port; add port or socket");
	}
	if (is_lmtp && conf_port(a) == 25) {
		return fail(f, KEY_PORT, "LMTP must not use port 25 (RFC 2033)");
	}
	return true;
}

/* DNS knows of servers for submission only, and of the port of each. */
static bool check_srv(const struct account *a, struct conf_fault *f)
{
	if (conf_is_set(a, KEY_SOCKET) || !has_srv(a)) {
		return true;
	}
	if (conf_is(a, KEY_PROTOCOL, "lmtp")) {
		return fail(f, KEY_PROTOCOL,
			    "LMTP servers are not found with srv:; name the server in host");
	}
	if (conf_is_set(a, KEY_PORT)) {
		return fail(f, KEY_PORT,
			    "with srv: the port comes from DNS; remove port, or name the "
			    "server in host");
	}
	if (!conf_on(a, KEY_TLS)) {
		return fail(f, KEY_TLS,
			    "off does not go together with srv:, which stands for servers "
			    "with TLS; set: tls on, or name the server in host");
	}
	return true;
}

static bool check_source_ip(const struct account *a, struct conf_fault *f)
{
	const char *ip = conf_text(a, KEY_SOURCE_IP);
	int version = ip ? syntax_ip_version(ip) : 0;

	if ((version == 4 && conf_is(a, KEY_INET_PROTOCOLS, "ipv6")) ||
	    (version == 6 && conf_is(a, KEY_INET_PROTOCOLS, "ipv4"))) {
		return fail(f, KEY_SOURCE_IP,
			    "does not go together with inet_protocols");
	}
	return true;
}

/* True when every word of list is one of words. */
static bool all_in(const char *list, const char *const *words, size_t count)
{
	while (*list) {
		struct span word = span_of(list, strcspn(list, " "));
		bool found = false;
		for (size_t i = 0; i < count; i++) {
			found = found || text_equal_fold(word, span_str(words[i]));
		}
		if (!found) {
			return false;
		}
		list += word.size;
		list += strspn(list, " ");
	}
	return true;
}

static bool check_login(const struct account *a, struct conf_fault *f)
{
	static const char *const without_user[] = { "external", "gssapi" };
	const char *list = conf_mechanisms(a);

	if (!conf_wants_auth(a) || conf_is_set(a, KEY_USER) ||
	    (list && all_in(list, without_user, 2))) {
		return true;
	}
	return fail(f, KEY_AUTH, "a login needs a user; add a line: user NAME");
}

/* A login without TLS has to be asked for by name, a readable password once more. */
static bool check_cleartext(const struct account *a, struct conf_fault *f)
{
	static const char *const readable[] = { "plain", "login", "xoauth2",
						"oauthbearer" };
	const char *list = conf_mechanisms(a);

	if (!conf_wants_auth(a) || conf_on(a, KEY_TLS)) {
		return true;
	}
	if (!conf_is_set(a, KEY_AUTH)) {
		return fail(f, conf_is_set(a, KEY_TLS) ? KEY_TLS : KEY_SOCKET,
			    "no login without TLS; use TLS, or add a line: auth on");
	}
	if (list && all_in(list, readable, 4) && !conf_on(a, KEY_AUTH_CLEARTEXT)) {
		return fail(f, KEY_AUTH,
			"these mechanisms show the password to everybody on the way when "
			"there is no TLS; use TLS, or add a line: auth_cleartext on");
	}
	return true;
}

static bool check_trust(const struct account *a, struct conf_fault *f)
{
	bool has_pin = conf_is_set(a, KEY_TLS_FINGERPRINT);

	if (!conf_on(a, KEY_TLS)) {
		return true;
	}
	if (has_pin && !conf_on(a, KEY_TLS_CERTCHECK)) {
		return fail(f, KEY_TLS_CERTCHECK,
			    "off does not go together with tls_fingerprint; remove one "
			    "of them");
	}
	if (!conf_text(a, KEY_TLS_TRUST_FILE) && !has_pin &&
	    conf_on(a, KEY_TLS_CERTCHECK)) {
		return fail(f, KEY_TLS_TRUST_FILE,
			    "nothing is trusted, so no certificate can be verified; "
			    "name a file, or system, or set tls_fingerprint");
	}
	return true;
}

static bool check_client_certificate(const struct account *a, struct conf_fault *f)
{
	bool has_cert = conf_is_set(a, KEY_TLS_CERT_FILE);
	bool has_key = conf_is_set(a, KEY_TLS_KEY_FILE);

	if (has_cert && !has_key) {
		return fail(f, KEY_TLS_CERT_FILE, "needs tls_key_file, too");
	}
	if (has_key && !has_cert) {
		return fail(f, KEY_TLS_KEY_FILE, "needs tls_cert_file, too");
	}
	return true;
}

/* `tls_starttls on` among the defaults and `tls off` in one account is fine. */
static bool check_starttls(const struct account *a, struct conf_fault *f)
{
	const struct conf_value *v = conf_value(a, KEY_TLS_STARTTLS);

	if (v->is_set && v->number && !v->from_defaults && !conf_on(a, KEY_TLS)) {
		return fail(f, KEY_TLS_STARTTLS,
			    "on, but TLS is off; remove this line, or set: tls on");
	}
	return true;
}

static bool check_from(const struct account *a, struct conf_fault *f)
{
	if (!conf_on(a, KEY_ALLOW_FROM_OVERRIDE) && !conf_from(a) &&
	    !conf_on(a, KEY_AUTO_FROM)) {
		return fail(f, KEY_ALLOW_FROM_OVERRIDE,
			    "off needs an address (not a pattern) in from");
	}
	return true;
}

static bool check_backoff(const struct account *a, struct conf_fault *f)
{
	bool is_own = conf_is_set(a, KEY_MINIMAL_BACKOFF_TIME);
	enum key key = is_own ? KEY_MINIMAL_BACKOFF_TIME : KEY_MAXIMAL_BACKOFF_TIME;
	enum key other = is_own ? KEY_MAXIMAL_BACKOFF_TIME : KEY_MINIMAL_BACKOFF_TIME;
	char reason[128];

	if (conf_number(a, KEY_MINIMAL_BACKOFF_TIME) <=
	    conf_number(a, KEY_MAXIMAL_BACKOFF_TIME)) {
		return true;
	}
	snprintf(reason, sizeof(reason), "must not be %s than %s, which is %.40s",
		 is_own ? "longer" : "shorter", conf_key_row(other)->name,
		 conf_text(a, other));
	return fail(f, key, reason);
}

static bool check_users(const struct account *a, struct conf_fault *f)
{
	const char *list = conf_text(a, KEY_AUTHORIZED_SUBMIT_USERS);
	struct span unknown = users_unknown(list ? list : "");
	char reason[128];

	snprintf(reason, sizeof(reason),
		 "\"%.*s\" is no login name; files and tables are not read here, write the names",
		 (int)(unknown.size < 40 ? unknown.size : 40), unknown.size ? unknown.data : "");
	return unknown.size == 0 || fail(f, KEY_AUTHORIZED_SUBMIT_USERS, reason);
}

bool conf_fault(const struct account *a, unsigned *at, struct conf_fault *ret)
{
	static bool (*const checks[])(const struct account *a, struct conf_fault *f) = {
		check_server, check_srv, check_source_ip, check_login, check_cleartext,
		check_trust, check_client_certificate, check_starttls, check_from,
		check_backoff, check_users,
	};

	while (*at < sizeof(checks) / sizeof(checks[0])) {
		if (!checks[(*at)++](a, ret)) {
			return true;
		}
	}
	return false;
}

/* *e reads "FILE:LINE: key: reason"; the account's line when the key is not set. */
bool conf_check(const struct account *a, struct err *e)
{
	struct conf_fault f;
	unsigned at = 0;
	char where[512];

	if (!conf_fault(a, &at, &f)) {
		return true;
	}
	if (conf_value(a, f.key)->is_set || !a->file) {
		conf_origin(a, f.key, where, sizeof(where));
	} else {
		account_where(a->file, a->line, where, sizeof(where));
	}
	return err_set(e, CAUSE_CONFIG, "%s: %s: %s", where, conf_key_row(f.key)->name,
		       f.reason);
}
