/* SPDX-License-Identifier: ISC */
/*
 * server_param: the parameters of MAIL and RCPT (RFC 5321 §4.1.2 esmtp-param): SIZE
 * (RFC 1870), BODY (6152), SMTPUTF8 (6531), RET, ENVID, NOTIFY, ORCPT (3461), and of our own
 * XMODE and its like (client.h).  555 for a parameter nobody offered, 501 for one that is
 * malformed, 504 for a value that is correct but cannot be done here.
 */
#include "smtp/server_state.h"
#include "base/text.h"

/* RFC 3461 §4.2, as it is sent. */
enum { ORCPT_MAX = 500 };

static bool fails(struct smtp_answer *why, int code, const char *what, struct span keyword)
{
	struct span shown = span_first(keyword, 40);

	smtp_answer_set(why, VERDICT_PERMANENT, code, "5.5.4", "%.*s: %s", SPAN_ARG(shown),
			what);
	return false;
}

static bool is_word(struct span value, const char *word)
{
	return text_equal_fold(value, span_str(word));
}

static int hex_digit(char c)
{
	c = text_lower(c);
	return text_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3461 §4; false when it is no xtext. */
static bool add_bytes(struct buf *to, struct span xtext)
{
	for (size_t i = 0; i < xtext.size; i++) {
		char c = xtext.data[i];
		if (c == '+') {
			int high = i + 2 < xtext.size ? hex_digit(xtext.data[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(xtext.data[i + 2]) : -1;
			if (low < 0) {
				return false;
			}
			c = (char)(high << 4 | low);
			i += 2;
		}
		if (!buf_add_byte(to, c)) {
			return false;
		}
	}
	return true;
}

/* False also when it means something that is not printable. */
static bool add_decoded(struct buf *to, struct span xtext)
{
	size_t before = to->size;

	if (!add_bytes(to, xtext)) {
		return false;
	}
	struct span added = span_from(buf_span(to), before);
	for (size_t i = 0; i < added.size; i++) {
		if ((unsigned char)added.data[i] < ' ' || added.data[i] == 0x7f) {
			return false;
		}
	}
	return text_is_utf8(added);
}

/* -- one function for each; false: t->code and t->what are the reply -------------------- */

struct taken {
	struct server_params *params;
	struct span value;
	int code;
	const char *what;
};

static bool is_malformed(struct taken *t, const char *what)
{
	t->code = 501;
	t->what = what;
	return false;
}

static bool take_size(struct taken *t)
{
	/* RFC 1870 §3: up to 20 digits.  What does not fit is too much for everybody. */
	for (size_t i = 0; i < t->value.size; i++) {
		if (!text_is_digit(t->value.data[i])) {
			return is_malformed(t, "not a number");
		}
	}
	if (t->value.size > 20) {
		return is_malformed(t, "more than 20 digits");
	}
	if (!text_unsigned(t->value, ~0ULL, &t->params->size)) {
		t->params->size = ~0ULL;
	}
	return true;
}

static bool take_body(struct taken *t)
{
	if (is_word(t->value, "BINARYMIME")) {
		t->code = 504;
		t->what = "BINARYMIME is not offered";
		return false;
	}
	t->params->is_8bit = is_word(t->value, "8BITMIME");
	return t->params->is_8bit || is_word(t->value, "7BIT") ||
	       is_malformed(t, "7BIT or 8BITMIME is wanted");
}

static bool take_smtputf8(struct taken *t)
{
	t->params->is_smtputf8 = true;
	return true;
}

static bool take_ret(struct taken *t)
{
	bool is_full = is_word(t->value, "FULL");

	t->params->ret = is_full ? SMTP_RET_FULL : SMTP_RET_HDRS;
	return is_full || is_word(t->value, "HDRS") ||
	       is_malformed(t, "FULL or HDRS is wanted");
}

static bool take_envid(struct taken *t)
{
	if (t->value.size > VERB_ENVID_MAX) {
		return is_malformed(t, "more than 100 characters");
	}
	if (!add_bytes(&t->params->envid, t->value)) {
		return is_malformed(t, "not xtext");
	}
	const char *fault = verb_envid_fault(buf_span(&t->params->envid));
	return !fault || is_malformed(t, fault);
}

static bool take_mode(struct taken *t)
{
	bool is_queue = is_word(t->value, "QUEUE");

	t->params->mode = is_queue ? SMTP_MODE_QUEUE : SMTP_MODE_BACKGROUND;
	return is_queue || is_word(t->value, "BACKGROUND") ||
	       is_malformed(t, "QUEUE or BACKGROUND is wanted");
}

static bool take_errors(struct taken *t)
{
	static const char *const words[] = {
		[SMTP_ERRORS_PRINT] = "PRINT",
		[SMTP_ERRORS_MAIL] = "MAIL",
		[SMTP_ERRORS_ZERO] = "ZERO",
		[SMTP_ERRORS_QUIET] = "QUIET",
	};

	for (enum smtp_errors i = SMTP_ERRORS_PRINT; i <= SMTP_ERRORS_QUIET; i++) {
		if (is_word(t->value, words[i])) {
			t->params->errors = i;
			return true;
		}
	}
	return is_malformed(t, "PRINT, MAIL, ZERO or QUIET is wanted");
}

static bool take_notice(struct taken *t)
{
	t->params->wants_notice = true;
	return true;
}

static bool take_result(struct taken *t)
{
	t->params->wants_result = true;
	return true;
}

static bool take_name(struct taken *t)
{
	return add_decoded(&t->params->full_name, t->value) ||
	       is_malformed(t, "not xtext, or too long");
}

static bool take_notify(struct taken *t)
{
	static const struct {
		const char *word;
		unsigned bit;
	} words[] = { { "NEVER", SMTP_NOTIFY_NEVER }, { "SUCCESS", SMTP_NOTIFY_SUCCESS },
		      { "FAILURE", SMTP_NOTIFY_FAILURE }, { "DELAY", SMTP_NOTIFY_DELAY } };
	struct span rest = t->value;
	unsigned notify = 0;

	for (bool is_more = true; is_more;) {
		const char *comma = memchr(rest.data, ',', rest.size);
		size_t size = comma ? (size_t)(comma - rest.data) : rest.size;
		struct span one = span_first(rest, size);
		unsigned bit = 0;
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
			bit |= is_word(one, words[i].word) ? words[i].bit : 0;
		}
		is_more = comma != NULL;
		if (bit == 0 || (is_more && one.size + 1 == rest.size)) {
			return is_malformed(t, "NEVER, or some of SUCCESS,FAILURE,DELAY");
		}
		notify |= bit;
		rest = span_from(rest, one.size + is_more);
	}
	if ((notify & SMTP_NOTIFY_NEVER) && notify != SMTP_NOTIFY_NEVER) {
		return is_malformed(t, "NEVER must stand alone");
	}
	t->params->notify = notify;
	return true;
}

static bool take_orcpt(struct taken *t)
{
	const char *semicolon = memchr(t->value.data, ';', t->value.size);
	size_t type = semicolon ? (size_t)(semicolon - t->value.data) : 0;

	if (t->value.size > ORCPT_MAX) {
		return is_malformed(t, "more than 500 bytes");
	}
	for (size_t i = 0; i < type; i++) {
		char c = t->value.data[i];
		if (!text_is_alpha(c) && !text_is_digit(c) && c != '-') {
			type = 0;
		}
	}
	if (type == 0 || type + 1 == t->value.size) {
		return is_malformed(t, "TYPE;ADDRESS is wanted");
	}
	return (buf_add(&t->params->orcpt, t->value.data, type + 1) &&
		add_decoded(&t->params->orcpt, span_from(t->value, type + 1))) ||
	       is_malformed(t, "not xtext");
}

static const struct row {
	const char *keyword;
	bool is_mail;
	bool has_value;
	bool (*take)(struct taken *t);
	bool is_own;
} rows[] = {
	{ "SIZE", true, true, take_size },
	{ "BODY", true, true, take_body },
	{ "SMTPUTF8", true, false, take_smtputf8 },
	{ "RET", true, true, take_ret },
	{ "ENVID", true, true, take_envid },
	{ "NOTIFY", false, true, take_notify },
	{ "ORCPT", false, true, take_orcpt },
	{ "XMODE", true, true, take_mode, .is_own = true },
	{ "XERRORS", true, true, take_errors, .is_own = true },
	{ "XNOTICE", true, false, take_notice, .is_own = true },
	{ "XRESULT", true, false, take_result, .is_own = true },
	{ "XNAME", true, true, take_name, .is_own = true },
};

/* -- all of them ----------------------------------------------------------------------- */

void server_params_init(struct server_params *p)
{
	*p = (struct server_params){ 0 };
	buf_init(&p->envid, VERB_ENVID_MAX);
	buf_init(&p->full_name, VERB_NAME_MAX);
	buf_init(&p->orcpt, ORCPT_MAX);
}

void server_params_clear(struct server_params *p)
{
	buf_clear(&p->envid);
	buf_clear(&p->full_name);
	buf_clear(&p->orcpt);
}

static bool is_keyword(struct span keyword)
{
	for (size_t i = 0; i < keyword.size; i++) {
		char c = keyword.data[i];
		if (!text_is_alpha(c) && !text_is_digit(c) && (c != '-' || i == 0)) {
			return false;
		}
	}
	return keyword.size > 0;
}

static bool is_value(struct span value)
{
	for (size_t i = 0; i < value.size; i++) {
		unsigned char c = (unsigned char)value.data[i];
		if (c <= ' ' || c == 0x7f || c == '=') {
			return false;
		}
	}
	return value.size > 0 && text_is_utf8(value);
}

static bool take_one(struct server_params *p, struct span one, bool is_mail,
		     struct smtp_answer *why)
{
	const char *equals = memchr(one.data, '=', one.size);
	struct span keyword = equals ? span_first(one, (size_t)(equals - one.data)) : one;
	struct span value = equals ? span_from(one, keyword.size + 1) : span_of(NULL, 0);

	if (!is_keyword(keyword) || (equals && !is_value(value))) {
		return fails(why, 501, "the parameter is malformed", keyword);
	}
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct row *row = &rows[i];
		struct taken t = { .params = p, .value = value };
		if (row->is_mail != is_mail || !is_word(keyword, row->keyword) ||
		    (row->is_own && !p->has_own)) {
			continue;
		}
		if (p->seen & (1u << i)) {
			return fails(why, 501, "stands there twice", keyword);
		}
		p->seen |= 1u << i;
		if (row->has_value != (equals != NULL)) {
			return fails(why, 501, equals ? "takes no value" : "needs a value",
				     keyword);
		}
		return row->take(&t) || fails(why, t.code, t.what, keyword);
	}
	return fails(why, 555, "the parameter is not known here", keyword);
}

bool server_params_parse(struct server_params *p, struct span rest, bool is_mail,
			 struct smtp_answer *why)
{
	for (rest = span_trim(rest); rest.size > 0; rest = span_trim(rest)) {
		size_t size = 1;
		while (size < rest.size && !memchr(" \t", rest.data[size], 2)) {
			size++;
		}
		if (!take_one(p, span_first(rest, size), is_mail, why)) {
			return false;
		}
		rest = span_from(rest, size);
	}
	return true;
}
