/* SPDX-License-Identifier: ISC */
/*
 * repair_params: RFC 2231 for parameters with raw bytes.  Must never lose a byte of a
 * boundary: the body has it as it is.
 */
#include "base/text.h"
#include "mail/param.h"
#include "mail/repair_part.h"

enum {
	PART_MAX = 72,	/* columns of one parameter */
	NAME_MAX = 40,
};

static bool is_plain(char c)
{
	return text_is_alpha(c) || text_is_digit(c) || c == '-' || c == '.' || c == '_';
}

static bool add_percent(struct buf *to, struct span s, bool is_extended)
{
	for (size_t i = 0; i < s.size; i++) {
		char c = s.data[i];
		bool keep = is_extended ? !repair_is_raw(span_first(span_from(s, i), 1))
					: is_plain(c);
		if (keep ? !buf_add_byte(to, c)
			 : !buf_printf(to, "%%%02X", (unsigned)(unsigned char)c)) {
			return false;
		}
	}
	return true;
}

/* One parameter, or one part of it. */
static void add_part(struct field *w, const struct buf *part, bool is_last)
{
	field_blank(w, span_str(" "));
	field_plain(w, buf_span(part));
	if (!is_last) {
		field_plain(w, span_str(";"));
	}
}

static size_t percent_size(struct span s)
{
	size_t size = 0;

	for (size_t i = 0; i < s.size; i++) {
		size += is_plain(s.data[i]) ? 1 : 3;
	}
	return size;
}

/* name*=charset''value, or name*0*=charset''…; name*1*=…; … */
static void add_extended(struct field *w, struct span name, struct span value)
{
	const char *charset = w->charset->name;
	size_t frame = name.size + strlen("*=''") + strlen(charset);
	bool is_short = frame + percent_size(value) <= PART_MAX;

	for (unsigned number = 0; number == 0 || value.size > 0; number++) {
		BUF_AUTO struct buf part;
		buf_init(&part, w->out->max);
		bool ok = buf_add_span(&part, name) &&
			  (is_short ? buf_add_str(&part, "*=")
				    : buf_printf(&part, "*%u*=", number)) &&
			  (number > 0 || buf_printf(&part, "%s''", charset));
		while (ok && value.size > 0) {
			struct span c = span_first(value, charset_step(w->charset, value));
			if (!is_short && part.size + percent_size(c) > PART_MAX) {
				break;
			}
			ok = add_percent(&part, c, false);
			value = span_from(value, c.size);
		}
		w->is_full = w->is_full || !ok;
		if (!ok) {
			return;
		}
		add_part(w, &part, value.size == 0);
	}
}

static void add_param(struct field *w, const struct param *p)
{
	BUF_AUTO struct buf value;
	bool is_extended = p->name.size > 0 && p->name.data[p->name.size - 1] == '*';

	buf_init(&value, w->out->max);
	if (!repair_is_raw(p->value) || p->name.size == 0 || p->name.size > NAME_MAX) {
		repair_flow(w, p->whole);
		return;
	}
	if (!is_extended) {
		w->is_full = w->is_full || !param_add_value(&value, p->value);
		add_extended(w, p->name, buf_span(&value));
		return;
	}
	/* Somebody has done half of the work. */
	bool ok = buf_add_span(&value, p->name) && buf_add_str(&value, "=") &&
		  add_percent(&value, p->value, true);
	w->is_full = w->is_full || !ok;
	field_blank(w, span_str(" "));
	repair_flow(w, buf_span(&value));
}

/* As readers take unknown types (RFC 2045 §5.2, RFC 2046 §4, §5.1.7). */
static struct span readable_type(struct span broken)
{
	static const struct {
		const char *prefix, *type;
	} rows[] = {
		{ "multipart/", "multipart/mixed" },
		{ "application/", "application/octet-stream" },
		{ "audio/", "application/octet-stream" },
		{ "image/", "application/octet-stream" },
		{ "video/", "application/octet-stream" },
		{ "", "text/plain" },
	};
	size_t i = 0, size = 0;

	while (size < broken.size && !strchr(" \t(", broken.data[size])) {
		size++;
	}
	/* A comment is wrong. */
	struct span token = span_first(broken, size);
	if (size > 0 && memchr(token.data, '/', size) && !repair_is_raw(token)) {
		return token;
	}
	while (!text_starts_fold(broken, rows[i].prefix)) {
		i++;
	}
	return span_str(rows[i].type);
}

static void add_type(struct field *w, struct span first)
{
	struct span type = span_trim(first);

	field_blank(w, span_first(first, repair_blanks(first)));
	field_plain(w, readable_type(type));
	field_plain(w, span_str(";"));
	add_extended(w, span_str("x-original-type"), type);
}

void repair_params(struct field *w, struct span value, bool is_type)
{
	struct span rest, first = param_first(value, &rest);
	struct param p;

	if (is_type && repair_is_raw(first)) {
		add_type(w, first);
	} else {
		repair_flow(w, first);
	}
	while (param_next(&rest, &p)) {
		field_plain(w, span_str(";"));
		field_may_break(w);
		add_param(w, &p);
	}
}
