/* SPDX-License-Identifier: ISC */
/*
 * main_cf: see main_cf.h.  The lines, and which of them counts; main_expand.c has the values.
 */
#include "import/main_cf.h"
#include "base/mem.h"
#include "import/lines.h"

#include <stdlib.h>

static int compare(struct span a, struct span b)
{
	size_t size = a.size < b.size ? a.size : b.size;
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	return order ? order : (a.size > b.size) - (a.size < b.size);
}

/* By name, then by line. */
static int by_name(const void *a, const void *b)
{
	const struct main_line *const *x = a, *const *y = b;
	int order = compare((*x)->name, (*y)->name);

	return order ? order : (*x > *y) - (*x < *y);
}

static void sort(struct main_cf *m)
{
	m->sorted = mem_alloc(m->count + 1, sizeof(struct main_line *));
	for (size_t i = 0; i < m->count; i++) {
		m->sorted[i] = &m->lines[i];
	}
	qsort(m->sorted, m->count, sizeof(struct main_line *), by_name);
	for (size_t i = 0; i < m->count; i++) {
		if (i + 1 == m->count ||
		    !span_equal(m->sorted[i]->name, m->sorted[i + 1]->name)) {
			m->sorted[m->sorted_count++] = m->sorted[i];
		}
	}
}

void main_cf_init(struct main_cf *m, struct buf *text, const char *host, const char *folder,
		  main_cf_odd *odd, void *context)
{
	struct lines l;
	struct main_line one = { 0 };
	struct span line;

	*m = (struct main_cf){ .text = *text, .host = host, .folder = folder };
	buf_init(text, text->max);
	lines_init(&l, &m->text);
	while (lines_next(&l, &line, &one.line)) {
		const char *equals = memchr(line.data, '=', line.size);
		size_t size = equals ? (size_t)(equals - line.data) : line.size;
		one.name = span_trim(span_first(line, size));
		one.value = span_trim(span_from(line, size + 1));
		if (!equals || one.name.size == 0) {
			odd(context, one.line);
			continue;
		}
		if ((m->count & (m->count + 1)) == 0) {
			m->lines = mem_resize(m->lines, 2 * m->count + 1, sizeof(*m->lines));
		}
		m->lines[m->count++] = one;
	}
	sort(m);
}

void main_cf_clear(struct main_cf *m)
{
	buf_clear(&m->text);
	free(m->lines);
	free(m->sorted);
	*m = (struct main_cf){ 0 };
}

const struct main_line *main_cf_find(const struct main_cf *m, struct span name)
{
	size_t low = 0, high = m->sorted_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare(m->sorted[middle]->name, name);
		if (order == 0) {
			return m->sorted[middle];
		}
		*(order < 0 ? &low : &high) = order < 0 ? middle + 1 : middle;
	}
	return NULL;
}
