/* SPDX-License-Identifier: ISC */
/*
 * route_index: see route_index.h.  Addresses, domains and their children are in one hash
 * table.  A hash goes from the last byte to the first, so that one walk over a recipient
 * meets those of its domain, of the domains above, and its own.  Other patterns are tried
 * one by one, up to the account that is the best already.  Must never allocate for a
 * recipient.
 */
#include "conf/route_index.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/lists.h"
#include "conf/recipient.h"

#include <stdlib.h>

struct entry {
	enum recipient_kind kind;
	struct span text;	/* what the hash is made of, but for the '@' of a domain */
	struct route_hit hit;
	size_t next;		/* of the same bucket: index + 1 */
};

struct glob {
	char *pattern;
	struct route_hit hit;
};

struct route_index {
	struct entry *entries;
	size_t count, room;
	size_t *buckets;
	size_t bucket_count;	/* a power of two */
	struct glob *globs;	/* in file order */
	size_t glob_count, glob_room;
	bool takes_all;
	struct route_hit all;	/* the first account that does */
};

enum { FIRST_ROOM = 64 };

static const uint64_t hash_start = 0xcbf29ce484222325;

/* FNV-1a over lower case. */
static uint64_t hash_byte(uint64_t hash, char c)
{
	return (hash ^ (unsigned char)text_lower(c)) * 0x100000001b3;
}

static uint64_t hash_back(uint64_t hash, struct span s)
{
	for (size_t i = s.size; i > 0; i--) {
		hash = hash_byte(hash, s.data[i - 1]);
	}
	return hash;
}

static uint64_t hash_of(enum recipient_kind kind, struct span text)
{
	uint64_t hash = hash_back(hash_start, text);

	return kind == RECIPIENT_DOMAIN ? hash_byte(hash, '@') : hash;
}

static size_t *bucket_of(const struct route_index *x, uint64_t hash)
{
	return &x->buckets[(hash ^ hash >> 32) & (x->bucket_count - 1)];
}

/* The address is in two pieces, so that a +detail can be left out. */
static const struct entry *find(const struct route_index *x, uint64_t hash,
				enum recipient_kind kind, struct span head, struct span tail)
{
	for (size_t i = *bucket_of(x, hash); i > 0; i = x->entries[i - 1].next) {
		const struct entry *entry = &x->entries[i - 1];
		if (entry->kind == kind && entry->text.size == head.size + tail.size &&
		    text_equal_fold(span_first(entry->text, head.size), head) &&
		    text_equal_fold(span_from(entry->text, head.size), tail)) {
			return entry;
		}
	}
	return NULL;
}

static void link_entry(struct route_index *x, size_t i)
{
	struct entry *entry = &x->entries[i];
	size_t *bucket = bucket_of(x, hash_of(entry->kind, entry->text));

	entry->next = *bucket;
	*bucket = i + 1;
}

static void grow(struct route_index *x)
{
	x->room = x->room ? 2 * x->room : FIRST_ROOM;
	x->entries = mem_resize(x->entries, x->room, sizeof(x->entries[0]));
	free(x->buckets);
	x->bucket_count = 2 * x->room;
	x->buckets = mem_alloc(x->bucket_count, sizeof(x->buckets[0]));
	for (size_t i = 0; i < x->count; i++) {
		link_entry(x, i);
	}
}

/* What stands there already is of an account before, or of this one. */
static void add_entry(struct route_index *x, enum recipient_kind kind, struct span text,
		      const struct route_hit *hit)
{
	if (find(x, hash_of(kind, text), kind, span_of(NULL, 0), text)) {
		return;
	}
	if (x->count == x->room) {
		grow(x);
	}
	x->entries[x->count] = (struct entry){ .kind = kind, .text = text, .hit = *hit };
	link_entry(x, x->count++);
}

static void add_glob(struct route_index *x, const struct route_hit *hit)
{
	if (x->glob_count == x->glob_room) {
		x->glob_room = x->glob_room ? 2 * x->glob_room : 4;
		x->globs = mem_resize(x->globs, x->glob_room, sizeof(x->globs[0]));
	}
	x->globs[x->glob_count++] =
		(struct glob){ .pattern = recipient_pattern(hit->word), .hit = *hit };
}

static void add_word(struct route_index *x, const struct route_hit *hit)
{
	struct span text;
	enum recipient_kind kind = recipient_read(hit->word, &text);

	/* What comes after "*" can never win. */
	if (x->takes_all) {
		return;
	}
	if (kind == RECIPIENT_ALL) {
		x->takes_all = true;
		x->all = *hit;
	} else if (kind == RECIPIENT_GLOB) {
		add_glob(x, hit);
	} else {
		add_entry(x, kind, text, hit);
	}
}

static void add_account(struct route_index *x, const struct conf *c, size_t account)
{
	const struct conf_value *v = conf_value(&c->accounts[account], KEY_TO);

	for (; v && v->text; v = v->next) {
		struct route_hit hit = { .account = account };
		struct span rest = span_str(v->text);
		while ((hit.word = lists_next(&rest)).size > 0) {
			add_word(x, &hit);
		}
	}
}

struct route_index *route_index_new(const struct conf *c)
{
	struct route_index *x = NULL;

	for (size_t i = 0; i < c->count && !(x && x->takes_all); i++) {
		const struct account *a = &c->accounts[i];
		if (!conf_is_set(a, KEY_TO) || conf_is_hidden(c, a)) {
			continue;
		}
		if (!x) {
			x = mem_alloc(1, sizeof(*x));
			grow(x);
		}
		add_account(x, c, i);
	}
	return x;
}

void route_index_free(struct route_index *x)
{
	if (!x) {
		return;
	}
	for (size_t i = 0; i < x->glob_count; i++) {
		free(x->globs[i].pattern);
	}
	free(x->globs);
	free(x->entries);
	free(x->buckets);
	free(x);
}

/* Of one account the last: those that say more come later. */
static void take_better(const struct route_hit **best, const struct entry *entry)
{
	if (entry && (!*best || entry->hit.account <= (*best)->account)) {
		*best = &entry->hit;
	}
}

/* The domain, and those above it; *ret_hash: up to and with the '@'. */
static void find_domain(const struct route_index *x, struct span domain,
			const struct route_hit **best, uint64_t *ret_hash)
{
	const struct span nothing = span_of(NULL, 0);
	uint64_t hash = hash_start;

	for (size_t i = domain.size; i > 0; i--) {
		hash = hash_byte(hash, domain.data[i - 1]);
		if (domain.data[i - 1] == '.') {
			take_better(best, find(x, hash, RECIPIENT_CHILDREN, nothing,
					       span_from(domain, i - 1)));
		}
	}
	*ret_hash = hash_byte(hash, '@');
	take_better(best, find(x, *ret_hash, RECIPIENT_DOMAIN, nothing, domain));
}

static void find_address(const struct route_index *x, struct span local, struct span rest,
			 uint64_t hash, const struct route_hit **best)
{
	take_better(best, find(x, hash_back(hash, local), RECIPIENT_ADDRESS, local, rest));
}

bool route_index_find(const struct route_index *x, struct span recipient,
		      struct route_hit *ret)
{
	const char *at = recipient.size ? memrchr(recipient.data, '@', recipient.size) : NULL;
	const struct route_hit *best = x && x->takes_all ? &x->all : NULL;

	if (!x || recipient.size == 0) {
		return false;
	}
	if (at) {
		struct span local = span_first(recipient, (size_t)(at - recipient.data));
		struct span rest = span_from(recipient, local.size);
		const char *plus = local.size ? memchr(local.data, '+', local.size) : NULL;
		uint64_t hash;
		find_domain(x, span_from(rest, 1), &best, &hash);
		find_address(x, local, rest, hash, &best);
		if (plus) {
			find_address(x, span_first(local, (size_t)(plus - local.data)), rest,
				     hash, &best);
		}
	}
	for (size_t i = 0; i < x->glob_count; i++) {
		const struct glob *glob = &x->globs[i];
		if (best && glob->hit.account >= best->account) {
			break;
		}
		if (account_takes(glob->pattern, recipient)) {
			best = &glob->hit;
		}
	}
	if (best) {
		*ret = *best;
	}
	return best != NULL;
}
