/* SPDX-License-Identifier: ISC */
/*
 * print: a struct import as the text of a relayrc, and its notes as lines.  Everything that
 * is printed parses again (conf's lexer has no escapes, so build.c lets nothing through that
 * would need one).
 */
#include "import/import.h"
#include "base/mem.h"
#include "base/text.h"

/* As conf's print.c: would the lexer give something else than this without quotes? */
static bool needs_quotes(struct span value)
{
	size_t end = value.size - 1;

	return value.size == 0 || span_trim(value).size != value.size ||
	       (end > 0 && value.data[0] == '"' && value.data[end] == '"');
}

/* In the order of keys.def, whatever was found first. */
static bool print_settings(const struct import_account *a, struct buf *to)
{
	for (size_t key = 0; key < KEY_COUNT; key++) {
		for (size_t i = 0; i < a->count; i++) {
			const struct import_setting *s = &a->settings[i];
			if (s->key != (enum key)key) {
				continue;
			}
			const char *quote = needs_quotes(span_str(s->value)) ? "\"" : "";
			if (!buf_add_str(to, conf_key_row(s->key)->name) ||
			    !buf_add_byte(to, ' ') || !buf_add_str(to, quote) ||
			    !buf_add_str(to, s->value) || !buf_add_str(to, quote) ||
			    !buf_add_byte(to, '\n')) {
				return false;
			}
		}
	}
	return true;
}

static bool print_comment(const char *text, struct buf *to)
{
	char *safe MEM_AUTO = mem_str(text);

	text_sanitise(safe, strlen(safe));
	return buf_add_str(to, "# ") && buf_add_str(to, safe) && buf_add_byte(to, '\n');
}

static bool print_account(const struct import_account *a, struct buf *to)
{
	return buf_add_byte(to, '\n') && (!a->comment || print_comment(a->comment, to)) &&
	       buf_add_str(to, "account ") && buf_add_str(to, a->name) &&
	       (!a->parent || (buf_add_str(to, " : ") && buf_add_str(to, a->parent))) &&
	       buf_add_byte(to, '\n') && print_settings(a, to);
}

static bool print_all(const struct import *im, struct buf *to)
{
	char *heading MEM_AUTO =
		mem_printf("Made by \"relay import %s\" from %s.", im->program, im->source);

	if (!print_comment(heading, to) ||
	    (im->obstacle && !print_comment("This file is not complete:", to)) ||
	    (im->obstacle && !print_comment(im->obstacle, to))) {
		return false;
	}
	if (im->defaults.count > 0 &&
	    (!buf_add_str(to, "\ndefaults\n") || !print_settings(&im->defaults, to))) {
		return false;
	}
	for (size_t i = 0; i < im->account_count; i++) {
		if (!print_account(im->accounts[i], to)) {
			return false;
		}
	}
	return true;
}

bool import_print(const struct import *im, struct buf *to, struct err *e)
{
	return (print_all(im, to) && to->size <= IMPORT_TEXT_MAX) ||
	       err_set(e, CAUSE_CONFIG, "the result is larger than a relayrc may be (%zu KiB)",
		       IMPORT_TEXT_MAX >> 10);
}

static bool print_place(struct import_place at, struct buf *to)
{
	return !at.file || (at.line ? buf_printf(to, "%s:%u: ", at.file, at.line)
				    : buf_printf(to, "%s: ", at.file));
}

bool import_print_note(const struct import_note *note, struct buf *to)
{
	static const char *const words[] = {
		[IMPORT_CHANGED] = "changed: ",
		[IMPORT_LEFT] = "not carried over: ",
		[IMPORT_UNKNOWN] = "not carried over: relay does not know this setting",
		[IMPORT_NOT_NEEDED] = "not needed here",
	};
	char *name MEM_AUTO = mem_str(note->name);

	text_sanitise(name, strlen(name));
	return print_place(note->at, to) && buf_printf(to, "%.200s: %s", name, words[note->kind]) &&
	       buf_add_str(to, note->reason ? note->reason : "");
}

bool import_print_not_needed(const struct import *im, struct buf *to)
{
	bool is_first = true;

	for (size_t i = 0; i < im->note_count; i++) {
		const struct import_note *note = &im->notes[i];
		if (note->kind != IMPORT_NOT_NEEDED) {
			continue;
		}
		char *name MEM_AUTO = mem_str(note->name);
		text_sanitise(name, strlen(name));
		if (!buf_printf(to, "%s%.200s", is_first ? "not needed here: " : ", ", name)) {
			return false;
		}
		is_first = false;
	}
	return true;
}
