/* SPDX-License-Identifier: ISC */
/*
 * value: see value.h.  One function per type; a type knows no setting.  Must never
 * quote a value in an error: it may be a secret on the wrong line.
 */
#include "conf/value.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/address.h"
#include "conf/duration.h"
#include "conf/keys.h"
#include "conf/lex.h"
#include "conf/lists.h"
#include "conf/substitute.h"
#include "conf/syntax.h"
#include "conf/words.h"

#include <limits.h>

/* Longest value after substitution. */
enum { VALUE_MAX = LEX_LINE_MAX };

struct input {
	const struct key_row *row;
	struct span text; /* not empty, no control bytes */
	const struct conf_env *env;
};

static void keep(struct conf_value *v, struct span text)
{
	v->text = mem_copy(text.data, text.size);
}

/* UTF-8 without the controls U+0080 … U+009F, which some terminals obey. */
static bool check_utf8(struct span s, struct err *e)
{
	for (size_t i = 0; i + 1 < s.size; i++) {
		if (s.data[i] == '\xc2' && (unsigned char)s.data[i + 1] < 0xa0) {
			return err_set(e, CAUSE_CONFIG,
				       "a control character in the value");
		}
	}
	return text_is_utf8(s) || err_set(e, CAUSE_CONFIG, "not UTF-8");
}

static bool parse_string(const struct input *in, struct conf_value *v, struct err *e)
{
	(void)e;
	keep(v, in->text);
	return true;
}

static bool parse_path(const struct input *in, struct conf_value *v, struct err *e)
{
	struct span s = in->text;

	if (s.data[0] != '~') {
		if (in->row->flags & KEY_ABSOLUTE && s.data[0] != '/') {
			return err_set(e, CAUSE_CONFIG, "must begin with / or ~/");
		}
		keep(v, s);
		return true;
	}
	if (s.size > 1 && s.data[1] != '/') {
		return err_set(e, CAUSE_CONFIG, "only ~/ is understood, not ~name");
	}
	if (!in->env->home) {
		return err_set(e, CAUSE_CONFIG, "the home directory (~) is not known");
	}
	struct buf path;
	buf_init(&path, VALUE_MAX);
	if (!buf_add_str(&path, in->env->home) || !buf_add_span(&path, span_from(s, 1))) {
		buf_clear(&path);
		return err_set(e, CAUSE_CONFIG, "too long");
	}
	v->text = buf_take(&path);
	return true;
}

static bool parse_bool(const struct input *in, struct conf_value *v, struct err *e)
{
	struct span word;
	long n = words_find("off on", in->text, &word);

	if (n < 0) {
		return err_set(e, CAUSE_CONFIG, "must be on or off");
	}
	keep(v, word);
	v->number = n;
	return true;
}

static bool parse_number(const struct input *in, struct conf_value *v, struct err *e)
{
	bool can_be_off = in->row->flags & KEY_CAN_BE_OFF;
	unsigned long long number = 0;

	if (!(can_be_off && text_equal_fold(in->text, span_str("off"))) &&
	    (!text_unsigned(in->text, (unsigned long long)in->row->max, &number) ||
	     number < (unsigned long long)in->row->min)) {
		if (in->row->max == LONG_MAX) {
			return err_set(e, CAUSE_CONFIG, "must be a number, at least %ld",
				       in->row->min);
		}
		return err_set(e, CAUSE_CONFIG, "must be %sa number from %ld to %ld",
			       can_be_off ? "off, or " : "", in->row->min, in->row->max);
	}
	keep(v, in->text);
	v->number = (long)number;
	return true;
}

static bool parse_time(const struct input *in, struct conf_value *v, struct err *e)
{
	const struct key_row *row = in->row;
	bool can_be_off = row->flags & KEY_CAN_BE_OFF;

	if (!can_be_off || !text_equal_fold(in->text, span_str("off"))) {
		enum duration result =
			duration_parse(in->text, row->words[0], row->max, &v->number);
		if (result == DURATION_MALFORMED) {
			return err_set(e, CAUSE_CONFIG,
				       "not a time: write %sa number and s, m, h, d or w, "
				       "such as 5d",
				       can_be_off ? "off, or " : "");
		}
		if (result == DURATION_TOO_LONG) {
			return err_set(e, CAUSE_CONFIG, "must be at most %ldd",
				       row->max / 86400);
		}
		if (v->number < row->min) {
			return err_set(e, CAUSE_CONFIG, "must be at least %lds",
				       row->min);
		}
	}
	keep(v, in->text);
	return true;
}

static bool parse_enum(const struct input *in, struct conf_value *v, struct err *e)
{
	struct span word;
	long n = words_find(in->row->words, in->text, &word);

	if (n < 0) {
		return words_fail(e, "must be one of", in->row->words);
	}
	keep(v, word);
	v->number = n;
	return true;
}

static bool parse_mechanisms(const struct input *in, struct conf_value *v, struct err *e)
{
	struct span rest = in->text, word;
	struct buf list;

	if (words_find("off on", in->text, &word) >= 0) {
		return parse_bool(in, v, e);
	}
	buf_init(&list, VALUE_MAX);
	for (struct span w = words_next(&rest, " \t,"); w.size > 0;
	     w = words_next(&rest, " \t,")) {
		if (words_find(in->row->words, w, &word) < 0 ||
		    (list.size > 0 && !buf_add_byte(&list, ' ')) ||
		    !buf_add_span(&list, word)) {
			buf_clear(&list);
			return words_fail(e, "must be on, off, or some of",
					  in->row->words);
		}
	}
	v->number = 1;
	v->text = buf_take(&list);
	return true;
}

static bool parse_notify(const struct input *in, struct conf_value *v, struct err *e)
{
	static const long bits[] = { CONF_NOTIFY_SUCCESS, CONF_NOTIFY_FAILURE,
				     CONF_NOTIFY_DELAY };
	struct span rest = in->text, word;
	long number = 0;

	if (text_equal_fold(in->text, span_str("never"))) {
		number = CONF_NOTIFY_NEVER;
	} else if (!text_equal_fold(in->text, span_str("off"))) {
		for (struct span w = words_next(&rest, " \t,"); w.size > 0;
		     w = words_next(&rest, " \t,")) {
			long n = words_find("success failure delay", w, &word);
			if (n < 0) {
				return err_set(e, CAUSE_CONFIG,
					       "must be off, never, or some of: "
					       "failure, delay, success");
			}
			number |= bits[n];
		}
	}
	keep(v, in->text);
	v->number = number;
	return true;
}

static bool check_domain(char **text, struct err *e)
{
	return syntax_domain(*text, e);
}

static bool parse_substituted(const struct input *in, struct conf_value *v,
			      bool (*check)(char **text, struct err *e), struct err *e)
{
	struct buf text BUF_AUTO;
	bool open;

	buf_init(&text, VALUE_MAX);
	if (!substitute(in->text, in->env, &text, &open, e)) {
		return false;
	}
	if (!check_utf8(buf_span(&text), e)) {
		return false;
	}
	v->text = buf_take(&text);
	if (!open && !check(&v->text, e)) {
		e->cause = CAUSE_CONFIG;
		return false;
	}
	return true;
}

static bool parse_domain(const struct input *in, struct conf_value *v, struct err *e)
{
	return parse_substituted(in, v, check_domain, e);
}

static bool parse_address(const struct input *in, struct conf_value *v, struct err *e)
{
	keep(v, in->text);
	return address_check_full(&v->text, e);
}

static bool parse_patterns(const struct input *in, struct conf_value *v, struct err *e)
{
	return parse_substituted(in, v, address_check_from, e);
}

static bool parse_host(const struct input *in, struct conf_value *v, struct err *e)
{
	keep(v, in->text);
	return syntax_host(v->text, e);
}

static bool parse_list(const struct input *in, struct conf_value *v, struct err *e)
{
	struct buf list BUF_AUTO;

	buf_init(&list, VALUE_MAX);
	if (!lists_read(in->row->type, in->text, &list, e)) {
		e->cause = CAUSE_CONFIG;
		return false;
	}
	v->text = buf_take(&list);
	return true;
}

static bool parse_ip(const struct input *in, struct conf_value *v, struct err *e)
{
	keep(v, in->text);
	return syntax_ip_version(v->text) ||
	       err_set(e, CAUSE_CONFIG, "not an IP address");
}

static bool parse_fingerprint(const struct input *in, struct conf_value *v, struct err *e)
{
	keep(v, in->text);
	return syntax_fingerprint(v->text, e);
}

static bool (*const parse[])(const struct input *in, struct conf_value *v,
			     struct err *e) = {
	[TYPE_STRING] = parse_string,
	[TYPE_PATH] = parse_path,
	[TYPE_BOOL] = parse_bool,
	[TYPE_NUMBER] = parse_number,
	[TYPE_TIME] = parse_time,
	[TYPE_ENUM] = parse_enum,
	[TYPE_SECRET] = parse_string,
	[TYPE_HOST] = parse_host,
	[TYPE_HOSTS] = parse_list,
	[TYPE_IP] = parse_ip,
	[TYPE_DOMAIN] = parse_domain,
	[TYPE_ADDRESS] = parse_address,
	[TYPE_PATTERNS] = parse_patterns,
	[TYPE_RECIPIENTS] = parse_list,
	[TYPE_ACCOUNTS] = parse_list,
	[TYPE_MECHANISMS] = parse_mechanisms,
	[TYPE_FINGERPRINT] = parse_fingerprint,
	[TYPE_NOTIFY] = parse_notify,
};

static bool check_bytes(struct span s, struct err *e)
{
	for (size_t i = 0; i < s.size; i++) {
		if (s.data[i] == '\0' || lex_is_control(s.data[i])) {
			return err_set(e, CAUSE_CONFIG,
				       "a control character in the value");
		}
	}
	if (s.size > VALUE_MAX) {
		return err_set(e, CAUSE_CONFIG, "longer than %d bytes", VALUE_MAX);
	}
	/* In a file this would be a comment. */
	if (s.size > 0 && memmem(s.data, s.size, LEX_COMMENT, strlen(LEX_COMMENT))) {
		return err_set(e, CAUSE_CONFIG, "a TAB and \"# \" in the value");
	}
	return true;
}

/* What an empty value means: "on", "unset", or (not is_set) "the default". */
static void set_empty(const struct key_row *row, struct conf_value *v)
{
	struct span word;
	bool has_on = row->type == TYPE_BOOL || row->type == TYPE_MECHANISMS ||
		      (row->type == TYPE_ENUM &&
		       words_find(row->words, span_str("on"), &word) >= 0);

	if (has_on) {
		v->text = mem_str("on");
		v->number = row->type == TYPE_ENUM
				    ? words_find(row->words, span_str("on"), &word)
				    : 1;
	}
	v->is_set = has_on || !(row->type == TYPE_NUMBER || row->type == TYPE_TIME ||
				row->type == TYPE_ENUM || row->type == TYPE_NOTIFY);
}

bool value_parse(enum key key, struct span text, const struct conf_env *env,
		 struct conf_value *ret, struct err *e)
{
	const struct key_row *row = conf_key_row(key);
	struct input in = { .row = row, .text = text, .env = env };

	*ret = (struct conf_value){ 0 };
	if (!check_bytes(text, e)) {
		return false;
	}
	if (text.size == 0) {
		set_empty(row, ret);
		return true;
	}
	/* Passwords and file names may be any bytes. */
	bool is_text = row->type != TYPE_SECRET && row->type != TYPE_PATH;
	if ((is_text && !check_utf8(text, e)) || !parse[row->type](&in, ret, e)) {
		value_clear(key, ret);
		if (memmem(text.data, text.size, " #", 2)) {
			struct err why = *e;
			err_set(e, CAUSE_CONFIG, "%s (a comment needs its own line)",
				why.text);
		}
		return false;
	}
	ret->is_set = true;
	return true;
}

long value_number(enum key key, const char *text)
{
	struct conf_env nobody = { 0 };
	struct conf_value v;
	struct err e;
	long number = 0;

	if (text && value_parse(key, span_str(text), &nobody, &v, &e)) {
		number = v.number;
		value_clear(key, &v);
	}
	return number;
}

void value_clear(enum key key, struct conf_value *v)
{
	if (conf_key_row(key)->type == TYPE_SECRET) {
		mem_free_secret(&v->text);
	}
	free(v->text);
	*v = (struct conf_value){ 0 };
}
