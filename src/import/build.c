/* SPDX-License-Identifier: ISC */
/*
 * build: see build.h: accounts and their values; note.c has the notes.  Must never put a value
 * into a note: it may be a secret.
 */
#include "import/build.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/syntax.h"
#include "conf/value.h"

#include <stdlib.h>

/* Longest name of an account that is made here. */
enum { NAME_MOST = 100 };
/* For their names; a power of two. */
enum { BUCKETS = 4096 };

void import_init(struct import *im)
{
	*im = (struct import){ 0 };
}

static void free_value(struct import_setting *s)
{
	if (conf_key_row(s->key)->type == TYPE_SECRET) {
		mem_free_secret(&s->value);
	}
	free(s->value);
	s->value = NULL;
}

static void clear_account(struct import_account *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free_value(&a->settings[i]);
	}
	free(a->settings);
	free(a->name);
	free(a->comment);
	free(a->parent);
	*a = (struct import_account){ 0 };
}

void import_clear(struct import *im)
{
	for (size_t i = 0; i < im->account_count; i++) {
		clear_account(im->accounts[i]);
		free(im->accounts[i]);
	}
	for (size_t i = 0; i < im->note_count; i++) {
		free(im->notes[i].name);
		free(im->notes[i].reason);
	}
	for (size_t i = 0; i < im->file_count; i++) {
		free(im->files[i]);
	}
	clear_account(&im->defaults);
	free(im->accounts);
	free(im->names);
	free(im->notes);
	free(im->files);
	free(im->source);
	free(im->obstacle);
	import_init(im);
}

const char *build_keep_file(struct import *im, const char *path)
{
	im->files = mem_resize(im->files, im->file_count + 1, sizeof(*im->files));
	im->files[im->file_count] = mem_str(path);
	return im->files[im->file_count++];
}

/* -- accounts ------------------------------------------------------------------ */

/* FNV-1a. */
static struct import_account **bucket_of(const struct import *im, const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *name; name++) {
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
	}
	return &im->names[(hash ^ hash >> 32) & (BUCKETS - 1)];
}

static struct import_account *find_name(const struct import *im, const char *name)
{
	struct import_account *a = *bucket_of(im, name);

	while (a && strcmp(a->name, name) != 0) {
		a = a->next_name;
	}
	return a;
}

static void keep_name(struct import *im, struct import_account *a)
{
	struct import_account **bucket = bucket_of(im, a->name);

	a->next_name = *bucket;
	*bucket = a;
}

static void forget_name(struct import *im, const struct import_account *a)
{
	struct import_account **at = bucket_of(im, a->name);

	while (*at != a) {
		at = &(*at)->next_name;
	}
	*at = a->next_name;
}

/* Letters, digits and what stands in names of hosts and addresses. */
static void make_name(char *name, struct span wanted)
{
	size_t size = 0;

	for (size_t i = 0; i < wanted.size && size < NAME_MOST; i++) {
		char c = wanted.data[i];
		bool is_good = text_is_alpha(c) || text_is_digit(c) || strchr("@.-_+", c);
		if (c != '\0' && (is_good || (size > 0 && name[size - 1] != '-'))) {
			name[size++] = is_good ? c : '-';
		}
	}
	while (size > 0 && name[size - 1] == '-') {
		size--;
	}
	name[size] = '\0';
	if (size == 0) {
		memcpy(name, "other", sizeof("other"));
	}
}

struct import_account *build_account(struct import *im, struct span wanted)
{
	char base[NAME_MOST + 1], name[NAME_MOST + 32];

	if (im->account_count >= BUILD_ACCOUNTS_MAX) {
		return NULL;
	}
	if (!im->names) {
		im->names = mem_alloc(BUCKETS, sizeof(*im->names));
	}
	make_name(base, wanted);
	snprintf(name, sizeof(name), "%s", base);
	struct import_account *first = find_name(im, name);
	while (first && find_name(im, name)) {
		snprintf(name, sizeof(name), "%s-%u", base, first->next_number++);
	}
	struct import_account *a = mem_alloc(1, sizeof(*a));
	a->name = mem_str(name);
	a->next_number = 2;
	keep_name(im, a);
	if ((im->account_count & (im->account_count + 1)) == 0) {
		im->accounts = mem_resize(im->accounts, 2 * im->account_count + 1,
					  sizeof(*im->accounts));
	}
	im->accounts[im->account_count++] = a;
	return a;
}

void build_drop(struct import *im, struct import_account *a)
{
	size_t i = 0;

	while (i < im->account_count && im->accounts[i] != a) {
		i++;
	}
	BUG_ON(i == im->account_count);
	forget_name(im, a);
	clear_account(a);
	free(a);
	im->account_count--;
	memmove(&im->accounts[i], &im->accounts[i + 1],
		(im->account_count - i) * sizeof(*im->accounts));
}

/* Stable, and there are few: the order of the other program's file stays. */
void build_sort(struct import *im)
{
	for (size_t i = 1; i < im->account_count; i++) {
		struct import_account *a = im->accounts[i];
		size_t to = i;
		for (; to > 0 && im->accounts[to - 1]->rank > a->rank; to--) {
			im->accounts[to] = im->accounts[to - 1];
		}
		im->accounts[to] = a;
	}
}

static struct import_setting *find(const struct import_account *a, enum key key)
{
	for (size_t i = 0; i < a->count; i++) {
		if (a->settings[i].key == key) {
			return &a->settings[i];
		}
	}
	return NULL;
}

const char *build_value(const struct import_account *a, enum key key)
{
	const struct import_setting *s = find(a, key);

	return s ? s->value : NULL;
}

void build_unset(struct import_account *a, enum key key)
{
	struct import_setting *s = find(a, key);

	if (s) {
		free_value(s);
		*s = a->settings[--a->count];
	}
}

static void store(struct import_account *a, enum key key, struct span value)
{
	struct import_setting *s = find(a, key);

	if (s) {
		free_value(s);
	} else {
		a->settings = mem_resize(a->settings, a->count + 1, sizeof(*a->settings));
		s = &a->settings[a->count++];
		s->key = key;
	}
	s->value = mem_copy(value.data, value.size);
}

/* conf would put something else in the place of %U and ~. */
static bool would_be_replaced(const struct key_row *row, struct span value)
{
	if (row->type == TYPE_PATH) {
		return value.size > 0 && value.data[0] == '~';
	}
	if (row->type != TYPE_DOMAIN && row->type != TYPE_PATTERNS) {
		return false;
	}
	for (size_t i = 0; i + 1 < value.size; i++) {
		if (value.data[i] == '%' && strchr("UHCM", value.data[i + 1])) {
			return true;
		}
	}
	return false;
}

static bool is_good(enum key key, struct span value, struct err *e)
{
	const struct conf_env nobody = { 0 };
	struct conf_value v;

	if (value.size == 0) {
		return err_set(e, CAUSE_CONFIG, "it is empty");
	}
	if (would_be_replaced(conf_key_row(key), value)) {
		return err_set(e, CAUSE_CONFIG, "%% or ~ in it would be replaced");
	}
	if (!value_parse(key, value, &nobody, &v, e)) {
		return false;
	}
	/* No other program has a list there. */
	bool ok = key != KEY_HOST || syntax_host(v.text, e);
	value_clear(key, &v);
	return ok;
}

bool build_set(struct import *im, struct import_account *a, enum key key, struct span value,
	       struct import_place at, const char *name)
{
	struct err e;

	if (!is_good(key, value, &e)) {
		build_note(im, IMPORT_LEFT, at, name, "cannot be %s in relayrc: %s",
			   conf_key_row(key)->name, e.text);
		return false;
	}
	store(a, key, value);
	return true;
}

void build_put(struct import *im, struct import_account *a, enum key key, const char *value)
{
	struct err e;

	(void)im;
	BUG_ON(!is_good(key, span_str(value), &e));
	store(a, key, span_str(value));
}

void build_copy(struct import_account *a, enum key key, const char *value)
{
	store(a, key, span_str(value ? value : ""));
}

bool build_from(struct import *im, struct import_account *a, struct span sender,
		struct import_place at, const char *name)
{
	bool is_domain = sender.size > 1 && sender.data[0] == '@';
	char *pattern MEM_AUTO = mem_printf("%s%.*s", is_domain ? "*" : "", SPAN_ARG(sender));

	if (sender.size == 0 || !memchr(sender.data, '@', sender.size)) {
		build_note(im, IMPORT_LEFT, at, name,
			   "the sender has no domain: relay chooses by whole addresses");
		return false;
	}
	if (strpbrk(pattern + is_domain, "?*[")) {
		build_note(im, IMPORT_LEFT, at, name,
			   "a sender with ?, * or [ would be a pattern");
		return false;
	}
	return build_set(im, a, KEY_FROM, span_str(pattern), at, name);
}

/* -- what several programs have in common --------------------------------------- */

void build_tls(struct import *im, struct import_account *a, const struct build_tls *t)
{
	if (t->mode == BUILD_TLS_NONE && !t->has_login) {
		build_put(im, a, KEY_TLS, "off");
		return;
	}
	build_put(im, a, KEY_TLS_STARTTLS, t->mode == BUILD_TLS_IMPLICIT ? "off" : "on");
	if (t->mode == BUILD_TLS_NONE) {
		build_note(im, IMPORT_CHANGED, t->at, t->name,
			   "the login went over the network without TLS: relay needs TLS. If the "
			   "server has none, see tls and auth_cleartext in relayrc(5)");
	} else if (!t->was_verified) {
		build_note(im, IMPORT_CHANGED, t->at, t->name,
			   "the certificate was not verified: relay verifies it");
	}
}

void build_set_port(struct import *im, struct import_account *a, unsigned port)
{
	char number[16];

	snprintf(number, sizeof(number), "%u", port);
	build_put(im, a, KEY_PORT, number);
}

/* -- files and words ----------------------------------------------------------- */

bool build_read(const struct import_env *env, const char *path, struct buf *text,
		struct err *e)
{
	if (!env->read(env->context, path, text, e)) {
		return false;
	}
	return !memchr(text->data, '\0', text->size) ||
	       err_set(e, CAUSE_CONFIG, "%s: not a text file (a NUL byte)", path);
}

unsigned build_port(struct span service)
{
	static const struct {
		const char *name;
		unsigned port;
	} services[] = {
		{ "smtp", 25 },	       { "mail", 25 },	     { "smtps", 465 },
		{ "submissions", 465 }, { "ssmtp", 465 },     { "urd", 465 },
		{ "submission", 587 },	{ "submit", 587 },
	};
	unsigned long long number;

	if (text_unsigned(service, 65535, &number)) {
		return (unsigned)number;
	}
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		if (text_equal_fold(service, span_str(services[i].name))) {
			return services[i].port;
		}
	}
	return 0;
}
