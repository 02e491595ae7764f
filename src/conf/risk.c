/* SPDX-License-Identifier: ISC */
/*
 * risk: see risk.h.  One row a risk: where it is told, when it is there, and what is said.
 * Must never look outside the account.
 */
#include "conf/risk.h"
#include "base/text.h"

struct risk_view {
	const struct account *account;
	const char *system_file;
	bool is_local;
};

static bool ends_with(struct span s, const char *end)
{
	struct span tail = span_str(end);

	return s.size >= tail.size &&
	       text_equal_fold(span_from(s, s.size - tail.size), tail);
}

/* A name that begins like an address is a name: 127.example.org. */
static bool is_local_server(const struct conf_server *server)
{
	struct span name = server->name;
	bool is_numeric = true;

	for (size_t i = 0; i < name.size; i++) {
		is_numeric = is_numeric && (text_is_digit(name.data[i]) || name.data[i] == '.');
	}
	if (name.size > 0 && name.data[name.size - 1] == '.') {
		name.size--;
	}
	return !server->is_srv &&
	       (text_equal_fold(name, span_str("localhost")) ||
		ends_with(name, ".localhost") || text_equal_fold(name, span_str("::1")) ||
		text_equal_fold(name, span_str("[::1]")) ||
		(text_starts_fold(name, "127.") && is_numeric));
}

/* Does the connection stay on this machine: a socket, localhost, a loopback address? */
static bool is_local(const struct account *a)
{
	struct span rest = span_str(conf_text(a, KEY_HOST));
	struct conf_server server;
	bool any = false;

	if (conf_is_set(a, KEY_SOCKET)) {
		return true;
	}
	while (conf_host_next(&rest, &server)) {
		if (!is_local_server(&server)) {
			return false;
		}
		any = true;
	}
	return any;
}

static bool is_port_of_tls(const struct account *a)
{
	unsigned port = conf_port(a);

	return port == 465 || port == 2465;
}

static bool is_port_of_starttls(const struct account *a)
{
	unsigned port = conf_port(a);

	return port == 25 || port == 587 || port == 2525 || port == 2587;
}

static bool is_plain(const struct risk_view *v)
{
	return !v->is_local && !conf_on(v->account, KEY_TLS) &&
	       !is_port_of_tls(v->account);
}

static bool is_plain_on_tls_port(const struct risk_view *v)
{
	return !conf_on(v->account, KEY_TLS) && is_port_of_tls(v->account);
}

static bool shows_password(const struct risk_view *v)
{
	const struct account *a = v->account;

	return !v->is_local && !conf_on(a, KEY_TLS) && conf_wants_auth(a) &&
	       conf_on(a, KEY_AUTH_CLEARTEXT);
}

static bool trusts_anybody(const struct risk_view *v)
{
	const struct account *a = v->account;

	return !v->is_local && conf_on(a, KEY_TLS) && !conf_on(a, KEY_TLS_CERTCHECK) &&
	       !conf_is_set(a, KEY_TLS_FINGERPRINT);
}

static bool has_weak_pin(const struct risk_view *v)
{
	const char *pin = conf_text(v->account, KEY_TLS_FINGERPRINT);
	size_t digits = 0;

	for (const char *p = pin ? pin : ""; *p; p++) {
		digits += *p != ':';
	}
	return conf_on(v->account, KEY_TLS) && digits > 0 && digits < 64;
}

static bool is_starttls_on_tls_port(const struct risk_view *v)
{
	return conf_starttls(v->account) && is_port_of_tls(v->account);
}

static bool is_tls_on_starttls_port(const struct risk_view *v)
{
	const struct account *a = v->account;

	return conf_on(a, KEY_TLS) && !conf_starttls(a) && is_port_of_starttls(a);
}

static bool is_port_for_reading(const struct risk_view *v)
{
	static const unsigned ports[] = { 110, 143, 993, 995 };

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		if (conf_port(v->account) == ports[i]) {
			return true;
		}
	}
	return false;
}

static bool has_no_from(const struct risk_view *v)
{
	const struct account *a = v->account;

	return !v->is_local && !conf_is_set(a, KEY_FROM) && !conf_on(a, KEY_AUTO_FROM);
}

/* It has no address to give to mail without a sender. */
static bool is_only_a_pattern(const struct risk_view *v)
{
	const struct account *a = v->account;

	return !v->is_local && conf_is_set(a, KEY_FROM) && !conf_from(a) &&
	       !conf_on(a, KEY_AUTO_FROM);
}

static bool has_only_patterns(const struct risk_view *v)
{
	return strcmp(v->account->name, "default") == 0 && is_only_a_pattern(v);
}

static bool takes_recipients_only_by_pattern(const struct risk_view *v)
{
	return strcmp(v->account->name, "default") != 0 && conf_is_set(v->account, KEY_TO) &&
	       is_only_a_pattern(v);
}

/* On one's own account this is a matter of taste; here it is root's mail that gets lost. */
static bool loses_local_mail(const struct risk_view *v)
{
	const struct account *a = v->account;

	return strcmp(a->name, "default") == 0 && a->file &&
	       strcmp(a->file, v->system_file) == 0 && !conf_is_set(a, KEY_SYSTEM_MAIL) &&
	       !conf_is_set(a, KEY_ALIASES);
}

static bool has_password_twice(const struct risk_view *v)
{
	return conf_is_set(v->account, KEY_PASSWORD) &&
	       conf_is_set(v->account, KEY_PASSWORD_FILE);
}

static bool has_command_for_nothing(const struct risk_view *v)
{
	const struct account *a = v->account;

	return conf_is_set(a, KEY_PASSWORDEVAL) &&
	       (conf_is_set(a, KEY_PASSWORD) || conf_is_set(a, KEY_PASSWORD_FILE));
}

/* Where, when, and what is said: "what is wrong; what to do". */
static const struct {
	enum key key;
	bool (*is_there)(const struct risk_view *v);
	const char *text;
} risks[] = {
	{ KEY_TLS, is_plain,
	  "off, so everybody on the way can read and change the mail; set: tls on" },
	{ KEY_TLS, is_plain_on_tls_port,
	  "off, but this port has TLS from the start; set: tls on" },
	{ KEY_AUTH_CLEARTEXT, shows_password,
	  "on, so everybody on the way can read the password; set: tls on, and remove this "
	  "line" },
	{ KEY_TLS_CERTCHECK, trusts_anybody,
	  "off, so anybody on the way can pose as the server; remove this line, or name the "
	  "certificate with tls_fingerprint" },
	{ KEY_TLS_FINGERPRINT, has_weak_pin,
	  "an MD5 or SHA-1 fingerprint, which can be forged; use the one with SHA-256 (64 "
	  "digits)" },
	{ KEY_TLS_STARTTLS, is_starttls_on_tls_port,
	  "on, but this port has TLS from the start; remove this line, or set: port 587" },
	{ KEY_TLS_STARTTLS, is_tls_on_starttls_port,
	  "off, but this port begins without TLS; set: tls_starttls on, or: port 465" },
	{ KEY_PORT, is_port_for_reading,
	  "a port for reading mail, not for sending it; set: port 465, or: port 587" },
	{ KEY_FROM, has_no_from,
	  "not set, so the sender is your login name at this machine, which most servers "
	  "refuse; add a line: from ADDRESS" },
	{ KEY_FROM, has_only_patterns,
	  "a pattern, so mail that names no sender gets your login name at this machine, "
	  "which most servers refuse; add an account default with an address in from" },
	{ KEY_FROM, takes_recipients_only_by_pattern,
	  "a pattern, so mail that comes here by `to` without a sender gets your login name at "
	  "this machine, which most servers refuse; write an address in from, and the pattern "
	  "in an account that inherits this one" },
	{ KEY_SYSTEM_MAIL, loses_local_mail,
	  "not set, so mail to root and other names of this machine reaches nobody; add a "
	  "line: system_mail ADDRESS" },
	{ KEY_PASSWORD_FILE, has_password_twice,
	  "never read, because there is a password, too; remove one of them" },
	{ KEY_PASSWORDEVAL, has_command_for_nothing,
	  "never run, because there is a password or password_file, too; remove one of "
	  "them" },
};

void risk_account(const struct account *a, const char *system_file, struct findings *to)
{
	const struct risk_view view = { a, system_file, is_local(a) };
	struct conf_fault fault;
	unsigned at = 0;

	while (conf_fault(a, &at, &fault)) {
		findings_add(to, SEVERITY_ERROR, a, fault.key, "%s", fault.reason);
	}
	for (size_t i = 0; i < sizeof(risks) / sizeof(risks[0]); i++) {
		if (risks[i].is_there(&view)) {
			findings_add(to, SEVERITY_WARNING, a, risks[i].key, "%s",
				     risks[i].text);
		}
	}
}
