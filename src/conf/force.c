/* SPDX-License-Identifier: ISC */
/*
 * force: which value is in force: what was set, else the default, which for a few
 * settings depends on the others.  Must never look outside the account.
 */
#include "conf/conf.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/address.h"
#include "conf/value.h"

/* Ports where TLS begins with the connection (RFC 8314 §7.3, and Amazon's second one). */
static bool is_implicit_tls_port(long port)
{
	return port == 465 || port == 2465;
}

static const char *default_port(const struct account *a)
{
	if (conf_is_set(a, KEY_SOCKET) || conf_is(a, KEY_PROTOCOL, "lmtp")) {
		return NULL;
	}
	return !conf_on(a, KEY_TLS) ? "25" : conf_on(a, KEY_TLS_STARTTLS) ? "587" : "465";
}

static const char *default_starttls(const struct account *a)
{
	bool has_tls = conf_on(a, KEY_TLS) && conf_is_set(a, KEY_PORT);

	return has_tls && !is_implicit_tls_port(conf_value(a, KEY_PORT)->number) ? "on" : "off";
}

static const char *default_text(const struct account *a, enum key key)
{
	switch ((int)key) {
	case KEY_PORT:
		return default_port(a);
	case KEY_TLS:
		return conf_is_set(a, KEY_SOCKET) ? "off" : conf_key_row(key)->fallback;
	case KEY_TLS_STARTTLS:
		return default_starttls(a);
	case KEY_AUTH:
		return conf_is_set(a, KEY_USER) ? "on" : "off";
	default:
		return conf_key_row(key)->fallback;
	}
}

const char *conf_text(const struct account *a, enum key key)
{
	const struct conf_value *v = conf_value(a, key);

	return v->is_set ? v->text : default_text(a, key);
}

long conf_number(const struct account *a, enum key key)
{
	const struct conf_value *v = conf_value(a, key);

	return v->is_set ? v->number : value_number(key, default_text(a, key));
}

bool conf_on(const struct account *a, enum key key)
{
	return conf_number(a, key) != 0;
}

bool conf_is_set(const struct account *a, enum key key)
{
	return conf_value(a, key)->text != NULL;
}

bool conf_is(const struct account *a, enum key key, const char *word)
{
	const char *text = conf_text(a, key);

	return text && text_equal_fold(span_str(text), span_str(word));
}

bool conf_starttls(const struct account *a)
{
	return conf_on(a, KEY_TLS) && conf_on(a, KEY_TLS_STARTTLS);
}

unsigned conf_port(const struct account *a)
{
	return conf_is_set(a, KEY_SOCKET) ? 0 : (unsigned)conf_number(a, KEY_PORT);
}

bool conf_wants_auth(const struct account *a)
{
	return conf_on(a, KEY_AUTH);
}

const char *conf_mechanisms(const struct account *a)
{
	const char *text = conf_text(a, KEY_AUTH);
	bool is_list =
		text && !conf_is(a, KEY_AUTH, "on") && !conf_is(a, KEY_AUTH, "off");

	return is_list ? text : NULL;
}

const char *conf_from(const struct account *a)
{
	const char *text = conf_text(a, KEY_FROM);

	return text && !address_is_pattern(text) ? text : NULL;
}

void account_origin(const struct conf_value *v, char *text, size_t size)
{
	if (v->is_set && v->file) {
		account_where(v->file, v->line, text, size);
	} else {
		snprintf(text, size, "%s", v->is_set ? "command line" : "default");
	}
}

void conf_origin(const struct account *a, enum key key, char *text, size_t size)
{
	account_origin(conf_value(a, key), text, size);
}

void conf_place(const struct account *a, enum key key, const char **ret_file,
		unsigned *ret_line)
{
	const struct conf_value *v = key < KEY_COUNT ? conf_value(a, key) : NULL;
	bool is_set = v && v->is_set;

	*ret_file = is_set ? v->file : a->file;
	*ret_line = is_set ? v->line : a->line;
}
