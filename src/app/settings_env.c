/* SPDX-License-Identifier: ISC */
/* settings_env: see settings_env.h.  Must never put a value into an error text. */
#include "app/settings_env.h"
#include "base/mem.h"
#include "base/text.h"

#include <unistd.h>

#define PREFIX "RELAY_"
/* Shown behind `account default` where a file's name and line would stand. */
#define ORIGIN "environment"

/* A name longer than this is no setting. */
enum { NAME_MAX_SIZE = 64 };

static bool is_ours(void)
{
	return !compat_is_privileged();
}

/* "RELAY_PASSWORD_FILE" → "password_file".  False: it is no name of that kind. */
static bool key_name(struct span variable, char *name)
{
	struct span rest = span_from(variable, sizeof(PREFIX) - 1);

	if (rest.size == 0 || rest.size >= NAME_MAX_SIZE ||
	    strncmp(variable.data, PREFIX, sizeof(PREFIX) - 1) != 0) {
		return false;
	}
	for (size_t i = 0; i < rest.size; i++) {
		char c = rest.data[i];
		if (c != text_lower(c) || text_is_digit(c) || c == '_') {
			name[i] = text_lower(c);
		} else {
			return false;
		}
	}
	name[rest.size] = '\0';
	return true;
}

/* Kubernetes sets RELAY_PORT=tcp://10.0.0.1:25 for a service that is called relay. */
static bool is_of_a_service(struct span name, const char *value)
{
	return text_equal_fold(name, span_str(PREFIX "PORT")) && strstr(value, "://");
}

static bool fail_near(struct span variable, const char *nearest, struct err *e)
{
	char upper[NAME_MAX_SIZE] = "";

	for (size_t i = 0; nearest[i] && i + 1 < sizeof(upper); i++) {
		char c = nearest[i];
		upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
	}
	return err_set(e, CAUSE_CONFIG,
		       "%.*s: unknown setting; did you mean " PREFIX "%s?",
		       SPAN_ARG(variable), upper);
}

/* One variable, "NAME=value".  *account is made with the first setting. */
static bool take(struct conf *c, struct account **account, const char *variable,
		 const struct conf_env *env, struct err *e)
{
	struct span name = span_of(variable, strcspn(variable, "="));
	char key_text[NAME_MAX_SIZE];
	enum key key;

	/* An empty one counts as not there: that is how compose files leave one out. */
	if (!variable[name.size] || !variable[name.size + 1] ||
	    !key_name(name, key_text) || is_of_a_service(name, variable + name.size + 1)) {
		return true;
	}
	if (!conf_key_find(span_str(key_text), &key)) {
		const char *nearest = conf_key_nearest(span_str(key_text));
		return !nearest || !conf_key_find(span_str(nearest), &key) ||
		       fail_near(name, nearest, e);
	}
	if (!*account) {
		*account = conf_add_account(c, "default");
		(*account)->file = ORIGIN;
	}
	char *origin MEM_AUTO = mem_copy(name.data, name.size);
	return conf_set_variable(c, *account, key, variable + name.size + 1, origin, env,
				 e);
}

bool settings_env_read(struct conf *c, const struct conf_env *env, bool *ret_found,
		       struct err *e)
{
	struct account *account = NULL;

	for (char **v = is_ours() ? environ : NULL; v && *v; v++) {
		if (!take(c, &account, *v, env, e)) {
			return false;
		}
	}
	*ret_found = account != NULL;
	if (account && !conf_is_set(account, KEY_HOST) &&
	    !conf_is_set(account, KEY_SOCKET)) {
		char first[NAME_MAX_SIZE + sizeof(PREFIX)] = PREFIX "…";
		for (size_t i = 0; i < KEY_COUNT; i++) {
			if (conf_value(account, (enum key)i)->is_set) {
				conf_origin(account, (enum key)i, first, sizeof(first));
				break;
			}
		}
		return err_set(e, CAUSE_CONFIG,
			       PREFIX "HOST: it is not set, but %s is; there is no "
				      "configuration file that could name the server",
			       first);
	}
	return true;
}
