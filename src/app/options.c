/* SPDX-License-Identifier: ISC */
/*
 * options: reads argv by the rows of options.def and conf/keys.def.
 *
 * Single letters may be clustered ("-ti"); an argument may be attached or be the next
 * word; "--" ends the options; options may follow recipients, as callers write.
 */
#include "app/options.h"
#include "app/options_table.h"
#include "app/options_value.h"
#include "base/mem.h"
#include "base/text.h"

/* is_long: it was written so. */
static bool apply(struct options *o, const struct option_row *row, bool is_long,
		  const char *value, struct err *e)
{
	if (row->treatment == TREATMENT_REFUSED) {
		return err_set(e, CAUSE_USAGE, "%s%s: %s", is_long ? "--" : "-",
			       is_long ? row->long_name : (char[]){ row->letter, '\0' },
			       row->summary);
	}
	return option_apply(o, row->effect, &(struct option_use){ .value = value }, e);
}

/* The words of a call, and which of them is read. */
struct words {
	int argc;
	char **argv;
	int at;
};

/* The word behind this one, or NULL. */
static const char *peek(const struct words *w)
{
	return w->at + 1 < w->argc ? w->argv[w->at + 1] : NULL;
}

static const char *take(struct words *w)
{
	return w->argv[++w->at];
}

/* Applies a row of VALUE to what is behind its word, or to the next word of the call. */
static bool apply_value(struct options *o, const struct option_value *row,
			const char *word, struct words *w, struct err *e)
{
	struct option_use use = { row->letter, word, word + strlen(row->word) };
	const char *next = peek(w);
	bool is_bare = use.value[0] == '\0';

	if (row->treatment == TREATMENT_REFUSED) {
		return err_set(e, CAUSE_USAGE, "-%c%s: %s", row->letter, word,
			       row->summary);
	}
	if (is_bare && row->argument == ARGUMENT_NEXT && !next) {
		return err_set(e, CAUSE_USAGE, "-%c%s needs an argument", row->letter,
			       word);
	}
	if (is_bare && next &&
	    (row->argument == ARGUMENT_NEXT ||
	     (row->argument == ARGUMENT_NEXT_NUMBER && text_is_digit(next[0])))) {
		use.value = take(w);
	}
	return option_apply(o, row->effect, &use, e);
}

/* One word of single-letter options; w->at moves on when it takes the next word. */
static bool parse_letters(struct options *o, struct words *w, struct err *e)
{
	const char *word = w->argv[w->at];

	for (const char *p = word + 1; *p; p++) {
		const struct option_row *row = option_row_of(*p);
		if (!row) {
			return err_set(e, CAUSE_USAGE,
				       "-%c: unknown option%s%s; see sendmail --help", *p,
				       word[2] ? " in " : "", word[2] ? word : "");
		}
		/* A word that only looks like letters: alone, as in -tls-on-connect. */
		const struct option_value *whole =
			row->argument == ARGUMENT_NONE && p == word + 1
				? option_value_of(*p, p + 1)
				: NULL;
		if (whole) {
			return apply_value(o, whole, p + 1, w, e);
		}
		if (row->argument == ARGUMENT_NONE) {
			if (!apply(o, row, false, NULL, e)) {
				return false;
			}
			continue;
		}
		const char *value = p[1] ? p + 1 : NULL;
		if (!value && row->argument == ARGUMENT_NEEDED) {
			if (!peek(w)) {
				return err_set(e, CAUSE_USAGE, "-%s needs an argument",
					       p);
			}
			value = take(w);
		}
		const struct option_value *known =
			option_value_of(*p, value ? value : "");
		return known ? apply_value(o, known, value ? value : "", w, e)
			     : apply(o, row, false, value, e);
	}
	return true;
}

/* A word of the command line that begins with "--", cut at its '='. */
struct long_word {
	struct span name;
	const char *value;	/* NULL: no '=' */
};

/* Does a setting work without a value, as in --tls?  Then its value needs the '='. */
static bool is_value_optional(enum key key)
{
	const struct key_row *row = conf_key_row(key);

	return row->type == TYPE_BOOL || row->type == TYPE_MECHANISMS ||
	       (row->type == TYPE_ENUM &&
		(strstr(row->words, "on") == row->words || strstr(row->words, " on") ||
		 strstr(row->words, "auto")));
}

/* The value behind '=', or the next word. */
static bool take_value(struct long_word *w, struct words *words, struct err *e)
{
	if (!w->value && !peek(words)) {
		return err_set(e, CAUSE_USAGE, "--%.*s needs an argument",
			       SPAN_ARG(w->name));
	}
	if (!w->value) {
		w->value = take(words);
	}
	return true;
}

static bool apply_long_row(struct options *o, const struct option_row *row,
			   struct long_word *w, struct words *words, struct err *e)
{
	if (row->argument == ARGUMENT_NONE && w->value) {
		return err_set(e, CAUSE_USAGE, "--%s takes no argument", row->long_name);
	}
	if (row->argument == ARGUMENT_NEEDED && !take_value(w, words, e)) {
		return false;
	}
	return apply(o, row, true, w->value, e);
}

static bool apply_setting(struct options *o, enum key key, struct long_word *w,
			  struct words *words, struct err *e)
{
	if (!is_value_optional(key) && !take_value(w, words, e)) {
		return false;
	}
	if (key == KEY_FROM) {
		o->sender = w->value;
	} else {
		option_add_setting(o, key, w->value ? w->value : "");
	}
	return true;
}

/* Is word the name, '-' for '_', or its beginning? */
static bool begins(const char *name, struct span word, bool *ret_is_whole)
{
	size_t i = 0;

	while (i < word.size && name[i] &&
	       word.data[i] == (name[i] == '_' ? '-' : name[i])) {
		i++;
	}
	*ret_is_whole = name[i] == '\0';
	return i == word.size;
}

/*
 * Finds the row or the setting that a word names: wholly, or by a beginning that no other
 * name has.  Returns how many names fit; one of *ret_row and *ret_key is filled.
 */
static unsigned find_long(struct span word, const struct option_row **ret_row,
			  enum key *ret_key)
{
	const struct option_row *row;
	unsigned count = 0;
	bool is_whole;

	*ret_row = NULL;
	for (size_t i = 0; (row = option_row(i)) != NULL; i++) {
		if (row->long_name && begins(row->long_name, word, &is_whole)) {
			*ret_row = row;
			count++;
			if (is_whole) {
				return 1;
			}
		}
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key_row *key = conf_key_row((enum key)i);
		if (!(key->flags & KEY_NO_OPTION) && begins(key->name, word, &is_whole)) {
			*ret_row = NULL;
			*ret_key = (enum key)i;
			count++;
			if (is_whole) {
				return 1;
			}
		}
	}
	return count;
}

/* --name, --name=value, --name value; a name may be cut where it stays the only one. */
static bool parse_long(struct options *o, struct words *words, struct err *e)
{
	const char *name = words->argv[words->at] + 2;
	const char *equals = strchr(name, '=');
	struct long_word w = {
		.name = span_of(name, equals ? (size_t)(equals - name) : strlen(name)),
		.value = equals ? equals + 1 : NULL,
	};
	const struct option_row *row;
	enum key key = KEY_COUNT;
	unsigned count = find_long(w.name, &row, &key);

	if (count != 1) {
		return err_set(e, CAUSE_USAGE, "--%.*s: %s option; see sendmail --help",
			       SPAN_ARG(w.name),
			       count == 0 ? "unknown" : "more than one such");
	}
	return row ? apply_long_row(o, row, &w, words, e)
		   : apply_setting(o, key, &w, words, e);
}

bool options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	struct words w = { argc, argv, 1 };
	bool only_recipients = false;

	*o = (struct options){ .mode = MODE_SEND };
	o->recipients = mem_alloc((size_t)(argc > 0 ? argc : 1), sizeof(*o->recipients));
	for (int i = 1; i < argc; i++) {
		if (text_has_line_break(span_str(argv[i]))) {
			return err_set(e, CAUSE_USAGE,
				       "argument %d has a line break in it: \"%s\"", i,
				       argv[i]);
		}
	}
	for (; w.at < argc; w.at++) {
		char *word = argv[w.at];
		bool ok = true;
		if (only_recipients || word[0] != '-' || word[1] == '\0') {
			o->recipients[o->recipient_count++] = word;
		} else if (strcmp(word, "--") == 0) {
			only_recipients = true;
		} else if (word[1] == '-') {
			ok = parse_long(o, &w, e);
		} else {
			ok = parse_letters(o, &w, e);
		}
		if (!ok) {
			return false;
		}
	}
	/* -bp and mailq stay what they are, as in sendmail 8. */
	if (o->flush.is_asked && o->mode == MODE_SEND) {
		o->mode = MODE_FLUSH;
	}
	return true;
}

/* Mail that somebody means to send must not be forgotten in silence. */
bool options_check(const struct options *o, struct err *e)
{
	static const char *const names[] = {
		[MODE_LIST_QUEUE] = "the list of the queue (-bp, mailq)",
		[MODE_FLUSH] = "a queue run (-q)",
		[MODE_CHECK_ALIASES] = "the check of the aliases (-bi, newaliases)",
	};
	const char *name = (size_t)o->mode < sizeof(names) / sizeof(names[0])
				   ? names[o->mode]
				   : NULL;

	if (name && o->read_recipients) {
		return err_set(e, CAUSE_USAGE,
			       "-t cannot stand beside %s: no message is sent", name);
	}
	if (name && o->recipient_count > 0) {
		return err_set(
			e, CAUSE_USAGE,
			"%s: %s takes no recipients; to send a message leave it out",
			o->recipients[0], name);
	}
	/* In whatever order they stand; MODE_PRETEND and those behind it do nothing. */
	if (o->flush.is_asked && o->mode != MODE_FLUSH && o->mode != MODE_LIST_QUEUE &&
	    o->mode < MODE_PRETEND) {
		return err_set(e, CAUSE_USAGE,
			       "-q cannot stand beside -bs, -bi or -bv: it is a queue run");
	}
	if (o->mode == MODE_SERVE && o->read_recipients) {
		return err_set(e, CAUSE_USAGE,
			       "-t cannot stand beside -bs: recipients come in the SMTP "
			       "dialogue");
	}
	return o->mode != MODE_VERIFY || !o->read_recipients ||
	       err_set(e, CAUSE_USAGE, "-t cannot stand beside -bv: no message is read");
}

bool options_are_of_sendmail(const struct options *o)
{
	return o->mode != MODE_SEND || o->read_recipients || o->ignore_dots || o->read_sender ||
	       o->sender || o->full_name || o->envid || o->delivery ||
	       o->error_mode != ERRORS_PRINT || o->has_ignored;
}

void options_clear(struct options *o)
{
	free(o->settings);
	free(o->recipients);
	*o = (struct options){ 0 };
}
