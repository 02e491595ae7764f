/* SPDX-License-Identifier: ISC */
/*
 * table: see table.h.  What a table says can be a password: must never be in a note.
 */
#include "import/table.h"
#include "base/mem.h"
#include "base/text.h"
#include "import/build.h"
#include "import/lines.h"

#include <stdlib.h>

/* Most entries of one list. */
enum { ENTRIES_MOST = 200000 };

static void add(struct table *t, struct table_entry entry)
{
	if (t->count >= ENTRIES_MOST) {
		return;
	}
	if ((t->count & (t->count + 1)) == 0) {
		t->at = mem_resize(t->at, 2 * t->count + 1, sizeof(*t->at));
	}
	t->at[t->count++] = entry;
}

/* The table keeps the text now: the memory does not move. */
static void keep_text(struct table *t, struct buf *text)
{
	t->texts = mem_resize(t->texts, t->text_count + 1, sizeof(*t->texts));
	t->texts[t->text_count++] = *text;
	buf_init_secret(text, text->max);
}

/* `key value`; the key may stand in double quotes, with \ before a quote in it. */
static struct span take_key(struct span line, struct span *value)
{
	if (line.size < 2 || line.data[0] != '"') {
		return lines_split(line, value);
	}
	const char *end = memchr(line.data + 1, '"', line.size - 1);
	size_t size = end ? (size_t)(end - line.data) : line.size;
	*value = span_trim(span_from(line, size + 1));
	return span_from(span_first(line, size), 1);
}

/* `/pattern/flags value`: only the whole pattern with its slashes is kept. */
static bool take_pattern(struct span line, struct table_entry *entry)
{
	char slash = line.size > 0 ? line.data[0] : 'x';
	size_t size = 1;

	if (text_is_alpha(slash) || text_is_digit(slash) || slash == '!') {
		return false;	/* if, endif; a pattern that must not match */
	}
	while (size < line.size && line.data[size] != slash) {
		size += line.data[size] == '\\' ? 2 : 1;
	}
	if (size >= line.size) {
		return false;
	}
	entry->match = TABLE_PATTERN;
	entry->key = span_first(line, size + 1);
	lines_split(span_from(line, size + 1), &entry->value);
	return true;
}

static void read_text(struct table *t, struct import *im, struct buf *text,
		      struct import_place at, const char *name, bool is_regexp)
{
	struct table_entry entry = { .at = at };
	struct lines l;
	struct span line;

	lines_init(&l, text);
	while (lines_next(&l, &line, &entry.at.line)) {
		if (is_regexp) {
			if (!take_pattern(line, &entry)) {
				build_note(im, IMPORT_LEFT, entry.at, name,
					   "a line that is not /pattern/ and a result");
				continue;
			}
		} else {
			entry.key = take_key(line, &entry.value);
		}
		if (entry.value.size == 0) {
			build_note(im, IMPORT_LEFT, entry.at, name,
				   "a line without a value, which Postfix passes over");
			continue;
		}
		add(t, entry);
	}
	keep_text(t, text);
}

static void read_file(struct table *t, struct import *im, const struct import_env *env,
		      struct span path, struct import_place at, const char *name,
		      bool is_regexp)
{
	char *file MEM_AUTO = mem_copy(path.data, path.size);
	struct buf text BUF_AUTO;
	struct err e;

	buf_init_secret(&text, IMPORT_FILE_MAX);
	if (!build_read(env, file, &text, &e)) {
		t->has_unread = true;
		build_note(im, IMPORT_LEFT, at, name, "%s", e.text);
		return;
	}
	at.file = build_keep_file(im, file);
	read_text(t, im, &text, at, name, is_regexp);
}

/* Without the braces around it. */
static struct span unbrace(struct span s)
{
	s = span_trim(s);
	if (s.size >= 2 && s.data[0] == '{' && s.data[s.size - 1] == '}') {
		s = span_trim(span_of(s.data + 1, s.size - 2));
	}
	return s;
}

/* inline:{key=value, {key = value with blanks}}; static:value, static:{two words} */
static void read_inline(struct table *t, struct span text, struct import_place at,
			bool is_static)
{
	struct table_entry entry = { .at = at };
	struct buf copy BUF_AUTO;

	buf_init_secret(&copy, text.size + 1);
	if (!buf_add_span(&copy, text)) {
		return;
	}
	struct span rest = unbrace(buf_span(&copy));
	keep_text(t, &copy);
	if (is_static) {
		entry.match = TABLE_ANY;
		entry.value = rest;
		add(t, entry);
		return;
	}
	for (;;) {
		struct span pair = lines_word(&rest, ", \t\r\n");
		if (pair.size == 0) {
			return;
		}
		pair = unbrace(pair);
		const char *equals = memchr(pair.data, '=', pair.size);
		size_t size = equals ? (size_t)(equals - pair.data) : pair.size;
		entry.key = span_trim(span_first(pair, size));
		entry.value = span_trim(span_from(pair, size + 1));
		add(t, entry);
	}
}

static bool is_in(struct span word, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (span_equal(word, span_str(list[i]))) {
			return true;
		}
	}
	return false;
}

/* One "type:name" of the list. */
static void read_one(struct table *t, struct import *im, const struct import_env *env,
		     struct span spec, struct import_place at, const char *name, bool patterns)
{
	static const char *const files[] = { "hash", "btree", "lmdb", "dbm", "cdb", "sdbm",
					     "texthash" };
	static const char *const regexps[] = { "regexp", "pcre" };

	while (span_equal(span_first(spec, 6), span_str("proxy:"))) {
		spec = span_from(spec, 6);
	}
	const char *colon = memchr(spec.data, ':', spec.size);
	size_t size = colon ? (size_t)(colon - spec.data) : 0;
	struct span type = span_first(spec, size), rest = span_from(spec, size + (size > 0));
	bool is_regexp = is_in(type, regexps, 2);

	if (size == 0 ? spec.data[0] == '/' : is_in(type, files, 7)) {
		read_file(t, im, env, rest, at, name, false);
	} else if (is_regexp && patterns) {
		read_file(t, im, env, rest, at, name, true);
	} else if (span_equal(type, span_str("inline"))) {
		read_inline(t, rest, at, false);
	} else if (span_equal(type, span_str("static"))) {
		read_inline(t, rest, at, true);
	} else if (size == 0) {
		t->has_unread = true;
		build_note(im, IMPORT_LEFT, at, name,
			   "a table without its type (type:name is wanted)");
	} else {
		t->has_unread = true;
		build_note(im, IMPORT_LEFT, at, name, "%.*s: relay has no such tables",
			   SPAN_ARG(span_first(type, 64)));
	}
}

/* -- keys that stand twice: the first one counts ------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct table_entry *const *x = a, *const *y = b;
	int order = text_compare_fold((*x)->key, (*y)->key);

	return order ? order : (*x > *y) - (*x < *y);
}

/* Where each entry goes; `gone` = nowhere. */
static void close_gaps(struct table *t, size_t *place, size_t gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (place[i] != gone) {
			place[i] = kept;
			t->at[kept++] = t->at[i];
		}
	}
	t->count = kept;
	t->any = 0;
	while (t->any < t->count && t->at[t->any].match != TABLE_ANY) {
		t->any++;
	}
}

static void drop_twins(struct table *t)
{
	const struct table_entry **sorted = mem_alloc(t->count + 1, sizeof(*sorted));
	size_t *place = mem_alloc(t->count + 1, sizeof(*place));
	size_t count = 0;

	t->sorted = mem_alloc(t->count + 1, sizeof(*t->sorted));
	for (size_t i = 0; i < t->count; i++) {
		if (t->at[i].match == TABLE_KEY) {
			sorted[count++] = &t->at[i];
		}
	}
	qsort(sorted, count, sizeof(*sorted), by_key);
	for (size_t i = 0; i < count; i++) {
		size_t at = (size_t)(sorted[i] - t->at);
		if (i > 0 && text_equal_fold(sorted[i]->key, sorted[i - 1]->key)) {
			place[at] = SIZE_MAX;
		} else {
			t->sorted[t->sorted_count++] = at;
		}
	}
	close_gaps(t, place, SIZE_MAX);
	for (size_t i = 0; i < t->sorted_count; i++) {
		t->sorted[i] = place[t->sorted[i]];
	}
	free(sorted);
	free(place);
}

void table_read(struct table *t, struct import *im, const struct import_env *env,
		struct span list, struct import_place at, const char *name, bool patterns)
{
	*t = (struct table){ 0 };
	for (;;) {
		struct span spec = lines_word(&list, ", \t\r\n");
		if (spec.size == 0) {
			break;
		}
		read_one(t, im, env, unbrace(spec), at, name, patterns);
	}
	drop_twins(t);
}

void table_clear(struct table *t)
{
	for (size_t i = 0; i < t->text_count; i++) {
		buf_clear(&t->texts[i]);
	}
	free(t->texts);
	free(t->sorted);
	free(t->at);
	*t = (struct table){ 0 };
}

const struct table_entry *table_find(const struct table *t, struct span key)
{
	size_t first = 0, end = t->sorted_count, found = t->any;

	while (first < end) {
		size_t middle = first + (end - first) / 2, at = t->sorted[middle];
		int order = text_compare_fold(t->at[at].key, key);
		if (order == 0) {
			found = at < found ? at : found;
			break;
		}
		first = order < 0 ? middle + 1 : first;
		end = order < 0 ? end : middle;
	}
	return found < t->count ? &t->at[found] : NULL;
}

const struct table_entry *table_find_address(const struct table *t, struct span address)
{
	const struct table_entry *entry = table_find(t, address);
	char *plain MEM_AUTO = mem_copy(address.data, address.size);
	char *at = strrchr(plain, '@');

	if (entry || !at) {
		return entry;
	}
	char *plus = strchr(plain, '+');
	if (plus && plus > plain && plus < at) {
		memmove(plus, at, strlen(at) + 1);
		entry = table_find(t, span_str(plain));
		at = plus;
	}
	return entry ? entry : table_find(t, span_str(at));
}
