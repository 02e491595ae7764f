/* SPDX-License-Identifier: ISC */
/*
 * check_print: see check_parts.h.  Names and values are of any bytes: none of them may make
 * a second line, obey a terminal, or break the JSON.
 */
#include "app/check_parts.h"
#include "app/output.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdio.h>
#include <unistd.h>

/* Largest account, printed. */
#define ACCOUNT_TEXT_MAX ((size_t)32 << 20)

static const char *severity_word(const struct finding *f)
{
	return f->severity == SEVERITY_ERROR ? "error" : "warning";
}

static bool is_shown(const struct conf *c, const struct account *a, const char *only)
{
	return !conf_is_hidden(c, a) && (!only || strcmp(a->name, only) == 0);
}

/* -- text ---------------------------------------------------------------------- */

/* "FILE:LINE: error: account NAME: setting: what is wrong; what to do" */
static bool say_finding(const struct finding *f)
{
	const char *place = f->file	 ? f->file
			    : f->account ? "command line"
					 : "relay check";
	char *line MEM_AUTO = f->line > 0 ? mem_printf(":%u", f->line) : mem_str("");
	char *text MEM_AUTO = mem_printf(
		"%s%s: %s: %s%s%s%s%s%s%s%s", place, line, severity_word(f), f->account ? "account " : "",
		f->account ? f->account : "", f->account ? ": " : "", f->key ? f->key : "",
		f->key ? ": " : "", f->text, f->remedy ? "; " : "",
		f->remedy ? f->remedy : "");
	size_t size = strlen(text);

	text_sanitise(text, size);
	text[size] = '\n';	/* in the place of the NUL: one system call a line */
	return fs_write_all(STDERR_FILENO, text, size + 1);
}

static bool print_account(struct output *o, const struct account *a)
{
	struct buf text BUF_AUTO;

	buf_init(&text, ACCOUNT_TEXT_MAX);
	bool ok = conf_print(a, &text);
	output_bytes(o, buf_span(&text));
	return ok;
}

bool check_print_text(const struct conf *c, const char *only, const struct findings *list)
{
	struct output o;
	bool ok = true, is_first = true;

	output_init(&o);
	for (size_t i = 0; i < c->count; i++) {
		if (is_shown(c, &c->accounts[i], only)) {
			output_text(&o, is_first ? "" : "\n");
			ok = print_account(&o, &c->accounts[i]) && ok;
			is_first = false;
		}
	}
	ok = output_end(&o) && ok;
	for (size_t i = 0; i < list->count; i++) {
		ok = say_finding(&list->at[i]) && ok;
	}
	return ok;
}

/* -- JSON ---------------------------------------------------------------------- */

static void json_text(struct output *o, const char *name, const char *text)
{
	output_text(o, name);
	if (text) {
		output_json(o, text);
	} else {
		output_text(o, "null");
	}
}

static void json_line(struct output *o, unsigned line)
{
	output_text(o, ", \"line\": ");
	if (line > 0) {
		output_number(o, line, 0);
	} else {
		output_text(o, "null");
	}
}

static void json_setting(struct output *o, enum key key, const char *value,
			 const struct conf_value *v)
{
	const char *origin = !v->is_set	   ? "default"
			     : !v->file	   ? "command line"
			     : v->line > 0 ? "file"
					   : "environment";

	json_text(o, "{\"key\": ", conf_key_row(key)->name);
	json_text(o, ", \"value\": ", value);
	json_text(o, ", \"origin\": ", origin);
	json_text(o, ", \"file\": ", v->is_set && v->line > 0 ? v->file : NULL);
	json_line(o, v->is_set ? v->line : 0);
	json_text(o, ", \"variable\": ", v->is_set && v->line == 0 ? v->file : NULL);
	output_text(o, "}");
}

static void json_account(struct output *o, const struct account *a)
{
	const char *between = "";

	json_text(o, "{\"name\": ", a->name);
	json_text(o, ", \"file\": ", a->line > 0 ? a->file : NULL);
	json_line(o, a->line);
	output_text(o, ", \"settings\": [");
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct conf_value *v = conf_value(a, (enum key)i);
		char *value MEM_AUTO = conf_shown(a, (enum key)i);
		if (value) {
			output_text(o, between);
			json_setting(o, (enum key)i, value, v);
			between = ", ";
		}
		while ((v = v->next)) {
			output_text(o, ", ");
			json_setting(o, (enum key)i, v->text, v);
		}
	}
	output_text(o, "]}");
}

static void json_finding(struct output *o, const struct finding *f)
{
	json_text(o, "{\"severity\": ", severity_word(f));
	json_text(o, ", \"file\": ", f->file);
	json_line(o, f->line);
	json_text(o, ", \"account\": ", f->account);
	json_text(o, ", \"key\": ", f->key);
	json_text(o, ", \"text\": ", f->text);
	json_text(o, ", \"remedy\": ", f->remedy);
	output_text(o, "}");
}

bool check_print_json(const struct conf *c, const char *only, const struct findings *list)
{
	struct output o;
	const char *between = "";

	output_init(&o);
	output_text(&o, "{\"accounts\": [");
	for (size_t i = 0; i < c->count; i++) {
		if (is_shown(c, &c->accounts[i], only)) {
			output_text(&o, between);
			json_account(&o, &c->accounts[i]);
			between = ", ";
		}
	}
	output_text(&o, "], \"findings\": [");
	for (size_t i = 0; i < list->count; i++) {
		output_text(&o, i > 0 ? ", " : "");
		json_finding(&o, &list->at[i]);
	}
	output_text(&o, "]}\n");
	return output_end(&o);
}
