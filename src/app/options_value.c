/* SPDX-License-Identifier: ISC */
/* options_value: see options_value.h.  Must never look at other words of the call. */
#include "app/options_value.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/duration.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

void option_add_setting(struct options *o, enum key key, const char *value)
{
	o->settings = mem_resize(o->settings, o->setting_count + 1, sizeof(*o->settings));
	o->settings[o->setting_count++] = (struct option_setting){ key, value };
}

bool option_mode(struct options *o, const char *value, struct err *e)
{
	static const char no_server[] = "relay is not a mail server and never listens; to "
					"flush the queue again and again use -q15m";
	static const struct {
		char letter;
		enum mode mode;
		const char *refusal; /* NULL = done */
	} modes[] = {
		{ 'm', MODE_SEND, NULL },
		{ 'p', MODE_LIST_QUEUE, NULL },
		{ 'i', MODE_CHECK_ALIASES, NULL },
		{ 'v', MODE_VERIFY, NULL },
		{ 's', MODE_SERVE, NULL },
		{ 'd', MODE_SEND, no_server },
		{ 'D', MODE_SEND, no_server },
		{ 't', MODE_SEND,
		  "there is no address test mode; to see what would be done use -bv" },
	};

	for (size_t i = 0; i < COUNT(modes); i++) {
		if (value && value[0] == modes[i].letter && value[1] == '\0') {
			o->mode = modes[i].mode;
			return !modes[i].refusal ||
			       err_set(e, CAUSE_USAGE, "-b%s: %s", value,
				       modes[i].refusal);
		}
	}
	return err_set(e, CAUSE_USAGE, "-b%s: unknown mode; see sendmail --help",
		       value ? value : "");
}

/* As in sendmail 8, the first letter decides, and nothing is the default. */
static bool set_delivery_mode(struct options *o, struct span value, struct err *e)
{
	static const struct {
		char letter;
		const char *word;
	} rows[] = {
		{ 'i', "interactive" },
		{ 'b', "background" },
		{ 'q', "queue" },
		{ 'd', "queue" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		char letter = value.size > 0 ? text_lower(value.data[0]) : 'i';
		if (letter == rows[i].letter) {
			option_add_setting(o, KEY_DELIVERY_MODE, rows[i].word);
			return true;
		}
	}
	return err_set(e, CAUSE_USAGE,
		       "-od%.*s: unknown delivery mode; write -odi (send at once), -odb (in "
		       "the background) or -odq (queue only)",
		       SPAN_ARG(value));
}

static void set_error_mode(struct options *o, struct span value)
{
	static const struct {
		char letter;
		enum error_mode mode;
	} rows[] = {
		{ 'p', ERRORS_PRINT }, { 'w', ERRORS_PRINT }, { 'm', ERRORS_MAIL },
		{ 'e', ERRORS_MAIL },  { 'q', ERRORS_QUIET },
	};

	for (size_t i = 0; i < COUNT(rows) && value.size > 0; i++) {
		if (text_lower(value.data[0]) == rows[i].letter) {
			o->error_mode = rows[i].mode;
		}
	}
}

bool option_letter(struct options *o, const char *value, struct err *e)
{
	if (strcmp(value, "i") == 0) {
		o->ignore_dots = true;
	} else if (value[0] == 'd') {
		return set_delivery_mode(o, span_str(value + 1), e);
	} else if (value[0] == 'e') {
		set_error_mode(o, span_str(value + 1));
	}
	return true;
}

/* sendmail's truth: nothing, or a word with t, y or 1 in front. */
static bool is_true(struct span value)
{
	return value.size == 0 || strchr("ty1", text_lower(value.data[0]));
}

bool option_named(struct options *o, const char *value, struct err *e)
{
	size_t size = strcspn(value, "=");
	struct span name = span_trim(span_of(value, size));
	struct span rest = span_trim(span_str(value[size] ? value + size + 1 : ""));

	if (text_equal_fold(name, span_str("DeliveryMode"))) {
		return set_delivery_mode(o, rest, e);
	}
	if (text_equal_fold(name, span_str("ErrorMode"))) {
		set_error_mode(o, rest);
	} else if (text_equal_fold(name, span_str("IgnoreDots")) && is_true(rest)) {
		o->ignore_dots = true;
	}
	return true;
}

void option_errors(struct options *o, const char *value)
{
	set_error_mode(o, span_str(value));
}

/* Where the word of -qI, -qR and -qS goes; NULL: no such letter. */
static const char **flush_word(struct flush_options *f, char letter)
{
	switch (letter) {
	case 'I':
		return &f->id;
	case 'R':
		return &f->recipient;
	case 'S':
		return &f->sender;
	default:
		return NULL;
	}
}

bool option_flush_wants_word(const char *value)
{
	struct flush_options unused;

	return value && flush_word(&unused, value[0]) && value[1] == '\0';
}

bool option_flush_word(struct options *o, char letter, const char *word, struct err *e)
{
	const char **place = flush_word(&o->flush, letter);

	o->mode = MODE_FLUSH;
	if (word[0] == '\0') {
		return err_set(e, CAUSE_USAGE, "-q%c needs an argument", letter);
	}
	/* The other one would stay behind in silence. */
	if (*place) {
		return err_set(e, CAUSE_USAGE, "-q%c: only one of them%s", letter,
			       letter == 'I' ? "; more: relay queue flush ID ID" : "");
	}
	*place = word;
	return true;
}

static bool refuse_flush(const char *value, struct err *e)
{
	static const struct {
		char letter;
		const char *refusal;
	} rows[] = {
		{ 'p', "not supported; to flush the queue again and again use -q15m" },
		{ 'G', "not supported: there are no queue groups; use -q" },
		{ '!', "not supported; to choose messages use -qI, -qR or -qS" },
		{ 'Q', "not supported: there is no quarantine; use relay queue hold and "
		       "relay queue release" },
		{ 'L', "not supported: no message gets lost; to see all of them use mailq" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (value[0] == rows[i].letter) {
			return err_set(e, CAUSE_USAGE, "-q%s: %s", value, rows[i].refusal);
		}
	}
	return err_set(e, CAUSE_USAGE,
		       "-q%s: unknown; write -q, -qf, -qI ID, -qR TEXT, -qS TEXT, or a time "
		       "such as -q15m",
		       value);
}

bool option_flush(struct options *o, const char *value, struct err *e)
{
	long seconds = 0;

	o->mode = MODE_FLUSH;
	if (!value) {
		return true;
	}
	if (strcmp(value, "f") == 0) {
		o->flush.now = true;
		return true;
	}
	if (flush_word(&o->flush, value[0])) {
		return option_flush_word(o, value[0], value + 1, e);
	}
	switch (duration_parse_sum(span_str(value), 'm', CONF_TIME_MAX, &seconds)) {
	case DURATION_GOOD:
		o->flush.repeat_s = (unsigned)seconds;
		return true;
	case DURATION_TOO_LONG:
		return err_set(e, CAUSE_USAGE, "-q%s: must be at most %ldd", value,
			       CONF_TIME_MAX / 86400);
	case DURATION_MALFORMED:
		break;
	}
	return refuse_flush(value, e);
}
