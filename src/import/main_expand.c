/* SPDX-License-Identifier: ISC */
/*
 * main_expand: the values of main.cf.  A file of a stranger can name itself in a circle, or
 * double its text with each line: the depth, the number of steps and the size of a value are
 * bounded, and so is the work for all values together.
 */
#include "import/main_cf.h"
#include "base/text.h"
#include "import/lines.h"

#include <stdlib.h>

enum { DEPTH_MOST = 50, NESTED_MOST = 200, STEPS_MOST = 20000 };
/* Of one file, whose tables can ask for values once a line; copied bytes count as well. */
enum { WORK_MOST = 8 << 20, BYTES_A_STEP = 64 };

/* -- what $name stands for ----------------------------------------------------- */

/* Defaults with other names in them, or that other values use. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{ "alias_database", "hash:/etc/aliases" },
	{ "alias_maps", "hash:/etc/aliases" },
	{ "bounce_queue_lifetime", "5d" },
	{ "canonical_classes", "envelope_sender, envelope_recipient, header_sender, header_recipient" },
	{ "command_directory", "/usr/sbin" },
	{ "compatibility_level", "0" },
	{ "daemon_directory", "/usr/lib/postfix/sbin" },
	{ "data_directory", "/var/lib/postfix" },
	{ "default_database_type", "hash" },
	{ "default_destination_concurrency_limit", "20" },
	{ "default_transport", "smtp" },
	{ "inet_protocols", "all" },
	{ "mail_name", "Postfix" },
	{ "mail_owner", "postfix" },
	{ "maximal_queue_lifetime", "5d" },
	{ "message_size_limit", "10240000" },
	{ "mydestination", "$myhostname, localhost.$mydomain, localhost" },
	{ "myorigin", "$myhostname" },
	{ "queue_directory", "/var/spool/postfix" },
	{ "queue_run_delay", "300s" },
	{ "smtp_destination_concurrency_limit", "$default_destination_concurrency_limit" },
	{ "smtp_fallback_relay", "$fallback_relay" },
	{ "smtp_helo_name", "$myhostname" },
	{ "smtp_sasl_password_result_delimiter", ":" },
	{ "smtp_sasl_security_options", "noplaintext, noanonymous" },
	{ "smtp_sasl_tls_security_options", "$smtp_sasl_security_options" },
	{ "smtp_tls_key_file", "$smtp_tls_cert_file" },
};

struct expansion {
	struct main_cf *m;
	struct buf *to;
	struct err *e;
	unsigned steps, nested;
	size_t depth;
	struct span names[DEPTH_MOST];	/* being replaced, to see circles */
};

static bool expand(struct expansion *x, struct span s);

/* The part behind the first dot of myhostname. */
static bool add_domain(struct expansion *x)
{
	struct buf name BUF_AUTO, *to = x->to;

	buf_init(&name, 4096);
	x->to = &name;
	bool ok = expand(x, span_str("$myhostname"));
	x->to = to;
	if (!ok) {
		return false;
	}
	const char *dot = strchr(name.data, '.');
	return buf_add_str(to, dot && dot[1] ? dot + 1 : "localdomain") ||
	       err_set(x->e, CAUSE_CONFIG, "the value is too long");
}

/* The machine's name; without a dot in it, mydomain is added. */
static bool add_host(struct expansion *x)
{
	const struct main_line *domain = main_cf_find(x->m, span_str("mydomain"));
	const char *host = x->m->host;

	if (!buf_add_str(x->to, host)) {
		return err_set(x->e, CAUSE_CONFIG, "the value is too long");
	}
	if (strchr(host, '.')) {
		return true;
	}
	return expand(x, span_str(".")) &&
	       expand(x, domain ? span_str("$mydomain") : span_str("localdomain"));
}

static bool add_default(struct expansion *x, struct span name)
{
	if (span_equal(name, span_str("myhostname"))) {
		return add_host(x);
	}
	if (span_equal(name, span_str("mydomain"))) {
		return add_domain(x);
	}
	if (span_equal(name, span_str("config_directory"))) {
		return expand(x, span_str(x->m->folder));
	}
	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++) {
		if (span_equal(name, span_str(defaults[i].name))) {
			return expand(x, span_str(defaults[i].value));
		}
	}
	return true;
}

static bool add_name(struct expansion *x, struct span name)
{
	const struct main_line *line = main_cf_find(x->m, name);

	for (size_t i = 0; i < x->depth; i++) {
		if (span_equal(x->names[i], name)) {
			return err_set(x->e, CAUSE_CONFIG, "$%.*s stands for itself, in a circle",
				       SPAN_ARG(span_first(name, 64)));
		}
	}
	if (x->depth == DEPTH_MOST) {
		return err_set(x->e, CAUSE_CONFIG, "more than %d names in each other", DEPTH_MOST);
	}
	x->names[x->depth++] = name;
	bool ok = line ? expand(x, line->value) : add_default(x, name);
	x->depth--;
	return ok;
}

/* -- ${…} ---------------------------------------------------------------------- */

static size_t name_size(struct span s)
{
	size_t size = 0;

	while (size < s.size && (text_is_alpha(s.data[size]) || text_is_digit(s.data[size]) ||
				 s.data[size] == '_')) {
		size++;
	}
	return size;
}

/* Into a buffer of its own, without blanks around. */
static bool expand_apart(struct expansion *x, struct span s, struct buf *to)
{
	struct buf *old = x->to;

	buf_init(to, old->max);
	x->to = to;
	bool ok = expand(x, s);
	x->to = old;
	return ok;
}

/* {a}, with what stands behind it in *rest; without braces all of it. */
static struct span take_arm(struct span s, struct span *rest)
{
	struct span trimmed = span_trim(s);

	*rest = span_of(NULL, 0);
	if (trimmed.size == 0 || trimmed.data[0] != '{') {
		return s;
	}
	size_t close = lines_close(trimmed);
	*rest = span_trim(span_from(trimmed, close + 1));
	return span_trim(span_from(span_first(trimmed, close), 1));
}

/* `?{a}:{b}`, `?a`, `:b`. */
static bool choose(struct expansion *x, struct span s, bool is_true)
{
	struct span rest, first = take_arm(span_from(s, 1), &rest);

	if (s.data[0] == ':') {
		return is_true || expand(x, first);
	}
	if (is_true) {
		return expand(x, first);
	}
	if (rest.size > 0 && rest.data[0] == ':') {
		return expand(x, take_arm(span_from(rest, 1), &first));
	}
	return true;
}

/* "3.6" as a number that can be compared; other text is 0. */
static unsigned long level(const char *text)
{
	char *end;
	unsigned long major = strtoul(text, &end, 10);
	unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;

	return (major > 9999 ? 9999 : major) * 10000 + (minor > 9999 ? 9999 : minor);
}

static bool all_digits(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

/* Is `left op right` true? */
static bool compare_texts(const char *left, struct span op, const char *right, bool *ret)
{
	static const struct {
		const char *op;
		int wanted;	/* bits: 1 less, 2 equal, 4 more */
	} ops[] = {
		{ "==", 2 }, { "!=", 5 }, { "<", 1 }, { "<=", 3 }, { ">", 4 }, { ">=", 6 },
		{ "<level", 1 }, { "<=level", 3 }, { ">level", 4 }, { ">=level", 6 },
		{ "==level", 2 }, { "!=level", 5 },
	};
	bool is_level = op.size > 5 && memmem(op.data, op.size, "level", 5);
	int order = strcmp(left, right);

	if (is_level || (all_digits(left) && all_digits(right))) {
		unsigned long a = level(left), b = level(right);
		order = (a > b) - (a < b);
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (span_equal(op, span_str(ops[i].op))) {
			*ret = ops[i].wanted & (order < 0 ? 1 : order == 0 ? 2 : 4);
			return true;
		}
	}
	return false;
}

/* {left} op {right} ? {a} : {b} */
static bool expand_relation(struct expansion *x, struct span s)
{
	struct span rest, left = take_arm(s, &rest), end;
	size_t size = 0;
	struct buf a BUF_AUTO, b BUF_AUTO;
	bool is_true = false;

	buf_init(&a, 0);
	buf_init(&b, 0);
	while (size < rest.size && rest.data[size] != '{' && rest.data[size] != ' ') {
		size++;
	}
	struct span op = span_first(rest, size);
	struct span right = take_arm(span_from(rest, size), &end);
	if (!expand_apart(x, left, &a) || !expand_apart(x, right, &b)) {
		return false;
	}
	if (!compare_texts(a.data, op, b.data, &is_true)) {
		return err_set(x->e, CAUSE_CONFIG, "a comparison that is not understood");
	}
	return end.size == 0 || end.data[0] != '?' || choose(x, end, is_true);
}

/* What stands in the braces. */
static bool expand_braced(struct expansion *x, struct span s)
{
	s = span_trim(s);
	if (s.size > 0 && s.data[0] == '{') {
		return expand_relation(x, s);
	}
	struct span name = span_first(s, name_size(s));
	struct span rest = span_trim(span_from(s, name.size));
	if (name.size == 0 || (rest.size > 0 && rest.data[0] != '?' && rest.data[0] != ':')) {
		return err_set(x->e, CAUSE_CONFIG, "${…} without a name in it");
	}
	if (rest.size == 0) {
		return add_name(x, name);
	}
	struct buf value BUF_AUTO, *to = x->to;
	buf_init(&value, to->max);
	x->to = &value;
	bool ok = add_name(x, name);
	x->to = to;
	return ok && choose(x, rest, value.size > 0);
}

/* Takes one $… off the start of *s. */
static bool expand_one(struct expansion *x, struct span *s)
{
	struct span rest = span_from(*s, 1);

	if (rest.size > 0 && rest.data[0] == '$') {
		*s = span_from(rest, 1);
		return buf_add_byte(x->to, '$') ||
		       err_set(x->e, CAUSE_CONFIG, "the value is too long");
	}
	if (rest.size > 0 && (rest.data[0] == '{' || rest.data[0] == '(')) {
		size_t close = lines_close(rest);
		if (close == rest.size) {
			return err_set(x->e, CAUSE_CONFIG, "a brace is not closed");
		}
		*s = span_from(rest, close + 1);
		return expand_braced(x, span_from(span_first(rest, close), 1));
	}
	struct span name = span_first(rest, name_size(rest));
	if (name.size == 0) {
		return err_set(x->e, CAUSE_CONFIG, "a $ without a name behind it");
	}
	*s = span_from(rest, name.size);
	return add_name(x, name);
}

static bool expand_all(struct expansion *x, struct span s)
{
	while (s.size > 0) {
		const char *dollar = memchr(s.data, '$', s.size);
		size_t size = dollar ? (size_t)(dollar - s.data) : s.size;
		if (!buf_add_span(x->to, span_first(s, size))) {
			return err_set(x->e, CAUSE_CONFIG, "the value is too long");
		}
		s = span_from(s, size);
		if (dollar && !expand_one(x, &s)) {
			return false;
		}
	}
	return true;
}

static bool expand(struct expansion *x, struct span s)
{
	x->m->work += 1 + s.size / BYTES_A_STEP;
	if (x->nested == NESTED_MOST || ++x->steps > STEPS_MOST || x->m->work > WORK_MOST) {
		return err_set(x->e, CAUSE_CONFIG, "too many names in it to replace them all");
	}
	x->nested++;
	bool ok = expand_all(x, s);
	x->nested--;
	return ok;
}

bool main_cf_expand(struct main_cf *m, struct span value, struct buf *to,
		    struct err *e)
{
	struct expansion x = { .m = m, .to = to, .e = e };

	return expand(&x, value);
}

bool main_cf_get(struct main_cf *m, const char *name, struct buf *to, struct err *e)
{
	struct expansion x = { .m = m, .to = to, .e = e };

	return add_name(&x, span_str(name));
}
