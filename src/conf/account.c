/* SPDX-License-Identifier: ISC */
/* account: see account.h.  Must never read a file nor choose an account. */
#include "conf/account.h"
#include "base/mem.h"
#include "conf/keys.h"
#include "conf/value.h"

enum { KEYS_A_WORD = 64, VALUES_ROOM = 4, NAMES_ROOM = 16 };

_Static_assert(KEY_COUNT <= KEYS_A_WORD * CONF_KEY_WORDS, "struct account: has[] is full");

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

/* -- names --------------------------------------------------------------------- */

/* FNV-1a. */
static size_t *bucket_of(const struct conf *c, struct span name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < name.size; i++) {
		hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3;
	}
	return &c->names[(hash ^ hash >> 32) & (c->name_room - 1)];
}

static void keep_name(struct conf *c, size_t index)
{
	size_t *bucket = bucket_of(c, span_str(c->accounts[index].name));

	c->accounts[index].next_name = *bucket;
	*bucket = index + 1;
}

static void grow_names(struct conf *c)
{
	free(c->names);
	c->name_room = c->name_room ? 2 * c->name_room : NAMES_ROOM;
	c->names = mem_alloc(c->name_room, sizeof(c->names[0]));
	for (size_t i = 0; i < c->count; i++) {
		keep_name(c, i);
	}
}

struct account *account_find(const struct conf *c, size_t first, struct span name)
{
	size_t found = SIZE_MAX;

	if (c->count == 0) {
		return NULL;
	}
	/* The later ones come first. */
	for (size_t i = *bucket_of(c, name); i > first; i = c->accounts[i - 1].next_name) {
		if (span_equal(span_str(c->accounts[i - 1].name), name)) {
			found = i - 1;
		}
	}
	return found == SIZE_MAX ? NULL : &c->accounts[found];
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
	if (c->count == c->name_room) {
		grow_names(c);
	}
	struct account *a = &c->accounts[c->count++];
	*a = (struct account){ .name = mem_copy(name.data, name.size),
			       .file = file,
			       .line = line };
	keep_name(c, c->count - 1);
	return a;
}

/* -- values -------------------------------------------------------------------- */

static bool has(const struct account *a, enum key key)
{
	return a->has[key / KEYS_A_WORD] >> key % KEYS_A_WORD & 1;
}

/* So many of the values stand before that of this key. */
static size_t place_of(const struct account *a, enum key key)
{
	size_t place = 0;

	for (unsigned i = 0; i < key / KEYS_A_WORD; i++) {
		place += (size_t)__builtin_popcountll(a->has[i]);
	}
	uint64_t before = a->has[key / KEYS_A_WORD] & (((uint64_t)1 << key % KEYS_A_WORD) - 1);
	return place + (size_t)__builtin_popcountll(before);
}

static size_t count_values(const struct account *a)
{
	size_t count = 0;

	for (unsigned i = 0; i < CONF_KEY_WORDS; i++) {
		count += (size_t)__builtin_popcountll(a->has[i]);
	}
	return count;
}

const struct conf_value *conf_value(const struct account *a, enum key key)
{
	static const struct conf_value unset;

	return has(a, key) ? a->values[place_of(a, key)] : &unset;
}

struct conf_value *account_new_value(struct account *a, enum key key)
{
	return has(a, key) ? a->values[place_of(a, key)] : NULL;
}

/* With its further lines, when no account has it any more. */
static void drop(enum key key, struct conf_value *v)
{
	while (v && --v->sharers == 0) {
		struct conf_value *next = v->next;
		value_clear(key, v);
		free(v);
		v = next;
	}
}

static void unset(struct account *a, enum key key)
{
	if (has(a, key)) {
		size_t place = place_of(a, key), count = count_values(a);
		drop(key, a->values[place]);
		a->has[key / KEYS_A_WORD] &= ~((uint64_t)1 << key % KEYS_A_WORD);
		memmove(&a->values[place], &a->values[place + 1],
			(count - place - 1) * sizeof(a->values[0]));
	}
}

/* *v is shared from now on. */
static void put(struct account *a, enum key key, struct conf_value *v)
{
	unset(a, key);

	size_t place = place_of(a, key), count = count_values(a);
	if (count % VALUES_ROOM == 0) {
		a->values = mem_resize(a->values, count + VALUES_ROOM, sizeof(a->values[0]));
	}
	memmove(&a->values[place + 1], &a->values[place],
		(count - place) * sizeof(a->values[0]));
	a->values[place] = v;
	a->has[key / KEYS_A_WORD] |= (uint64_t)1 << key % KEYS_A_WORD;
	v->sharers++;
}

void account_clear(struct account *a)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		unset(a, (enum key)i);
	}
	free(a->values);
	free(a->name);
	*a = (struct account){ 0 };
}

static struct conf_value *parse_new(enum key key, struct span text,
				    const struct conf_env *env, struct err *e)
{
	struct conf_value *v = mem_alloc(1, sizeof(*v));

	if (!value_parse(key, text, env, v, e)) {
		free(v);
		return NULL;
	}
	return v;
}

static bool replace(struct account *a, enum key key, struct span text,
		    const struct conf_env *env, struct err *e)
{
	struct conf_value *v = parse_new(key, text, env, e);

	if (!v) {
		return false;
	}
	/* The default is in force again. */
	if (!v->is_set) {
		free(v);
		unset(a, key);
		return true;
	}
	put(a, key, v);
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
	bool is_on = conf_value(a, key)->number != 0;
	unset(a, key);
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

bool account_add_line(struct conf_value **last, enum key key, struct span text,
		      const struct conf_env *env, const char *where, struct err *e)
{
	struct conf_value *v = parse_new(key, text, env, e);

	if (!v) {
		return err_ctx(e, "%s: %s", where, conf_key_row(key)->name);
	}
	v->sharers = 1;
	(*last)->next = v;
	*last = v;
	return true;
}

bool account_count_bytes(struct conf *c, const struct conf_value *v)
{
	c->bytes += v->text ? strlen(v->text) : 0;
	return c->bytes <= ACCOUNT_BYTES_MAX;
}

void account_inherit(struct account *to, const struct account *from, bool skip_defaults)
{
	for (size_t i = 0, place = 0; i < KEY_COUNT; i++) {
		if (has(from, (enum key)i)) {
			struct conf_value *v = from->values[place++];
			if (!skip_defaults || !v->from_defaults) {
				put(to, (enum key)i, v);
			}
		}
	}
}

bool account_is_own(const struct account *a, enum key key)
{
	const struct conf_value *v = conf_value(a, key);

	/* What is inherited stands above the account. */
	return v->is_set && (v->line == 0 || v->line >= a->line);
}

bool account_is_claim(const struct account *a, enum key key, const struct conf_value **last)
{
	const struct conf_value *v = conf_value(a, key);
	bool is_new = v->from_defaults && v != *last;

	if (is_new) {
		*last = v;
	}
	return is_new || account_is_own(a, key);
}
