/* SPDX-License-Identifier: ISC */
/* master_cf: see master_cf.h.  Must never be needed: many setups have only main.cf. */
#include "import/master_cf.h"
#include "base/mem.h"
#include "import/lines.h"

#include <stdlib.h>

enum { SERVICES_MOST = 1000, OPTIONS_MOST = 200 };

/* name=value, {name = value} */
static void add_option(struct master_service *s, struct span text)
{
	if (text.size >= 2 && text.data[0] == '{') {
		text = span_trim(span_of(text.data + 1, text.size - 2));
	}
	const char *equals = text.size ? memchr(text.data, '=', text.size) : NULL;
	if (!equals || s->count >= OPTIONS_MOST) {
		return;
	}
	size_t size = (size_t)(equals - text.data);
	s->options = mem_resize(s->options, s->count + 1, sizeof(*s->options));
	s->options[s->count++] = (struct master_option){
		.name = span_trim(span_first(text, size)),
		.value = span_trim(span_from(text, size + 1)),
	};
}

static void add_service(struct master_cf *m, struct span line, unsigned number)
{
	struct master_service s = { .line = number };
	struct span fields[8], word;

	for (size_t i = 0; i < 8; i++) {
		fields[i] = lines_word(&line, " \t");
	}
	if (!span_equal(fields[1], span_str("unix")) || fields[7].size == 0 ||
	    m->count >= SERVICES_MOST) {
		return;
	}
	s.name = fields[0];
	s.command = fields[7];
	while ((word = lines_word(&line, " \t")).size > 0) {
		if (span_equal(word, span_str("-o"))) {
			add_option(&s, lines_word(&line, " \t"));
		} else if (word.size > 2 && memcmp(word.data, "-o", 2) == 0) {
			add_option(&s, span_from(word, 2));
		}
	}
	m->services = mem_resize(m->services, m->count + 1, sizeof(*m->services));
	m->services[m->count++] = s;
}

void master_cf_init(struct master_cf *m, struct buf *text)
{
	struct lines l;
	struct span line;
	unsigned number;

	*m = (struct master_cf){ .text = *text };
	buf_init(text, text->max);
	lines_init(&l, &m->text);
	while (lines_next(&l, &line, &number)) {
		add_service(m, line, number);
	}
}

void master_cf_clear(struct master_cf *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->services[i].options);
	}
	free(m->services);
	buf_clear(&m->text);
	*m = (struct master_cf){ 0 };
}

static const struct master_service *find_service(const struct master_cf *m, struct span name)
{
	for (size_t i = m->count; i > 0; i--) {
		if (span_equal(m->services[i - 1].name, name)) {
			return &m->services[i - 1];
		}
	}
	return NULL;
}

struct span master_cf_command(const struct master_cf *m, struct span name)
{
	static const char *const usual[][2] = {
		{ "smtp", "smtp" },   { "relay", "smtp" },     { "lmtp", "lmtp" },
		{ "local", "local" }, { "virtual", "virtual" }, { "error", "error" },
		{ "retry", "error" }, { "discard", "discard" },
	};
	const struct master_service *s = find_service(m, name);

	if (s) {
		return s->command;
	}
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
		if (span_equal(name, span_str(usual[i][0]))) {
			return span_str(usual[i][1]);
		}
	}
	return span_of(NULL, 0);
}

const struct master_option *master_cf_option(const struct master_cf *m, struct span service,
					     struct span name)
{
	const struct master_service *s = find_service(m, service);

	for (size_t i = s ? s->count : 0; i > 0; i--) {
		if (span_equal(s->options[i - 1].name, name)) {
			return &s->options[i - 1];
		}
	}
	return NULL;
}
