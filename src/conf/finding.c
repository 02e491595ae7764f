/* SPDX-License-Identifier: ISC */
/* finding: see finding.h. */
#include "conf/finding.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Between what is wrong and what to do about it, in all our texts. */
#define BEFORE_REMEDY "; "

static void finding_clear(struct finding *f)
{
	free(f->file);
	free(f->account);
	free(f->key);
	free(f->text);
	free(f->remedy);
}

void findings_clear(struct findings *list)
{
	for (size_t i = 0; i < list->count; i++) {
		finding_clear(&list->at[i]);
	}
	free(list->at);
	*list = (struct findings){ 0 };
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* One line that several accounts have is one thing to mend. */
static bool is_known(const struct findings *list, const struct finding *f)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct finding *other = &list->at[i];
		bool is_inherited = f->line > 0 && f->key;
		if (other->line == f->line && is_same(other->key, f->key) &&
		    (is_inherited || is_same(other->account, f->account)) &&
		    is_same(other->text, f->text) && is_same(other->file, f->file)) {
			return true;
		}
	}
	return false;
}

/* Takes the strings of *f. */
static void add(struct findings *list, struct finding *f)
{
	if (is_known(list, f)) {
		finding_clear(f);
		return;
	}
	if (list->count == list->room) {
		list->room = list->room ? 2 * list->room : 8;
		list->at = mem_resize(list->at, list->room, sizeof(list->at[0]));
	}
	list->errors += f->severity == SEVERITY_ERROR;
	list->at[list->count++] = *f;
}

static void split_text(struct finding *f, const char *text)
{
	const char *remedy = strstr(text, BEFORE_REMEDY);

	f->text = mem_copy(text, remedy ? (size_t)(remedy - text) : strlen(text));
	f->remedy = remedy ? mem_str(remedy + strlen(BEFORE_REMEDY)) : NULL;
}

static struct finding at_setting(enum severity severity, const struct account *a,
				 enum key key)
{
	struct finding f = { .severity = severity, .account = mem_str(a->name) };
	const char *file;

	conf_place(a, key, &file, &f.line);
	f.file = file ? mem_str(file) : NULL;
	f.key = key < KEY_COUNT ? mem_str(conf_key_row(key)->name) : NULL;
	return f;
}

void findings_add(struct findings *list, enum severity severity, const struct account *a,
		  enum key key, const char *format, ...)
{
	struct finding f = at_setting(severity, a, key);
	char text[2 * ERR_TEXT_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	split_text(&f, text);
	add(list, &f);
}

void findings_add_value(struct findings *list, enum severity severity,
			const struct account *a, enum key key, const struct conf_value *line,
			const char *format, ...)
{
	struct finding f = at_setting(severity, a, key);
	char text[2 * ERR_TEXT_MAX];
	va_list args;

	free(f.file);
	f.file = line->file ? mem_str(line->file) : NULL;
	f.line = line->line;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	split_text(&f, text);
	add(list, &f);
}

/* "port: …" → "…", and the setting. */
static const char *take_key(struct finding *f, const char *text)
{
	size_t size = strcspn(text, ": ");
	enum key key;

	if (text[size] == '\0' || !conf_key_find(span_of(text, size), &key)) {
		return text;
	}
	if (!f->key) {
		f->key = mem_str(conf_key_row(key)->name);
	} else if (strcmp(f->key, conf_key_row(key)->name) != 0) {
		return text;
	}
	return text + size + (text[size] == ':') + 1;
}

/* "FILE:LINE: …" or "FILE: …" → "…".  Names with ": " in them are not understood. */
static const char *take_place(struct finding *f, const char *text)
{
	const char *end = strstr(text, ": ");
	unsigned long long line = 0;

	if (text[0] != '/' || !end) {
		return text;
	}
	struct span place = span_of(text, (size_t)(end - text));
	const char *colon = memrchr(place.data, ':', place.size);
	if (colon && text_unsigned(span_of(colon + 1, (size_t)(end - colon - 1)), 1u << 30,
				   &line)) {
		place.size = (size_t)(colon - text);
	}
	f->file = mem_copy(place.data, place.size);
	f->line = (unsigned)line;
	return end + 2;
}

void findings_add_at(struct findings *list, enum severity severity, const char *file,
		     unsigned line, const char *text)
{
	struct finding f = { .severity = severity, .line = line };

	if (file) {
		f.file = mem_str(file);
	} else {
		text = take_place(&f, text);
	}
	split_text(&f, take_key(&f, text));
	add(list, &f);
}

void findings_add_error(struct findings *list, const struct account *a, enum key key,
			const char *text, const char *remedy)
{
	struct finding f = at_setting(SEVERITY_ERROR, a, key);

	split_text(&f, take_key(&f, text));
	if (!f.remedy && remedy) {
		f.remedy = mem_str(remedy);
	}
	add(list, &f);
}
