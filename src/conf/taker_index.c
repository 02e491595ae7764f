/* SPDX-License-Identifier: ISC */
/*
 * taker_index: see taker_index.h.  Addresses, domains and their children are in one hash
 * table.  A hash goes from the last byte to the first, so that one walk over an address meets
 * those of its domain, of the domains above, and its own.  Other patterns are tried one by
 * one, up to the account that is the best already.  Finding must never allocate.
 */
#include "conf/taker_index.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/lists.h"
#include "conf/pattern.h"

#include <stdlib.h>

struct entry {
	struct taker taker;
	size_t next;		/* of the same bucket: index + 1 */
};

/* What cannot be looked up. */
struct glob {
	size_t entry;
	char *text;		/* for whole addresses */
	struct pattern *pattern;	/* NULL = not needed yet, or too long */
	bool is_long;
};

struct taker_index {
	struct entry *entries;
	size_t count, room;
	size_t *buckets;
	size_t bucket_count;	/* a power of two */
	struct glob *globs;	/* in the order of the accounts */
	size_t glob_count, glob_room;
	bool takes_all;
	struct taker all;	/* the first that does */
};

enum { FIRST_ROOM = 64 };

/* -- the table ----------------------------------------------------------------- */

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

static uint64_t hash_of(enum taker_kind kind, struct span text)
{
	uint64_t hash = hash_back(hash_start, text);

	return kind == TAKER_DOMAIN ? hash_byte(hash, '@') : hash;
}

static size_t *bucket_of(const struct taker_index *x, uint64_t hash)
{
	return &x->buckets[(hash ^ hash >> 32) & (x->bucket_count - 1)];
}

/* The text is in two pieces, so that a +detail can be left out. */
static const struct taker *look_up(const struct taker_index *x, uint64_t hash,
				   enum taker_kind kind, struct span head, struct span tail)
{
	for (size_t i = *bucket_of(x, hash); i > 0; i = x->entries[i - 1].next) {
		const struct taker *t = &x->entries[i - 1].taker;
		if (t->kind == kind && t->text.size == head.size + tail.size &&
		    text_equal_fold(span_first(t->text, head.size), head) &&
		    text_equal_fold(span_from(t->text, head.size), tail)) {
			return t;
		}
	}
	return NULL;
}

static const struct taker *look_up_same(const struct taker_index *x, const struct taker *t)
{
	return look_up(x, hash_of(t->kind, t->text), t->kind, span_of(NULL, 0), t->text);
}

static void link_entry(struct taker_index *x, size_t i)
{
	struct entry *entry = &x->entries[i];
	size_t *bucket = bucket_of(x, hash_of(entry->taker.kind, entry->taker.text));

	entry->next = *bucket;
	*bucket = i + 1;
}

static void grow(struct taker_index *x)
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

struct taker_index *taker_index_new(void)
{
	struct taker_index *x = mem_alloc(1, sizeof(*x));

	grow(x);
	return x;
}

void taker_index_free(struct taker_index *x)
{
	if (!x) {
		return;
	}
	for (size_t i = 0; i < x->glob_count; i++) {
		free(x->globs[i].text);
		free(x->globs[i].pattern);
	}
	free(x->globs);
	free(x->entries);
	free(x->buckets);
	free(x);
}

static void add_glob(struct taker_index *x, size_t entry)
{
	if (x->glob_count == x->glob_room) {
		x->glob_room = x->glob_room ? 2 * x->glob_room : 4;
		x->globs = mem_resize(x->globs, x->glob_room, sizeof(x->globs[0]));
	}
	x->globs[x->glob_count++] = (struct glob){
		.entry = entry, .text = taker_pattern(&x->entries[entry].taker)
	};
}

void taker_index_add(struct taker_index *x, const struct taker *t)
{
	/* The same again can never win, nor what comes after "*". */
	if (x->takes_all || look_up_same(x, t)) {
		return;
	}
	if (t->kind == TAKER_ALL) {
		x->takes_all = true;
		x->all = *t;
		return;
	}
	if (x->count == x->room) {
		grow(x);
	}
	x->entries[x->count] = (struct entry){ .taker = *t };
	link_entry(x, x->count++);
	if (t->kind == TAKER_GLOB) {
		add_glob(x, x->count - 1);
	}
}

void taker_index_add_recipients(struct taker_index *x, const struct conf *c, size_t account)
{
	const struct conf_value *line = conf_value(&c->accounts[account], KEY_TO);

	for (; line && line->text; line = line->next) {
		struct span rest = span_str(line->text), word;
		while ((word = lists_next(&rest)).size > 0) {
			struct taker t = taker_of_recipients(word, account, line);
			taker_index_add(x, &t);
		}
	}
}

bool taker_index_takes_all(const struct taker_index *x)
{
	return x->takes_all;
}

/* -- who takes an address ------------------------------------------------------ */

/* Of one account the last: those that say more come later. */
static void take_better(const struct taker **best, const struct taker *t)
{
	if (t && (!*best || t->account <= (*best)->account)) {
		*best = t;
	}
}

/* The domains above this one, or that `tail` is the end of; the hash of all of it. */
static uint64_t find_parents(const struct taker_index *x, struct span tail,
			     const struct taker **best)
{
	uint64_t hash = hash_start;

	for (size_t i = tail.size; i > 0; i--) {
		hash = hash_byte(hash, tail.data[i - 1]);
		if (tail.data[i - 1] == '.') {
			take_better(best, look_up(x, hash, TAKER_CHILDREN, span_of(NULL, 0),
						  span_from(tail, i - 1)));
		}
	}
	return hash;
}

/* The hash goes up to the '@', and has it. */
static uint64_t find_domain(const struct taker_index *x, struct span domain,
			    const struct taker **best)
{
	uint64_t hash = hash_byte(find_parents(x, domain, best), '@');

	take_better(best, look_up(x, hash, TAKER_DOMAIN, span_of(NULL, 0), domain));
	return hash;
}

static void find_address(const struct taker_index *x, struct span address,
			 const struct taker **best)
{
	const char *at = memrchr(address.data, '@', address.size);
	struct span local = span_first(address, at ? (size_t)(at - address.data) : 0);
	struct span rest = span_from(address, local.size);
	const char *plus = local.size ? memchr(local.data, '+', local.size) : NULL;

	if (!at) {
		take_better(best, look_up(x, hash_back(hash_start, address), TAKER_ADDRESS,
					  span_of(NULL, 0), address));
		return;
	}
	uint64_t hash = find_domain(x, span_from(rest, 1), best);
	take_better(best, look_up(x, hash_back(hash, local), TAKER_ADDRESS, local, rest));
	if (plus) {
		local.size = (size_t)(plus - local.data);
		take_better(best,
			    look_up(x, hash_back(hash, local), TAKER_ADDRESS, local, rest));
	}
}

static const struct taker *of_glob(const struct taker_index *x, const struct glob *glob)
{
	return &x->entries[glob->entry].taker;
}

/* Can it still be an account before the best? */
static bool is_before(const struct taker_index *x, const struct glob *glob,
		      const struct taker *best)
{
	return !best || of_glob(x, glob)->account < best->account;
}

const struct taker *taker_index_find(const struct taker_index *x, struct span address)
{
	const struct taker *best = x->takes_all ? &x->all : NULL;

	if (address.size == 0) {
		return NULL;
	}
	find_address(x, address, &best);
	for (size_t i = 0; i < x->glob_count && is_before(x, &x->globs[i], best); i++) {
		if (account_takes(x->globs[i].text, address)) {
			best = of_glob(x, &x->globs[i]);
		}
	}
	return best;
}

/* -- who takes all that another one takes -------------------------------------- */

/* Where the last one stands, from 1 on; 0: nowhere. */
static size_t last_place(struct span text, char c)
{
	size_t i = text.size;

	while (i > 0 && text.data[i - 1] != c) {
		i--;
	}
	return i;
}

/* The end of a pattern, behind everything that means more than itself; "" when unsure. */
static struct span plain_tail(struct span text, bool *ret_is_domain)
{
	size_t at = last_place(text, '@'), set = last_place(text, '[');
	size_t i = text.size;

	while (i > 0 && !memchr("?*[]@", text.data[i - 1], 5)) {
		i--;
	}
	*ret_is_domain = i > 0 && i == at;
	/* An '@' in a set is none that must be there. */
	bool is_sure = at > set && (set == 0 || at > last_place(text, ']'));
	return is_sure ? span_from(text, i) : span_of(NULL, 0);
}

static void find_outer(const struct taker_index *x, const struct taker *t,
		       const struct taker **best)
{
	bool is_domain = false;

	take_better(best, look_up_same(x, t));
	if (t->kind == TAKER_DOMAIN) {
		find_domain(x, t->text, best);
	} else if (t->kind == TAKER_CHILDREN) {
		find_parents(x, t->text, best);
	} else if (t->kind == TAKER_GLOB) {
		char *text MEM_AUTO = taker_pattern(t);
		struct span tail = plain_tail(span_str(text), &is_domain);
		if (is_domain) {
			find_domain(x, tail, best);
		} else {
			find_parents(x, tail, best);
		}
	}
}

static const struct pattern *pattern_of(struct glob *glob)
{
	if (!glob->pattern && !glob->is_long) {
		glob->pattern = mem_alloc(1, sizeof(*glob->pattern));
		glob->is_long = !pattern_read(glob->pattern, glob->text, false);
	}
	return glob->is_long ? NULL : glob->pattern;
}

static bool spend(size_t *work)
{
	*work -= *work > 0;
	return *work > 0;
}

const struct taker *taker_index_cover(struct taker_index *x, const struct taker *t,
				      size_t *work)
{
	const struct taker *best = x->takes_all ? &x->all : NULL;
	bool is_address = t->kind == TAKER_ADDRESS;
	char *text MEM_AUTO = is_address ? NULL : taker_pattern(t);
	struct pattern inner;

	if (t->kind == TAKER_ALL) {
		return best;
	}
	if (is_address) {
		find_address(x, t->text, &best);
	} else {
		find_outer(x, t, &best);
	}
	if (!is_address && (x->glob_count == 0 || !pattern_read(&inner, text, false))) {
		return best;
	}
	for (size_t i = 0; i < x->glob_count && is_before(x, &x->globs[i], best); i++) {
		struct glob *glob = &x->globs[i];
		const struct pattern *outer = is_address ? NULL : pattern_of(glob);
		if (!spend(work)) {
			break;
		}
		if (is_address ? account_takes(glob->text, t->text)
			       : outer && pattern_covers(outer, &inner, work)) {
			best = of_glob(x, glob);
		}
	}
	return best;
}
