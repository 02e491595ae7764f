/* SPDX-License-Identifier: ISC */
/* conf: accounts as the rest of the program sees them: reading, choosing, setting. */
#include "conf/conf.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/address.h"
#include "conf/file.h"
#include "conf/keys.h"
#include "conf/lex.h"
#include "conf/parse.h"

#include <limits.h>

void conf_init(struct conf *c)
{
	*c = (struct conf){ 0 };
}

void conf_clear(struct conf *c)
{
	for (size_t i = 0; i < c->count; i++) {
		account_clear(&c->accounts[i]);
	}
	for (size_t i = 0; i < c->file_count; i++) {
		free(c->files[i]);
	}
	free(c->accounts);
	free(c->names);
	free(c->files);
	conf_init(c);
}

bool conf_read(struct conf *c, const char *path, enum conf_scope scope,
	       const struct conf_env *env, bool *ret_found, struct err *e)
{
	struct buf text BUF_AUTO;
	char *refusal MEM_AUTO = NULL;

	buf_init_secret(&text, FILE_MAX);
	if (!file_read(path, scope, &text, &refusal, ret_found, e)) {
		return false;
	}
	if (!*ret_found) {
		return true;
	}
	return parse_text(c, buf_span(&text), path, refusal, env, e);
}

struct account *conf_add_account(struct conf *c, const char *name)
{
	struct account *a = account_add(c, span_str(name), NULL, 0);

	BUG_ON(!a);
	return a;
}

bool conf_set(struct account *a, enum key key, struct span value, const char *origin,
	      const struct conf_env *env, struct err *e)
{
	return account_set(a, key, value, env, origin, &key, e);
}

bool conf_set_variable(struct conf *c, struct account *a, enum key key, const char *value,
		       const char *variable, const struct conf_env *env, struct err *e)
{
	struct span text = span_str(value);

	for (size_t i = 0; i < text.size; i++) {
		if (lex_is_control(text.data[i])) {
			return err_set(e, CAUSE_CONFIG,
				       "%s: %s: there is a line break or another control "
				       "character in it",
				       variable, conf_key_row(key)->name);
		}
	}
	if (text.size > LEX_LINE_MAX) {
		return err_set(e, CAUSE_CONFIG, "%s: %s: it is longer than %d bytes",
			       variable, conf_key_row(key)->name, LEX_LINE_MAX);
	}
	if (!account_set(a, key, text, env, variable, &key, e)) {
		return false;
	}
	struct conf_value *v = account_new_value(a, key);
	if (v) {
		v->file = account_keep_file(c, variable);
	}
	return true;
}

/* me+detail@example.org is me@example.org, too. */
bool account_takes(const char *from, struct span sender)
{
	char plain[1024];
	const char *plus = sender.size ? memchr(sender.data, '+', sender.size) : NULL;
	const char *at = sender.size ? memrchr(sender.data, '@', sender.size) : NULL;
	bool is_pattern = address_is_pattern(from);

	for (int i = 0; i < 2; i++) {
		if (is_pattern ? text_match(from, sender)
			       : text_equal_fold(span_str(from), sender)) {
			return true;
		}
		if (!plus || !at || plus > at || sender.size > sizeof(plain)) {
			return false;
		}
		size_t local = (size_t)(plus - sender.data);
		size_t domain = sender.size - (size_t)(at - sender.data);
		memcpy(plain, sender.data, local);
		memcpy(plain + local, at, domain);
		sender = span_of(plain, local + domain);
		plus = NULL;
	}
	return false;
}

bool conf_takes_sender(const struct account *a, const char *sender)
{
	const char *from = conf_text(a, KEY_FROM);

	return from && sender[0] && account_takes(from, span_str(sender));
}

bool conf_is_hidden(const struct conf *c, const struct account *a)
{
	return account_find(c, 0, span_str(a->name)) != a;
}

/* Names for people: "home", "work" …, cut when there are many. */
static void list_names(const struct conf *c, char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	for (size_t i = 0; i < c->count && at < size; i++) {
		const char *name = c->accounts[i].name;
		if (at + strlen(name) + 8 > size) {
			snprintf(text + at, size - at, " …");
			return;
		}
		if (!conf_is_hidden(c, &c->accounts[i])) {
			at += (size_t)snprintf(text + at, size - at, "%s\"%s\"",
					       at ? ", " : "", name);
		}
	}
}

static struct account *fail_choice(const struct conf *c, const char *name, struct err *e)
{
	char names[512];
	const char *nearest = NULL;
	unsigned best = UINT_MAX;

	list_names(c, names, sizeof(names));
	for (size_t i = 0; i < c->count; i++) {
		if (name && key_is_near(name, c->accounts[i].name, &best)) {
			nearest = c->accounts[i].name;
		}
	}
	if (c->count == 0) {
		err_set(e, CAUSE_CONFIG,
			"there is no account in the configuration; write one, at least a line: "
			"host NAME (see relayrc(5))");
	} else if (nearest) {
		err_set(e, CAUSE_CONFIG,
			"there is no account \"%.200s\"; did you mean \"%s\"?", name,
			nearest);
	} else if (name) {
		err_set(e, CAUSE_CONFIG,
			"there is no account \"%.200s\"; known accounts: %s", name,
			names);
	} else {
		err_set(e, CAUSE_CONFIG,
			"no account takes this sender and none is named \"default\"; add "
			"a line: account default : NAME (known accounts: %s)",
			names);
	}
	return NULL;
}

struct account *conf_choose(struct conf *c, const char *name, const char *sender,
			    struct err *e)
{
	if (name) {
		struct account *a = account_find(c, 0, span_str(name));
		return a ? a : fail_choice(c, name, e);
	}
	struct account *a = sender ? account_by_sender(c, sender) : NULL;
	if (!a) {
		a = account_find(c, 0, span_str("default"));
	}
	return a ? a : fail_choice(c, NULL, e);
}
