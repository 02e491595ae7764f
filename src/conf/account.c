/* SPDX-License-Identifier: ISC */
/* account: see account.h.  Must never read a file nor choose an account. */
#include "conf/account.h"
#include "base/mem.h"
#include "conf/keys.h"
#include "conf/value.h"

const char *account_keep_file(struct conf *c, const char *file)
{
	c->files = mem_resize(c->files, c->file_count + 1, sizeof(c->files[0]));
	c->files[c->file_count] = mem_str(file);
	return c->files[c->file_count++];
}

void account_where(const char *file, unsigned line, char *text, size_t size)
{
	if (line > 0) {
		snprintf(text, size, "%s:%u", file, line);
	} else {
		snprintf(text, size, "%s", file);
	}
}

struct account *account_add(struct conf *c, struct span name, const char *file,
			    unsigned line)
{
	if (c->count >= ACCOUNTS_MAX) {
		return NULL;
	}
	if (c->count == c->room) {
		c->room = c->room ? c->room * 2 : 4;
		c->accounts = mem_resize(c->accounts, c->room, sizeof(c->accounts[0]));
	}
	struct account *a = &c->accounts[c->count++];
	*a = (struct account){ .name = mem_copy(name.data, name.size),
			       .file = file,
			       .line = line };
	return a;
}

void account_clear(struct account *a)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		value_clear((enum key)i, &a->value[i]);
	}
	free(a->name);
	*a = (struct account){ 0 };
}

static bool replace(struct account *a, enum key key, struct span text,
		    const struct conf_env *env, struct err *e)
{
	struct conf_value v;

	if (!value_parse(key, text, env, &v, e)) {
		return false;
	}
	value_clear(key, &a->value[key]);
	a->value[key] = v;
	return true;
}

bool account_set(struct account *a, enum key key, struct span text,
		 const struct conf_env *env, const char *where, enum key *ret_key,
		 struct err *e)
{
	const struct key_row *row = conf_key_row(key);
	const struct key_heir *heir = key_heir(key);

	*ret_key = key;
	if (!replace(a, key, text, env, e)) {
		return err_ctx(e, "%s: %s", where, row->name);
	}
	if (!(row->flags & KEY_OBSOLETE)) {
		return true;
	}
	bool is_on = a->value[key].number != 0;
	value_clear(key, &a->value[key]);
	if (!heir) {
		return true;
	}
	*ret_key = heir->now;
	if (heir->when_on) {
		text = span_str(is_on ? heir->when_on : heir->when_off);
	}
	if (!replace(a, heir->now, text, env, e)) {
		return err_ctx(e, "%s: %s", where, row->name);
	}
	return true;
}

struct account *account_find(const struct conf *c, size_t first, struct span name)
{
	for (size_t i = first; i < c->count; i++) {
		if (span_equal(span_str(c->accounts[i].name), name)) {
			return &c->accounts[i];
		}
	}
	return NULL;
}

bool account_count_bytes(struct conf *c, const struct conf_value *v)
{
	c->bytes += v->text ? strlen(v->text) : 0;
	return c->bytes <= ACCOUNT_BYTES_MAX;
}

bool account_inherit(struct conf *c, struct account *to, const struct account *from,
		     bool skip_defaults)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct conf_value *v = &from->value[i];
		if (!v->is_set || (skip_defaults && v->from_defaults)) {
			continue;
		}
		if (!account_count_bytes(c, v)) {
			return false;
		}
		value_clear((enum key)i, &to->value[i]);
		to->value[i] = *v;
		to->value[i].text = v->text ? mem_str(v->text) : NULL;
	}
	return true;
}
