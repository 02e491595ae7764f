/* SPDX-License-Identifier: ISC */
/*
 * options: reads argv by the rows of options.def and conf/keys.def.
 *
 * Single letters may be clustered ("-ti"); an argument may be attached or be the next
 * word; "--" ends the options; options may follow recipients, as sendmail's callers write.
 */
#include "app/options.h"
#include "app/options_value.h"
#include "base/mem.h"
#include "base/text.h"

enum option_id {
#define OPTION(id, ...) OPTION_##id,
#include "app/options.def"
#undef OPTION
};

enum argument { ARGUMENT_NONE, ARGUMENT_NEEDED, ARGUMENT_ATTACHED };
enum treatment { TREATMENT_HONOURED, TREATMENT_IGNORED, TREATMENT_REFUSED };

struct row {
	enum option_id id;
	char letter;
	const char *long_name;
	enum argument argument;
	enum treatment treatment;
	const char *summary;
};

static const struct row rows[] = {
#define OPTION(id, letter, long_name, argument, treatment, summary) \
	{ OPTION_##id, letter, long_name, ARGUMENT_##argument, TREATMENT_##treatment, summary },
#include "app/options.def"
#undef OPTION
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static bool apply(struct options *o, const struct row *row, const char *value, struct err *e)
{
	if (row->treatment == TREATMENT_REFUSED) {
		return err_set(e, CAUSE_USAGE, "%s%s: %s", row->long_name ? "--" : "-",
			       row->long_name ? row->long_name : (char[]){ row->letter, '\0' },
			       row->summary);
	}
	switch (row->id) {
	case OPTION_READ_RECIPIENTS:
		o->read_recipients = true;
		return true;
	case OPTION_IGNORE_DOTS:
		o->ignore_dots = true;
		return true;
	case OPTION_OPTION_X:
		return option_letter(o, value, e);
	case OPTION_LONG_O:
		return option_named(o, value, e);
	case OPTION_ERRORS:
		option_errors(o, value);
		return true;
	case OPTION_FROM:
	case OPTION_FROM_OLD:
		o->sender = value;
		return true;
	case OPTION_FULL_NAME:
		o->full_name = value;
		return true;
	case OPTION_ACCOUNT:
		o->account = value;
		return true;
	case OPTION_FILE:
		o->file = value;
		return true;
	case OPTION_ENVID:
		o->envid = value;
		return true;
	case OPTION_NOTIFY:
		option_add_setting(o, KEY_DSN_NOTIFY, value);
		return true;
	case OPTION_RETURN:
		option_add_setting(o, KEY_DSN_RETURN, value);
		return true;
	case OPTION_LOGFILE:
		option_add_setting(o, KEY_LOGFILE, value);
		return true;
	case OPTION_READ_SENDER:
		o->read_sender = true;
		return true;
	case OPTION_VERBOSE:
	case OPTION_DEBUG:
		o->verbose = true;
		return true;
	case OPTION_MODE:
		return option_mode(o, value, e);
	case OPTION_QUEUE:
		return option_flush(o, value, e);
	case OPTION_JSON:
		o->json = true;
		return true;
	case OPTION_PRETEND:
		o->mode = MODE_PRETEND;
		return true;
	case OPTION_HELP:
		o->mode = MODE_HELP;
		return true;
	case OPTION_VERSION:
		o->mode = MODE_VERSION;
		return true;
	case OPTION_BODY_TYPE:
	case OPTION_SUBMISSION:
	case OPTION_DEBUG_LEVEL:
	case OPTION_GATEWAY:
	case OPTION_HOPS:
	case OPTION_LABEL:
	case OPTION_ME_TOO:
	case OPTION_NO_ALIAS:
	case OPTION_PROTOCOL_NAME:
	case OPTION_SUBMIT:
	case OPTION_SERVER_INFO:
	case OPTION_CONFIGURE:
	case OPTION_RMQS:
		return true;
	}
	return true;
}

static const struct row *find_letter(char letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].letter == letter) {
			return &rows[i];
		}
	}
	return NULL;
}

/* One word of single-letter options; *index moves on when it takes the next word. */
static bool parse_letters(struct options *o, int argc, char **argv, int *index, struct err *e)
{
	const char *word = argv[*index];

	for (const char *p = word + 1; *p; p++) {
		const struct row *row = find_letter(*p);
		if (!row) {
			return err_set(e, CAUSE_USAGE, "-%c: unknown option%s%s; see sendmail --help",
				       *p, word[2] ? " in " : "", word[2] ? word : "");
		}
		if (row->argument == ARGUMENT_NONE) {
			if (!apply(o, row, NULL, e)) {
				return false;
			}
			continue;
		}
		const char *value = p[1] ? p + 1 : NULL;
		bool is_flush_word = row->id == OPTION_QUEUE && option_flush_wants_word(value);
		bool takes_next = is_flush_word || (!value && row->argument == ARGUMENT_NEEDED);
		if (takes_next && *index + 1 >= argc) {
			return err_set(e, CAUSE_USAGE, "-%s needs an argument", p);
		}
		const char *next = takes_next ? argv[++*index] : NULL;
		return is_flush_word ? option_flush_word(o, value[0], next, e)
				     : apply(o, row, next ? next : value, e);
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
static bool take_value(struct long_word *w, int argc, char **argv, int *index, struct err *e)
{
	if (!w->value && *index + 1 >= argc) {
		return err_set(e, CAUSE_USAGE, "--%.*s needs an argument", SPAN_ARG(w->name));
	}
	if (!w->value) {
		w->value = argv[++*index];
	}
	return true;
}

static bool apply_long_row(struct options *o, const struct row *row, struct long_word *w,
			   int argc, char **argv, int *index, struct err *e)
{
	if (row->argument == ARGUMENT_NONE && w->value) {
		return err_set(e, CAUSE_USAGE, "--%s takes no argument", row->long_name);
	}
	if (row->argument == ARGUMENT_NEEDED && !take_value(w, argc, argv, index, e)) {
		return false;
	}
	return apply(o, row, w->value, e);
}

static bool apply_setting(struct options *o, enum key key, struct long_word *w, int argc,
			  char **argv, int *index, struct err *e)
{
	if (!is_value_optional(key) && !take_value(w, argc, argv, index, e)) {
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

	while (i < word.size && name[i] && word.data[i] == (name[i] == '_' ? '-' : name[i])) {
		i++;
	}
	*ret_is_whole = name[i] == '\0';
	return i == word.size;
}

/*
 * Finds the row or the setting that a word names: wholly, or by a beginning that no other
 * name has.  Returns how many names fit; one of *ret_row and *ret_key is filled.
 */
static unsigned find_long(struct span word, const struct row **ret_row, enum key *ret_key)
{
	unsigned count = 0;
	bool is_whole;

	*ret_row = NULL;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].long_name && begins(rows[i].long_name, word, &is_whole)) {
			*ret_row = &rows[i];
			count++;
			if (is_whole) {
				return 1;
			}
		}
	}
	for (size_t i = 0; i < KEY_COUNT; i++) {
		const struct key_row *row = conf_key_row((enum key)i);
		if (!(row->flags & KEY_NO_OPTION) && begins(row->name, word, &is_whole)) {
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
static bool parse_long(struct options *o, int argc, char **argv, int *index, struct err *e)
{
	const char *name = argv[*index] + 2;
	const char *equals = strchr(name, '=');
	struct long_word w = {
		.name = span_of(name, equals ? (size_t)(equals - name) : strlen(name)),
		.value = equals ? equals + 1 : NULL,
	};
	const struct row *row;
	enum key key = KEY_COUNT;
	unsigned count = find_long(w.name, &row, &key);

	if (count != 1) {
		return err_set(e, CAUSE_USAGE, "--%.*s: %s option; see sendmail --help",
			       SPAN_ARG(w.name), count == 0 ? "unknown" : "more than one such");
	}
	return row ? apply_long_row(o, row, &w, argc, argv, index, e)
		   : apply_setting(o, key, &w, argc, argv, index, e);
}

bool options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	bool only_recipients = false;

	*o = (struct options){ .mode = MODE_SEND };
	o->recipients = mem_alloc((size_t)(argc > 0 ? argc : 1), sizeof(*o->recipients));
	for (int i = 1; i < argc; i++) {
		if (text_has_line_break(span_str(argv[i]))) {
			return err_set(e, CAUSE_USAGE, "argument %d has a line break in it: \"%s\"",
				       i, argv[i]);
		}
	}
	for (int i = 1; i < argc; i++) {
		bool ok = true;
		if (only_recipients || argv[i][0] != '-' || argv[i][1] == '\0') {
			o->recipients[o->recipient_count++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			only_recipients = true;
		} else if (argv[i][1] == '-') {
			ok = parse_long(o, argc, argv, &i, e);
		} else {
			ok = parse_letters(o, argc, argv, &i, e);
		}
		if (!ok) {
			return false;
		}
	}
	return true;
}

void options_clear(struct options *o)
{
	free(o->settings);
	free(o->recipients);
	*o = (struct options){ 0 };
}

void options_help(void)
{
	static const char *const argument_text[] = { "", " ARG", "[ARG]" };

	puts("usage: sendmail [OPTION…] [RECIPIENT…] <MESSAGE\n");
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char name[64];
		const struct row *row = &rows[i];
		if (row->letter) {
			snprintf(name, sizeof(name), "-%c%s%s%s", row->letter,
				 argument_text[row->argument], row->long_name ? ", --" : "",
				 row->long_name ? row->long_name : "");
		} else {
			snprintf(name, sizeof(name), "--%s%s", row->long_name,
				 argument_text[row->argument]);
		}
		if (row->treatment != TREATMENT_REFUSED) {
			printf("  %-28s %s%s\n", name, row->summary,
			       row->treatment == TREATMENT_IGNORED ? " (ignored)" : "");
		}
	}
	puts("\nEvery setting of relayrc is also an option: --tls-trust-file=FILE.\n"
	     "See sendmail(8), relayrc(5) and relay(1).");
}
