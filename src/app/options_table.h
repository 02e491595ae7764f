/* SPDX-License-Identifier: ISC */
/* options_table: the rows of options.def.  For options*.c alone. */
#ifndef APP_OPTIONS_TABLE_H
#define APP_OPTIONS_TABLE_H

#include "base/span.h"

enum option_argument {
	ARGUMENT_NONE,
	ARGUMENT_NEEDED,
	ARGUMENT_ATTACHED,
	ARGUMENT_NEXT,
	ARGUMENT_NEXT_NUMBER,
};
enum option_treatment { TREATMENT_HONOURED, TREATMENT_IGNORED, TREATMENT_REFUSED };
enum option_match { MATCH_WHOLE, MATCH_BEGINS };

/* What an option does; options_value.c does it. */
enum option_effect {
	EFFECT_NONE,
	EFFECT_READ_RECIPIENTS,
	EFFECT_IGNORE_DOTS,
	EFFECT_FROM,
	EFFECT_FULL_NAME,
	EFFECT_ACCOUNT,
	EFFECT_FILE,
	EFFECT_NOTIFY,
	EFFECT_RETURN,
	EFFECT_ENVID,
	EFFECT_VERBOSE,
	EFFECT_ERRORS,
	EFFECT_LOGFILE,
	EFFECT_ALIASES,
	EFFECT_DELIVERY_MODE,
	EFFECT_NAMED,
	EFFECT_READ_SENDER,
	EFFECT_JSON,
	/* Modes. */
	EFFECT_SEND,
	EFFECT_LIST_QUEUE,
	EFFECT_CHECK_ALIASES,
	EFFECT_SERVE,
	EFFECT_VERIFY,
	EFFECT_PRETEND,
	EFFECT_HELP,
	EFFECT_VERSION,
	EFFECT_NO_SUCH_MODE,
	EFFECT_FLUSH_DUE,
	EFFECT_FLUSH_NOW,
	EFFECT_FLUSH_WORD,
	EFFECT_FLUSH_TIME,
};

struct option_row {
	enum option_effect effect;
	char letter;		/* 0: only a long option */
	const char *long_name;	/* NULL: only a letter */
	enum option_argument argument;
	enum option_treatment treatment;
	const char *summary;
};

/* A word that stands behind a letter. */
struct option_value {
	char letter;
	const char *word;
	enum option_match match;
	enum option_argument argument;
	enum option_treatment treatment;
	enum option_effect effect;
	const char *summary;
};

/* NULL beyond the last row. */
const struct option_row *option_row(size_t index);
const struct option_row *option_row_of(char letter);
/* The first row that fits what is behind the letter, or NULL. */
const struct option_value *option_value_of(char letter, const char *text);

#endif
