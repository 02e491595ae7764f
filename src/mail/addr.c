/* SPDX-License-Identifier: ISC */
/*
 * addr: lists of addresses, and the parts of one.  Parsing is in addr_parse.c, the
 * predicates in addr_syntax.c, display names in addr_phrase.c.
 */
#include "mail/addr.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdlib.h>

void addr_list_init(struct addr_list *list)
{
	*list = (struct addr_list){ 0 };
}

void addr_list_clear(struct addr_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->at[i].spec);
		free(list->at[i].origin);
	}
	free(list->at);
	addr_list_init(list);
}

bool addr_list_add(struct addr_list *list, const char *spec, struct err *e)
{
	if (list->count >= ADDR_LIST_MAX) {
		return err_set(e, CAUSE_DATA, "more than %d addresses", ADDR_LIST_MAX);
	}
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 8;
		list->at = mem_resize(list->at, list->room, sizeof(list->at[0]));
	}
	list->at[list->count++] = (struct addr){ .spec = mem_str(spec) };
	return true;
}

/* The '@' between local part and domain, or spec.size. */
static size_t find_at(struct span spec)
{
	size_t found = spec.size;
	bool in_quotes = false;

	if (spec.size > 0 && !memchr(spec.data, '"', spec.size)) {
		const char *at = memrchr(spec.data, '@', spec.size);
		return at ? (size_t)(at - spec.data) : spec.size;
	}
	for (size_t i = 0; i < spec.size; i++) {
		char c = spec.data[i];
		if (in_quotes && c == '\\') {
			i++;
		} else if (c == '"') {
			in_quotes = !in_quotes;
		} else if (c == '@' && !in_quotes) {
			found = i;
		}
	}
	return found;
}

struct span addr_domain(struct span spec)
{
	size_t at = find_at(spec);

	return at < spec.size ? span_from(spec, at + 1) : span_of(NULL, 0);
}

struct span addr_local(struct span spec)
{
	return span_first(spec, find_at(spec));
}

bool addr_is_bare(const char *spec)
{
	return spec[0] != '\0' && addr_domain(span_str(spec)).size == 0;
}

char *addr_qualify(const char *spec, const char *domain)
{
	if (!addr_is_bare(spec) || !domain[0]) {
		return mem_str(spec);
	}
	return mem_printf("%s@%s", spec, domain);
}

static int compare(const char *a, const char *b)
{
	struct span s = span_str(a), t = span_str(b);
	struct span x = addr_local(s), y = addr_local(t);
	int order = memcmp(x.data, y.data, x.size < y.size ? x.size : y.size);

	if (order == 0) {
		order = (x.size > y.size) - (x.size < y.size);
	}
	return order ? order : text_compare_fold(addr_domain(s), addr_domain(t));
}

bool addr_equal(const char *a, const char *b)
{
	return compare(a, b) == 0;
}

/* Equal addresses side by side, the one that came first in front. */
static int compare_places(const void *a, const void *b)
{
	const struct addr *x = *(struct addr *const *)a, *y = *(struct addr *const *)b;
	int order = compare(x->spec, y->spec);

	return order ? order : (x > y) - (x < y);
}

/* Sorted, not compared pair by pair: a list may be long, and strangers choose it. */
void addr_list_unique(struct addr_list *list)
{
	size_t count = list->count, kept = 0;

	if (count < 2) {
		return;
	}
	struct addr **order = mem_alloc(count, sizeof(order[0]));
	for (size_t i = 0; i < count; i++) {
		order[i] = &list->at[i];
	}
	qsort(order, count, sizeof(order[0]), compare_places);
	const char *first = order[0]->spec;
	bool *is_double = mem_alloc(count, sizeof(is_double[0]));
	for (size_t i = 1; i < count; i++) {
		if (addr_equal(first, order[i]->spec)) {
			is_double[order[i] - list->at] = true;
		} else {
			first = order[i]->spec;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (is_double[i]) {
			free(list->at[i].spec);
			free(list->at[i].origin);
		} else {
			list->at[kept++] = list->at[i];
		}
	}
	list->count = kept;
	free(order);
	free(is_double);
}
