/* SPDX-License-Identifier: ISC */
/* options_table: see options_table.h; and the list for --help. */
#include "app/options_table.h"
#include "app/options.h"

#include <stdio.h>

static const struct option_row rows[] = {
#define OPTION(effect, letter, long_name, argument, treatment, summary)              \
	{ EFFECT_##effect,	 letter, long_name, ARGUMENT_##argument,             \
	  TREATMENT_##treatment, summary },
#include "app/options.def"
};

static const struct option_value values[] = {
#define VALUE(letter, word, match, argument, treatment, effect, summary)             \
	{ letter, word, MATCH_##match, ARGUMENT_##argument, TREATMENT_##treatment,   \
	  EFFECT_##effect, summary },
#include "app/options.def"
};

enum {
	ROW_COUNT = sizeof(rows) / sizeof(rows[0]),
	VALUE_COUNT = sizeof(values) / sizeof(values[0]),
};

const struct option_row *option_row(size_t index)
{
	return index < ROW_COUNT ? &rows[index] : NULL;
}

const struct option_row *option_row_of(char letter)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].letter == letter) {
			return &rows[i];
		}
	}
	return NULL;
}

const struct option_value *option_value_of(char letter, const char *text)
{
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		const struct option_value *v = &values[i];
		size_t size = strlen(v->word);
		if (v->letter == letter && strncmp(text, v->word, size) == 0 &&
		    (v->match == MATCH_BEGINS || text[size] == '\0')) {
			return v;
		}
	}
	return NULL;
}

static const char *remark(enum option_treatment treatment)
{
	return treatment == TREATMENT_IGNORED ? " (ignored)" : "";
}

static void print_row(const struct option_row *row)
{
	static const char *const argument_text[] = { "", " ARG", "[ARG]" };
	char name[64];

	if (row->letter) {
		snprintf(name, sizeof(name), "-%c%s%s%s", row->letter,
			 argument_text[row->argument], row->long_name ? ", --" : "",
			 row->long_name ? row->long_name : "");
	} else {
		snprintf(name, sizeof(name), "--%s%s", row->long_name,
			 argument_text[row->argument]);
	}
	printf("  %-28s %s%s\n", name, row->summary, remark(row->treatment));
}

static void print_values(char letter)
{
	for (size_t i = 0; i < VALUE_COUNT; i++) {
		const struct option_value *v = &values[i];
		char name[64];
		if (v->letter != letter || v->treatment == TREATMENT_REFUSED ||
		    letter == 'd') {
			continue;
		}
		snprintf(name, sizeof(name), "-%c%s%s%s", letter, v->word,
			 v->match == MATCH_BEGINS ? "ARG" : "",
			 v->match == MATCH_WHOLE && v->argument != ARGUMENT_NONE ? " ARG"
										 : "");
		printf("    %-26s %s%s\n", name, v->summary, remark(v->treatment));
	}
}

void options_help(void)
{
	puts("usage: sendmail [OPTION…] [RECIPIENT…] <MESSAGE\n");
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (rows[i].treatment != TREATMENT_REFUSED) {
			print_row(&rows[i]);
			print_values(rows[i].letter);
		}
	}
	puts("\nEvery setting of relayrc is also an option: --tls-trust-file=FILE.\n"
	     "See sendmail(8), relayrc(5) and relay(1).");
}
