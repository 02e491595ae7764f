/* SPDX-License-Identifier: ISC */
/* options_value: see options_value.h.  Must never look at other words of the call. */
#include "app/options_value.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/duration.h"
#include "smtp/verb.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

void option_add_setting(struct options *o, enum key key, const char *value)
{
	o->settings = mem_resize(o->settings, o->setting_count + 1, sizeof(*o->settings));
	o->settings[o->setting_count++] = (struct option_setting){ key, value };
}

/* As in sendmail 8, the first letter decides, and nothing is the default. */
static bool set_delivery_mode(struct options *o, struct span value, struct err *e)
{
	static const struct {
		char letter;
		const char *word;
	} rows[] = {
		{ 'i', "interactive" },
		{ 'f', "interactive" },
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
	return err_set(
		e, CAUSE_USAGE,
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
		{ 'p', ERRORS_PRINT },	   { 'w', ERRORS_PRINT }, { 'm', ERRORS_MAIL },
		{ 'e', ERRORS_MAIL_ZERO }, { 'q', ERRORS_QUIET },
	};

	for (size_t i = 0; i < COUNT(rows) && value.size > 0; i++) {
		if (text_lower(value.data[0]) == rows[i].letter) {
			o->error_mode = rows[i].mode;
		}
	}
}

/* sendmail's truth: nothing, or a word with t, y or 1 in front. */
static bool is_true(struct span value)
{
	return value.size == 0 || strchr("ty1", text_lower(value.data[0]));
}

/* A type may stand before the path, as for Postfix: "hash:/etc/aliases". */
static void set_aliases(struct options *o, const char *value)
{
	const char *colon = strchr(value, ':'), *slash = strchr(value, '/');

	option_add_setting(o, KEY_ALIASES,
			   colon && slash && colon < slash ? colon + 1 : value);
}

/* -O: "DeliveryMode=q"; what is not known is ignored. */
static bool set_named(struct options *o, const char *value, struct err *e)
{
	size_t size = strcspn(value, "=");
	struct span name = span_trim(span_of(value, size));
	struct span rest = span_trim(span_str(value[size] ? value + size + 1 : ""));

	if (text_equal_fold(name, span_str("DeliveryMode"))) {
		return set_delivery_mode(o, rest, e);
	}
	if (text_equal_fold(name, span_str("ErrorMode"))) {
		set_error_mode(o, rest);
	} else if (text_equal_fold(name, span_str("AliasFile")) && rest.size > 0) {
		set_aliases(o, rest.data);
	} else if (text_equal_fold(name, span_str("Verbose")) && is_true(rest)) {
		o->verbose = true;
	} else if (text_equal_fold(name, span_str("IgnoreDots")) && is_true(rest)) {
		o->ignore_dots = true;
	}
	return true;
}

/* -qI, -qR and -qS. */
static bool set_flush_word(struct options *o, char letter, const char *word,
			   struct err *e)
{
	const char **place = letter == 'I'   ? &o->flush.id
			     : letter == 'R' ? &o->flush.recipient
					     : &o->flush.sender;

	if (!word || word[0] == '\0') {
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

static bool set_flush_time(struct options *o, const char *value, struct err *e)
{
	long seconds = 0;

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
	return err_set(
		e, CAUSE_USAGE,
		"-q%s: unknown; write -q, -qf, -qI ID, -qR TEXT, -qS TEXT, or a time "
		"such as -q15m",
		value);
}

/* -- what each effect is ------------------------------------------------------- */

/* use->value is never NULL here. */
typedef bool apply_function(struct options *o, const struct option_use *use,
			    struct err *e);

static bool ignore_dots(struct options *o, const struct option_use *use, struct err *e)
{
	(void)e;
	o->ignore_dots = o->ignore_dots || is_true(span_str(use->value));
	return true;
}

static bool be_verbose(struct options *o, const struct option_use *use, struct err *e)
{
	(void)e;
	o->verbose = o->verbose || is_true(span_str(use->value));
	return true;
}

static bool apply_errors(struct options *o, const struct option_use *use, struct err *e)
{
	(void)e;
	set_error_mode(o, span_str(use->value));
	return true;
}

/* Nothing is no identifier. */
static bool set_envid(struct options *o, const struct option_use *use, struct err *e)
{
	const char *fault = verb_envid_fault(span_str(use->value));

	o->envid = use->value[0] ? use->value : NULL;
	return !fault || err_set(e, CAUSE_USAGE, "-V: %s", fault);
}

static bool apply_aliases(struct options *o, const struct option_use *use, struct err *e)
{
	(void)e;
	set_aliases(o, use->value);
	return true;
}

static bool apply_delivery_mode(struct options *o, const struct option_use *use,
				struct err *e)
{
	if (!set_delivery_mode(o, span_str(use->value), e)) {
		return false;
	}
	o->delivery = o->settings[o->setting_count - 1].value;
	return true;
}

static bool apply_named(struct options *o, const struct option_use *use, struct err *e)
{
	return set_named(o, use->value, e);
}

static bool refuse_mode(struct options *o, const struct option_use *use, struct err *e)
{
	(void)o;
	return err_set(e, CAUSE_USAGE, "-b%s: unknown mode; see sendmail --help",
		       use->value);
}

static bool flush_due(struct options *o, const struct option_use *use, struct err *e)
{
	(void)use;
	(void)e;
	o->flush.is_asked = true;
	return true;
}

static bool flush_now(struct options *o, const struct option_use *use, struct err *e)
{
	(void)use;
	(void)e;
	o->flush.is_asked = o->flush.now = true;
	return true;
}

static bool flush_word(struct options *o, const struct option_use *use, struct err *e)
{
	o->flush.is_asked = true;
	return set_flush_word(o, use->word[0], use->value, e);
}

static bool flush_time(struct options *o, const struct option_use *use, struct err *e)
{
	o->flush.is_asked = true;
	return use->value[0] == '\0' || set_flush_time(o, use->value, e);
}

#define FLAG(member)                                                                     \
	{                                                                                \
		.kind = RULE_FLAG, .offset = offsetof(struct options, member)            \
	}
#define STRING(member)                                                                   \
	{                                                                                \
		.kind = RULE_STRING, .offset = offsetof(struct options, member)          \
	}
#define SETTING(key_)	   { .kind = RULE_SETTING, .key = (key_) }
#define MODE(mode_)	   { .kind = RULE_MODE, .mode = (mode_) }
#define FUNCTION(function_) { .kind = RULE_FUNCTION, .function = (function_) }

static const struct rule {
	enum {
		RULE_NOTHING,
		RULE_FLAG,
		RULE_STRING,
		RULE_SETTING,
		RULE_MODE,
		RULE_FUNCTION
	} kind;
	size_t offset;
	enum key key;
	enum mode mode;
	apply_function *function;
} rules[] = {
	[EFFECT_NONE] = { .kind = RULE_NOTHING },
	[EFFECT_READ_RECIPIENTS] = FLAG(read_recipients),
	[EFFECT_READ_SENDER] = FLAG(read_sender),
	[EFFECT_JSON] = FLAG(json),
	[EFFECT_FROM] = STRING(sender),
	[EFFECT_FULL_NAME] = STRING(full_name),
	[EFFECT_ACCOUNT] = STRING(account),
	[EFFECT_FILE] = STRING(file),
	[EFFECT_ENVID] = FUNCTION(set_envid),
	[EFFECT_NOTIFY] = SETTING(KEY_DSN_NOTIFY),
	[EFFECT_RETURN] = SETTING(KEY_DSN_RETURN),
	[EFFECT_LOGFILE] = SETTING(KEY_LOGFILE),
	[EFFECT_SEND] = MODE(MODE_SEND),
	[EFFECT_LIST_QUEUE] = MODE(MODE_LIST_QUEUE),
	[EFFECT_CHECK_ALIASES] = MODE(MODE_CHECK_ALIASES),
	[EFFECT_SERVE] = MODE(MODE_SERVE),
	[EFFECT_VERIFY] = MODE(MODE_VERIFY),
	[EFFECT_PRETEND] = MODE(MODE_PRETEND),
	[EFFECT_HELP] = MODE(MODE_HELP),
	[EFFECT_VERSION] = MODE(MODE_VERSION),
	[EFFECT_NO_SUCH_MODE] = FUNCTION(refuse_mode),
	[EFFECT_IGNORE_DOTS] = FUNCTION(ignore_dots),
	[EFFECT_VERBOSE] = FUNCTION(be_verbose),
	[EFFECT_ERRORS] = FUNCTION(apply_errors),
	[EFFECT_ALIASES] = FUNCTION(apply_aliases),
	[EFFECT_DELIVERY_MODE] = FUNCTION(apply_delivery_mode),
	[EFFECT_NAMED] = FUNCTION(apply_named),
	[EFFECT_FLUSH_DUE] = FUNCTION(flush_due),
	[EFFECT_FLUSH_NOW] = FUNCTION(flush_now),
	[EFFECT_FLUSH_WORD] = FUNCTION(flush_word),
	[EFFECT_FLUSH_TIME] = FUNCTION(flush_time),
};

bool option_apply(struct options *o, enum option_effect effect,
		  const struct option_use *use, struct err *e)
{
	const struct rule *rule = &rules[effect];
	const struct option_use full = { use->letter, use->word,
					 use->value ? use->value : "" };

	switch (rule->kind) {
	case RULE_NOTHING:
		o->has_ignored = true;
		return true;
	case RULE_FLAG:
		*(bool *)((char *)o + rule->offset) = true;
		return true;
	case RULE_STRING:
		*(const char **)((char *)o + rule->offset) = full.value;
		return true;
	case RULE_SETTING:
		option_add_setting(o, rule->key, full.value);
		return true;
	case RULE_MODE:
		/* Last wins; but who says once that nothing shall be sent means it. */
		if (o->mode < MODE_PRETEND || rule->mode > o->mode) {
			o->mode = rule->mode;
		}
		return true;
	case RULE_FUNCTION:
		return rule->function(o, &full, e);
	}
	return true;
}
