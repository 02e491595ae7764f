/* SPDX-License-Identifier: ISC */
/* print: an account as relayrc lines with their origins.  Must never show a secret. */
#include "conf/conf.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/account.h"
#include "conf/lex.h"

#define MASK "********"

/* Would the lexer give something else than this value without quotes? */
static bool needs_quotes(struct span value)
{
	size_t end = value.size - 1;

	return value.size == 0 || span_trim(value).size != value.size ||
	       (end > 0 && value.data[0] == '"' && value.data[end] == '"');
}

/* Makes text safe for a terminal, but keeps its TABs: the line parses again. */
static void sanitise(char *text)
{
	for (size_t size; *text; text += size) {
		size = strcspn(text, "\t");
		text_sanitise(text, size);
		size += strspn(text + size, "\t");
	}
}

static bool add_line(struct buf *to, const char *key, const char *value,
		     const char *origin)
{
	char *safe MEM_AUTO = mem_str(value);
	const char *quote = needs_quotes(span_str(value)) ? "\"" : "";

	sanitise(safe);
	return buf_printf(to, "%s %s%s%s" LEX_COMMENT "%s\n", key, quote, safe, quote,
			  origin);
}

static bool add_setting(struct buf *to, enum key key, const char *text,
			const struct conf_value *v)
{
	char origin[512];

	account_origin(v, origin, sizeof(origin));
	text_sanitise(origin, strlen(origin));
	return add_line(to, conf_key_row(key)->name, text, origin);
}

static bool add_heading(const struct account *a, struct buf *to)
{
	char origin[512] = "command line";

	if (a->file) {
		account_where(a->file, a->line, origin, sizeof(origin));
	}
	text_sanitise(origin, strlen(origin));
	return add_line(to, "account", a->name, origin);
}

char *conf_shown(const struct account *a, enum key key)
{
	const struct key_row *row = conf_key_row(key);
	const char *text = conf_text(a, key);
	/* Nothing is a value of its own only where the default is something. */
	bool is_emptied = conf_value(a, key)->is_set && row->fallback;

	if (!text) {
		return is_emptied ? mem_str("") : NULL;
	}
	char *shown = mem_str(row->type == TYPE_SECRET ? MASK : text);
	/* Other types are checked: they would not be the same any more. */
	if (row->type == TYPE_PATH || row->type == TYPE_STRING) {
		text_hide_pin(shown);
	}
	return shown;
}

bool conf_print(const struct account *a, struct buf *to)
{
	if (!add_heading(a, to)) {
		return false;
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		enum key key = (enum key)i;
		const struct conf_value *v = conf_value(a, key);
		char *text MEM_AUTO = conf_shown(a, key);

		if (text && !add_setting(to, key, text, v)) {
			return false;
		}
		while ((v = v->next)) {
			if (!add_setting(to, key, v->text, v)) {
				return false;
			}
		}
	}
	return true;
}
